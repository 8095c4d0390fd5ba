"""What a daemon has in its memory of libraries: all that it measures with before it measures, and
nothing that only others need. It is told to end at once, so no machine is too slow for this."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from probe.daemon.left_out import LATER
from tests.small_config import small_config
from tests.test_start import MAIN, Daemon

NOT_NEEDED = {
    "PIL",
    "apprise",
    "babel",
    "cramjam",
    "google.protobuf",
    "httpcore",
    "httpx._main",
    "jinja2",
    "lxml",
    "markdown_it",
    "probe.beacon",
    "probe.commands.recorded",
    "probe.demo",
    "probe.hub",
    "probe.publish.report.render",
    "probe.publish.terminal",
    "pyarrow",
    "pygments",
    "rich",
    "segno",
    "trustme",
}
"""Each is some 0.2 to 7 MB: docs/performance.md, "Memory"."""
PROBERS = {"probe.measure.one_leg.leg", "probe.measure.names.dns", "probe.measure.names.doh"}
QUIC = {"aioquic", "cryptography", "probe.measure.over_quic.quic"}
UPLOADS = {"probe.measure.one_leg.upload"}
FETCHES = {"httpcore", "probe.measure.http.one_request"}
PARCELS = {"cramjam"}
HUB = "hub: {url: 'https://hub.example', send_rounds: true, credential_file: credential}\n"


def loaded(tmp_path: Path, more: str) -> set[str]:
    """The modules of a daemon with ``more`` in its configuration, when it ended."""
    (tmp_path / "credential").write_text("tw_demo\n")
    (tmp_path / "credential").chmod(0o600)
    kinds = {"first": "platform", "demo": "platform", "neutral": "control"}
    config = small_config(tmp_path, MAIN + more, kinds)
    names = tmp_path / "names.json"
    note = (
        "import atexit, json, pathlib, sys\n"
        "atexit.register(lambda: pathlib.Path("
        f"{str(names)!r}).write_text(json.dumps([n for n, m in sys.modules.items() if m])))"
    )
    daemon = Daemon(config, note)
    try:
        daemon.says("listen")
        assert daemon.end() == 0
    finally:
        daemon.process.kill()
    return set(json.loads(names.read_text()))


@pytest.mark.parametrize(
    ("more", "needed", "not_needed"),
    [
        pytest.param(
            "", {*PROBERS, *QUIC}, {*NOT_NEEDED, *UPLOADS}, id="as it is shipped, with the extra"
        ),
        pytest.param(
            "quic: false\n", PROBERS, {*NOT_NEEDED, *QUIC, *UPLOADS}, id="without the extra"
        ),
        pytest.param(
            "quic: true\nupload: true\n", {*PROBERS, *QUIC, *UPLOADS}, NOT_NEEDED, id="all legs"
        ),
        pytest.param(
            HUB, {*PROBERS, *FETCHES, *PARCELS}, NOT_NEEDED - FETCHES - PARCELS, id="with a hub"
        ),
    ],
)
def test_a_daemon_has_loaded_what_it_needs_before_it_measures_and_nothing_else(
    more: str, needed: set[str], not_needed: set[str], tmp_path: Path
) -> None:
    if needed >= QUIC:
        pytest.importorskip("aioquic")
    found = loaded(tmp_path, more)
    assert needed <= found
    assert not {name for name in found if any(within(name, whole) for whole in not_needed)}


def test_what_must_not_be_loaded_is_there_to_be_loaded() -> None:
    for name in NOT_NEEDED:
        if name.startswith("probe."):
            assert find_spec(name) is not None, name


def within(name: str, whole: str) -> bool:
    return name == whole or name.startswith(f"{whole}.")


def test_who_imports_the_product_keeps_the_modules_that_it_would_have() -> None:
    """What the command leaves out, it leaves out of its own process only."""
    program = (
        "import sys, probe, probe.start, probe.measure.http.transport; "
        "sys.exit('httpx._main' in sys.modules and sys.modules['httpx._main'] is None)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_command_that_measures_has_loaded_what_it_measures_with_before_its_first_leg(
    tmp_path: Path,
) -> None:
    kinds = {"first": "platform", "demo": "platform", "neutral": "control"}
    config = small_config(tmp_path, MAIN, kinds)
    program = (
        "import sys; from pathlib import Path; from probe.config import load; "
        "from probe.commands.measuring import Measuring; "
        "before = set(sys.modules); Measuring(load(Path(sys.argv[1]), {})); "
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(config)], check=True, capture_output=True, text=True
    )
    assert {"probe.measure.one_leg.leg", "probe.measure.names.doh"} <= set(done.stdout.split())


def test_what_libraries_load_and_a_daemon_has_no_use_for_is_never_carried_out(
    tmp_path: Path,
) -> None:
    kinds = {"first": "platform", "demo": "platform", "neutral": "control"}
    config = small_config(tmp_path, MAIN + "quic: true\nupload: true\n", kinds)
    names = tmp_path / "names.json"
    note = (
        "import atexit, json, pathlib, sys\n"
        "kinds = lambda: {n: type(m).__name__ for n, m in sys.modules.items() if m}\n"
        "trees = lambda: sys.modules['probe.config.shipped'].read_shipped.cache_info().currsize\n"
        "atexit.register(lambda: pathlib.Path("
        f"{str(names)!r}).write_text(json.dumps([kinds(), trees()])))"
    )
    pytest.importorskip("aioquic")
    daemon = Daemon(config, note)
    try:
        daemon.says("offline")
        assert daemon.end() == 0
    finally:
        daemon.process.kill()
    kinds_of, trees = json.loads(names.read_text())
    asked = {name for name in LATER if kinds_of.get(name, "_LazyModule") != "_LazyModule"}
    assert not asked
    assert set(kinds_of) >= LATER
    assert not trees, "definitions that ship are read again when they are wanted"
