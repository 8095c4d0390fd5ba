"""Private parts of libraries: which are used, that they are there, that a version bounds them.

A private name may go with any release. So each use stands in ``USED`` with its reason; the release
is bounded in pyproject.toml; and a look at the installed library says whether the part is still
there, before a daemon meets its absence.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import re
import ssl
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import aiodns
import httpx
import pytest
import uvicorn
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.quic.connection import QuicConnection
from aioquic.tls import Context
from h2.connection import H2Connection
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

ROOT = Path(__file__).parent.parent
PRODUCT = ("probe", "lab", "synth", "scenarios", "benchmarks", "tools")
# Documented with its underscore.
PUBLIC = {"_exit", "_replace", "_fields"}


class Part(NamedTuple):
    """A private part: whose, who bounds its version, why it is used, whether it is there."""

    bounded_by: str
    why: str
    there: Callable[[], bool]


def makes_a_channel() -> bool:
    # Their own fallback where c-ares has no thread is what ours is made of.
    return list(inspect.signature(aiodns.DNSResolver._make_channel).parameters) == [
        "self",
        "kwargs",
    ]


def an_open_resolver_has(name: str) -> Callable[[], bool]:
    def there() -> bool:
        async def look() -> bool:
            async with aiodns.DNSResolver() as resolver:
                return hasattr(resolver, name)

        return asyncio.run(look())

    return there


def a_session_has_chains() -> bool:
    session = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="name.invalid"
    )
    inside = session._sslobj  # type: ignore[attr-defined]
    return hasattr(inside, "get_verified_chain") and hasattr(inside, "get_unverified_chain")


def aioquic_keeps_the_certificate() -> bool:
    return "_peer_certificate" in inside(Context)


def aioquic_keeps_the_connection() -> bool:
    return "_quic" in inside(QuicConnectionProtocol)


def has(owner: type, *names: str) -> Callable[[], bool]:
    return lambda: set(names) <= inside(owner)


NO_THREAD = "a look-up without a thread of c-ares for each channel: most of its cost"
CHAIN = "the dates and names of a chain, and of a certificate that was refused"
USED: dict[str, Part] = {
    "DNSResolver._make_channel": Part("aiodns", NO_THREAD, makes_a_channel),
    "DNSResolver._start_timer": Part(
        "aiodns", "a packet is sent again when c-ares says", an_open_resolver_has("_start_timer")
    ),
    **{
        f"DNSResolver.{name}": Part("aiodns", NO_THREAD, an_open_resolver_has(name))
        for name in ("_timer", "_timer_cb", "_timeout", "_channel")
    },
    "_sock_state_cb": Part("aiodns", NO_THREAD, an_open_resolver_has("_sock_state_cb")),
    "_sslobj": Part("python", CHAIN, a_session_has_chains),
    "_peer_certificate": Part(
        "aioquic",
        "the far end's own certificate, where its key is pinned",
        aioquic_keeps_the_certificate,
    ),
    "QuicConnectionProtocol._quic": Part(
        "aioquic",
        "HTTP/3 is spoken over the connection that a protocol is made around",
        aioquic_keeps_the_connection,
    ),
    **{
        f"H3Connection.{name}": Part(
            "aioquic",
            "no fields are remembered, and no head is without end",
            has(H3Connection, name),
        )
        for name in ("_decoder", "_get_local_settings", "_decode_headers")
    },
    **{
        f"QuicConnection.{name}": Part(
            "aioquic",
            "a far end is given so little credit that its datagrams are small (experiments)",
            has(QuicConnection, name),
        )
        for name in ("_write_stream_limits", "_on_max_stream_data_delivery")
    },
    "_run_once": Part(
        "python",
        "the laboratory counts how often the event loop turns",
        lambda: hasattr(asyncio.SelectorEventLoop, "_run_once"),
    ),
}


# Not private by name, and in no library's documentation.
UNDOCUMENTED: dict[str, Part] = {
    "uvicorn H11Protocol": Part(
        "uvicorn",
        "an end to its patience, and to what it reads ahead (patience.py)",
        has(
            H11Protocol,
            *("connection_made", "connection_lost", "data_received", "on_response_complete"),
            *("send_400_response", "conn", "cycle", "client", "transport", "loop"),
        ),
    ),
    "uvicorn RequestResponseCycle": Part(
        "uvicorn",
        "whether an answer is under way (patience.py)",
        has(RequestResponseCycle, "disconnected", "response_complete"),
    ),
    "uvicorn Server": Part(
        "uvicorn",
        "signals are the daemon's, a socket that is bound is given (server.py)",
        has(uvicorn.Server, "capture_signals", "serve", "should_exit", "started"),
    ),
    "httpx _main": Part(
        "httpx",
        "its command is left out of ours; httpx bears its absence (start.py)",
        lambda: find_spec("httpx._main") is not None and callable(httpx.main),
    ),
    "h2 H2Connection": Part(
        "h2",
        "one frame of settings, without what some servers do not bear (http2.py)",
        has(H2Connection, "local_settings"),
    ),
}


def sources(*folders: str) -> Iterator[tuple[Path, tuple[ast.AST, ...]]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, nodes(path)


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a file's syntax: it is looked through three times."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def named_by(syntax: Iterable[ast.AST]) -> Iterator[str]:
    """Private names that the source itself gives to something."""
    for node in syntax:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            yield node.attr


def of_others() -> Iterator[tuple[str, str]]:
    """Where a private name is asked of something, and nothing of ours has such a name."""
    known = PUBLIC.union(*(named_by(syntax) for _, syntax in sources(*PRODUCT)))
    for path, syntax in sources(*PRODUCT):
        for node in syntax:
            if isinstance(node, ast.Attribute) and is_private(node.attr):
                own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
                if not own and node.attr not in known:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.attr
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                parts = [*(node.module or "").split("."), *(a.name for a in node.names)]
                if (node.module or "").split(".")[0] not in PRODUCT:
                    yield from (
                        (f"{path.relative_to(ROOT)}:{node.lineno}", part)
                        for part in parts
                        if is_private(part)
                    )
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield from (
                        (f"{path.relative_to(ROOT)}:{node.lineno}", part)
                        for part in alias.name.split(".")
                        if is_private(part)
                    )


def is_own(node: ast.expr) -> bool:
    """Whether it is ``self``, ``cls`` or ``super()``."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def of_bases() -> Iterator[tuple[str, str]]:
    """Private names that a class of ours shares with a library's class that it is made from."""
    for path, syntax in sources("probe"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        classes = [node for node in syntax if isinstance(node, ast.ClassDef)]
        for node in classes:
            made = getattr(importlib.import_module(name.removesuffix(".__init__")), node.name, None)
            if not isinstance(made, type):
                continue
            mine = {
                inner.attr if isinstance(inner, ast.Attribute) else inner.name
                for inner in ast.walk(node)
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef))
                or (isinstance(inner, ast.Attribute) and is_own(inner.value))
            }
            for base in made.__mro__[1:-1]:
                if base.__module__.split(".")[0] in PRODUCT:
                    continue
                for private in filter(is_private, mine & inside(base)):
                    yield f"{path.relative_to(ROOT)}:{node.name}", f"{base.__name__}.{private}"


@cache
def inside(base: type) -> set[str]:
    """The names that a library's class has, those that its methods give to ``self`` too."""
    found = set(vars(base))
    try:
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base)))
    except (OSError, TypeError, SyntaxError):
        return found  # not made in Python
    return found | set(named_by(ast.walk(tree)))


@cache
def found() -> tuple[tuple[str, str], ...]:
    return (*of_others(), *of_bases())


def test_what_is_used_of_the_inside_of_libraries_is_listed() -> None:
    unlisted = [(at, name) for at, name in found() if name not in USED]
    assert not unlisted, "say in USED why, bound the version, and how to see that it is there"


def test_what_is_listed_is_used() -> None:
    assert set(USED) - {name for _, name in found()} == set()


@pytest.mark.parametrize("name", [*USED, *UNDOCUMENTED])
def test_the_part_is_there(name: str) -> None:
    part = {**USED, **UNDOCUMENTED}[name]
    assert part.there(), f"{name} is gone from {part.bounded_by}: {part.why}"


@pytest.mark.parametrize(
    "library", sorted({part.bounded_by for part in (*USED.values(), *UNDOCUMENTED.values())})
)
def test_its_version_has_an_upper_bound(library: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if library == "python":
        bound = project["requires-python"]
    else:
        needed = (*project["dependencies"], *project["optional-dependencies"]["quic"])
        (bound,) = (d for d in needed if re.match(rf"{library}\b", d))
    assert re.search(r"<\d", bound), bound


@pytest.mark.parametrize(
    "source",
    [
        "import ssl\ndef f(session): return session._owner",
        "from httpx import _client",
        "import httpx._main",
        "from uvicorn._subprocess import spawn",
    ],
)
def test_a_private_name_of_a_library_is_seen(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "new.py").write_text(source)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert list(of_others())
