"""The house has one direction: a room imports only from rooms to its left, and from ``model``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from probe.publish.privacy.logged_fields import FIELDS
from tests.every import for_every

ROOT = Path(__file__).parent.parent
ROOMS = (
    "config",
    "schedule",
    "measure",
    "observe",
    "verdict",
    "nation",
    "store",
    "publish",
    "outlets",
)
# I/O libraries, and the one room that may know each.
OWNERS = {
    "apprise": "publish",
    "apscheduler": "schedule",
    "PIL": "publish",
    "babel": "publish",
    "cramjam": "publish",
    "google": "publish",
    "aiodns": "measure",
    "aioquic": "measure",
    "bcrypt": "publish",
    "click": "cli",
    "cryptography": "measure",
    "dns": "measure",
    "fcntl": "measure",
    "h11": "measure",
    "h2": "measure",
    "httpcore": "measure",
    "httpx": "measure",
    "jinja2": "publish",
    "obstore": "hub",
    "prometheus_client": "publish",
    "pyarrow": "publish",
    "ruamel": "config",
    "socket": "measure",
    "sqlite3": "store",
    "ssl": "measure",
    "starlette": "publish",
    "uvicorn": "publish",
}
PURE = {"model", "observe", "verdict", "nation"}
NOT_PURE = {"asyncio", "os", "pathlib", "random", "socket", "ssl", "subprocess", "time"}
# The uvicorn server is given a socket that is already bound, so that a taken port is a readable
# error, and its TLS context is told the least
# version. systemd listens on a socket of the local domain.
EXCEPTIONS = {
    *(
        (f"commands/{name}.py", "click")
        for name in (
            "beacon",
            "demo",
            "drill",
            "files",
            "hub",
            "hub_copy",
            "hub_findings",
            "join",
            "key_file",
            "new_files",
            "manual",
            "nation",
            "notify",
            "options",
            "outside",
            "rules",
        )
    ),
    ("commands/nation.py", "ssl"),
    # Whose certificates are believed is said before anything is asked.
    ("commands/join.py", "ssl"),
    # One request with samples, on connections that are bounded.
    ("publish/forward/remote_write.py", "httpcore"),
    # The hub is a program of its own: a gate before an engine, with a file of who takes part.
    ("commands/hub_register.py", "sqlite3"),
    ("commands/hub_findings.py", "sqlite3"),
    ("hub/engine.py", "httpx"),
    ("hub/engine_query.py", "httpx"),
    ("hub/gate.py", "cramjam"),
    ("hub/gate.py", "google.protobuf.message"),
    ("hub/own_file.py", "sqlite3"),
    # Which version of it writes numbers and dates.
    ("hub/site_form.py", "babel"),
    ("hub/hub_server.py", "socket"),
    ("hub/hub_server.py", "uvicorn"),
    ("hub/hub_numbers.py", "prometheus_client"),
    ("hub/service.py", "sqlite3"),
    *(
        ("hub/service.py", f"starlette.{part}")
        for part in ("applications", "requests", "responses", "routing")
    ),
    # So is the beacon: a server that knows nothing of probes.
    ("beacon/beacon_server.py", "h11"),
    ("beacon/beacon_server.py", "socket"),
    ("beacon/beacon_server.py", "ssl"),
    *(("beacon/beacon_server.py", name) for name in ("uvicorn", "uvicorn.protocols.http.h11_impl")),
    *(("beacon/beacon_server.py", f"starlette.{part}") for part in ("applications", "routing")),
    *(
        (f"beacon/{name}.py", "starlette.types")
        for name in ("beacon_server", "beacon_service", "over_quic")
    ),
    ("beacon/over_quic.py", "socket"),
    *(
        ("beacon/over_quic.py", f"aioquic.{part}")
        for part in (
            "asyncio.protocol",
            "asyncio.server",
            "h3.connection",
            "h3.events",
            "quic.configuration",
            "quic.connection",
            "quic.events",
        )
    ),
    *(
        ("beacon/own_certificate.py", f"cryptography{part}")
        for part in (
            "",
            ".x509.oid",
            ".hazmat.primitives.asymmetric.ec",
            ".hazmat.primitives.hashes",
            ".hazmat.primitives.serialization",
        )
    ),
    # Asks this product's own daemon, once.
    ("commands/asking.py", "httpx"),
    ("commands/asking.py", "ssl"),
    # Who signs is asked wherever something signed is read: the configuration's bundles, references.
    *(
        ("config/signing.py", f"cryptography.{part}")
        for part in (
            "exceptions",
            "hazmat.primitives",
            "hazmat.primitives.asymmetric.ed25519",
        )
    ),
    # One process installs a bundle at a time.
    ("store/bundle_install.py", "fcntl"),
    # The demo's far end is a server of its own, in a process of its own.
    ("demo/hello.py", "ssl"),
    *(("demo/far.py", library) for library in ("socket", "uvicorn")),
    *(("demo/far.py", f"starlette.{part}") for part in ("applications", "requests", "responses")),
    ("demo/far.py", "starlette.routing"),
    # What a client sends is parsed by the server's own library, within our bounds.
    ("publish/web/patience.py", "h11"),
    ("publish/web/door.py", "socket"),
    ("publish/web/door.py", "ssl"),
    ("publish/web/server.py", "socket"),
    ("publish/web/server.py", "ssl"),
    ("daemon/service_manager.py", "socket"),
    # One daemon writes to a history; a lock of the kernel ends with its process.
    ("store/file_identity.py", "fcntl"),
    ("store/shared.py", "fcntl"),
    ("publish/forward/remote_write.py", "ssl"),
    # A process of its own, whose ways out are fenced.
    ("publish/notify/guarded_send.py", "socket"),
}
# Fields of the log that are never texts.
ERRORS_AND_NUMBERS = {
    "bundle_version",
    "error",
    "lines",
    "outside",
    "rounds",
    "seconds",
    "slots",
    "status",
}
# Rooms that only commands enter: nothing of the daemon knows them.
SIDE_ROOMS = {"beacon", "demo", "hub"}


def modules() -> list[Path]:
    return sorted((ROOT / "probe").rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT / "probe"))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "probe").parts
    return parts[0] if len(parts) > 1 else path.stem


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@for_every(modules(), name_of)
def test_rooms_import_only_from_their_left(path: Path) -> None:
    room = room_of(path)
    for name in imports(path):
        if not name.startswith("probe."):
            continue
        other = name.split(".")[1]
        if room == "model":
            assert other == "model"
        elif room in ROOMS:
            allowed = {"model", *ROOMS[: ROOMS.index(room) + 1]}
            assert other in allowed, f"{room} must not import {name}"
        elif room in SIDE_ROOMS:
            assert other in {"config", "model", "nation", "publish", room}, (
                f"{room} must not import {name}"
            )
        else:
            outside = {"__init__", "__main__", "app", "cli", "commands", "daemon", "start"}
            assert room in outside, f"{room} is a room nobody knows"
            assert other not in SIDE_ROOMS or room == "commands", f"only commands enter {other}"


@for_every(modules(), name_of)
def test_libraries_that_do_io_are_known_in_one_room_each(path: Path) -> None:
    for name in imports(path):
        owner = OWNERS.get(name.split(".")[0])
        if owner is not None and (name_of(path), name) not in EXCEPTIONS:
            # Commands that are more than a few lines stand beside the others.
            room = "cli" if room_of(path) == "commands" else room_of(path)
            assert room == owner, f"{name} belongs to {owner}"


@for_every(modules(), name_of)
def test_the_middle_of_the_house_is_pure(path: Path) -> None:
    if room_of(path) in PURE:
        assert not {name.split(".")[0] for name in imports(path)} & NOT_PURE


def test_no_module_grows_past_what_one_reason_needs() -> None:
    long = {name_of(path): len(path.read_text().splitlines()) for path in modules()}
    assert not {name: lines for name, lines in long.items() if lines > 400}


LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def log_calls(path: Path) -> Iterator[ast.Call]:
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            if isinstance(of, ast.Name) and of.id == "log" and node.func.attr in LOGGING:
                yield node


@for_every(modules(), name_of)
def test_messages_of_the_log_stand_in_our_source_and_their_fields_are_known(path: Path) -> None:
    for call in log_calls(path):
        assert isinstance(call.func, ast.Attribute)
        message, *arguments = call.args[1:] if call.func.attr == "log" else call.args
        # Sentences of verdicts and incidents are made of our words, numbers and configured names.
        sentence = isinstance(message, ast.Attribute) and message.attr == "sentence"
        assert sentence or isinstance(message, ast.Constant), f"{path}:{call.lineno}"
        extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
        for node in (*arguments, *([extra] if extra else [])):
            for inner in ast.walk(node):
                made = isinstance(inner, ast.JoinedStr) or (
                    isinstance(inner, ast.Call)
                    and isinstance(inner.func, ast.Name)
                    and inner.func.id in {"str", "repr"}
                )
                assert not made, f"{path}:{call.lineno}: give the error itself, not its text"
        for key in extra.keys if isinstance(extra, ast.Dict) else ():
            assert isinstance(key, ast.Constant)
            known = key.value in FIELDS or key.value in ERRORS_AND_NUMBERS
            assert known, (
                f"{path}:{call.lineno}: say in probe/publish/privacy/logged_fields.py what is "
                "written of it"
            )


@for_every(("lab", "scenarios", "synth", "benchmarks"))
def test_nothing_outside_the_tests_imports_them(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        assert not [name for name in imports(path) if name.split(".")[0] == "tests"], path


@for_every(("lab", "scenarios", "synth", "benchmarks"))
def test_whoever_lets_a_daemon_live_uses_what_it_offers(folder: str) -> None:
    """``outlets``, ``rounds_of`` and ``snapshot`` of ``probe.app.Daemon``, not its inside."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                of = node.value
                name = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
                # A process that is called so has no inside of ours.
                assert name != "daemon" or node.attr.startswith("__"), f"{path}:{node.lineno}"
