"""What CONTRIBUTING says of additions is true: a prober is one file and one line, an outlet too.

The test copies the program, adds both, runs the daemon against a real far end, and looks at all
that follows from it: what was measured, counted, kept, exported, published, listed, and erased.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_config import small_config
from tests.test_start import Daemon

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROBER = """\
    Prober(
        name="toy",
        over="with a toy",
        made_by="probe.measure.toy:measure_toy",
        transport="tcp",
    ),
"""
MAIN = """\
listen: 127.0.0.1:0
acknowledge_risks: true
store: {path: history, batch: 0s}
platforms: [first]
controls: [neutral]
resolve: {first.example: [127.0.0.1], neutral.example: [127.0.0.1]}
schedule: {light: 60s, transfer: 120s}
dns: {system: false, resolvers: []}
"""


class Echo(socketserver.StreamRequestHandler):
    """Says what it hears. A ClientHello back is no TLS: the legs over TCP fail."""

    def handle(self) -> None:
        self.wfile.write(self.rfile.readline(4_096))


@pytest.fixture
def port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


def insert(file: Path, before: str, text: str) -> None:
    """Add one entry to a table."""
    whole = file.read_text()
    assert whole.count(before) == 1, f"{file} has another form: change CONTRIBUTING too"
    file.write_text(whole.replace(before, text + before))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The program, with a prober and an outlet more."""
    tree = tmp_path / "tree"
    for folder in ("probe", "config"):
        shutil.copytree(
            ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    shutil.copy(HERE / "toy.py", tree / "probe" / "measure")
    insert(tree / "probe" / "config" / "probers.py", '    Prober(\n        name="quic"', PROBER)
    shutil.copy(HERE / "to_toy.py", tree / "probe" / "outlets")
    order = tree / "probe" / "outlets" / "order.py"
    insert(order, "\nOUTLETS:", "from probe.outlets.to_toy import ToToy\n")
    insert(order, "    ToNotify,\n)", "    ToToy,\n")
    return tree


@pytest.fixture
def config(tmp_path: Path, port: int) -> Path:
    folder = tmp_path / "configured"
    folder.mkdir()
    return small_config(folder, MAIN, {"first": "platform", "neutral": "control"}, port=port)


def run(tree: Path, *arguments: str) -> str:
    """What a command of the changed program prints."""
    done = subprocess.run(
        [sys.executable, "-m", "probe", *arguments],
        cwd=tree,
        env={**os.environ, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def series(text: str, name: str) -> dict[str, float]:
    """Each series of one metric."""
    found = re.findall(rf"^throttlewatch_{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def test_a_prober_and_an_outlet_are_a_file_and_a_line_each(tree: Path, config: Path) -> None:
    daemon = Daemon(config, cwd=tree)
    daemon.says("measuring")
    text = ""

    def shown() -> bool:
        nonlocal text
        text = daemon.get("/metrics")
        return "throttlewatch_toy_success{" in text

    try:
        daemon.until(shown)
    finally:
        assert daemon.end(signal.SIGTERM) == 0

    # Measured and published, the target beside a control, as the legs over TCP never were: fine.
    fine = series(text, "toy_success")
    assert len(fine) == 2
    assert set(fine.values()) == {1.0}
    assert any('platform="first"' in labels for labels in fine)
    assert any('control="neutral"' in labels for labels in fine)
    assert set(series(text, "leg_success").values()) == {0.0}
    assert "Seconds that a phase of the last exchange with a toy took." in text
    # Counted against the month: both legs said 2 MB each.
    (used,) = series(text, "data_used_bytes").values()
    assert 4_000_000 <= used < 4_100_000

    # Told, in a file of its own beside the history.
    told = (config.parent / "history.outlet-toy").read_text().splitlines()
    assert told[0].split()[0] == "first"
    assert told[-1] == "closed"

    # Kept and exported, apart from the legs that are compared.
    lines = run(tree, "export", "-f", "jsonl", "-c", str(config)).splitlines()
    exported = [json.loads(line) for line in lines]
    legs = [leg for one in exported for leg in one["observed"]["quic"]]
    assert {leg["leg"]["transport"] for leg in legs} == {"toy"}
    assert {leg["wire_bytes_sent"] for leg in legs} == {1_000_000}
    assert all(leg.get("failure") is None for leg in legs)
    assert all(
        leg["leg"]["transport"] == "tcp" for one in exported for leg in one["observed"]["legs"]
    )

    # Listed, before any of it is sent.
    listed = re.sub(r"\s+", " ", run(tree, "platforms", "-c", str(config)))
    assert "page: target (pinned to 127.0.0.1), with a toy" in listed

    # A report of it can be made, and says nothing that nobody judged.
    report = config.parent / "report.html"
    run(tree, "report", "-c", str(config), "-o", str(report))
    assert report.stat().st_size > 1_000

    # And erased.
    run(tree, "wipe", "--yes", "-c", str(config))
    assert not [file.name for file in config.parent.iterdir() if file.name.startswith("history")]
