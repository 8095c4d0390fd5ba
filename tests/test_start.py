"""The real command from its first line to its end: signals, clocks, restarts, taken ports."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probe.config.schema import StoreConfig
from probe.start import AlwaysReadable
from probe.store.writer import Store
from tests.again import SOON_SECONDS
from tests.small_config import small_config

ROOT = Path(__file__).parent.parent
MAIN = """\
listen: 127.0.0.1:0
acknowledge_risks: true
store: {path: history, batch: 0s}
platforms: [first, demo]
controls: [neutral]
resolve: {first.example: [127.0.0.1], demo.example: [127.0.0.1], neutral.example: [127.0.0.1]}
schedule: {light: 60s, transfer: 120s}
dns: {system: false, resolvers: []}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    kinds = {"first": "platform", "demo": "platform", "neutral": "control"}
    return small_config(tmp_path, MAIN, kinds)


class Daemon:
    """``throttlewatch run`` of the program in ``cwd``; ``before`` is Python that is run before its
    first line."""

    def __init__(self, config: Path, before: str = "", *, cwd: Path = ROOT) -> None:
        code = f"{before}\nfrom probe.start import main\nmain()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "run", "-c", str(config)]
            if before
            else [sys.executable, "-m", "probe", "run", "-c", str(config)],
            stderr=subprocess.PIPE,
            cwd=cwd,
        )
        self.log = ""

    def signals(self, field: str) -> int:
        """Which signals it catches (SigCgt), blocks (SigBlk) or ignores (SigIgn), as a mask."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0
        return int(re.search(rf"{field}:\s*([0-9a-f]+)", status)[1], 16)  # type: ignore[index]

    def until(self, done: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert self.process.poll() is None, self.rest()
            assert time.monotonic() < end, self.log
            time.sleep(0.001)

    def hears(self) -> bool:
        """Whether its first line was executed."""
        return bool(self.signals("SigCgt") & bit(signal.SIGTERM))

    def says(self, *words: str) -> None:
        """Returns when all of these words stand in its log."""
        end = time.monotonic() + 60.0
        assert self.process.stderr is not None
        while not all(word in self.log for word in words):
            ready, _, _ = select.select([self.process.stderr], [], [], 1.0)
            if ready:
                read = os.read(self.process.stderr.fileno(), 65_536)
                assert read, self.log
                self.log += read.decode()
            assert time.monotonic() < end, self.log

    def get(self, path: str) -> str:
        """What it answers."""
        address = re.findall(r'"?listen"?[:=]"?([0-9.]+:[0-9]+)', self.log)[-1]
        with urllib.request.urlopen(f"http://{address}{path}", timeout=SOON_SECONDS) as answer:
            text: str = answer.read().decode()
            return text

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; its status."""
        self.process.send_signal(number)
        return self.rest()

    def rest(self) -> int:
        """Wait for its end; its status."""
        assert self.process.stderr is not None
        _, said = self.process.communicate(timeout=60)
        self.log += said.decode()
        assert "Traceback" not in self.log, self.log
        return self.process.returncode


def bit(number: signal.Signals) -> int:
    return 1 << (number - 1)


@pytest.fixture
def started(config: Path) -> Iterator[Callable[..., Daemon]]:
    made: list[Daemon] = []

    def start(before: str = "") -> Daemon:
        made.append(Daemon(config, before))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


# From the first line to a daemon that runs it takes some 0.4 s, more on a busy machine.
MOMENTS = (0.0, 0.02, 0.1, 0.25, 0.4, 0.6)


@pytest.mark.parametrize("after", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_whenever_it_is_told_to(
    number: signal.Signals, after: float, started: Callable[..., Daemon]
) -> None:
    daemon = started()
    daemon.until(daemon.hears)
    time.sleep(after)
    daemon.process.send_signal(number)
    time.sleep(0.05)
    # Another signal on the way out does not make it a bad end.
    for second in (signal.SIGHUP, number):
        if daemon.process.poll() is None:
            daemon.process.send_signal(second)
    assert daemon.rest() == 0


@pytest.mark.parametrize("after", MOMENTS)
def test_it_lives_whenever_it_is_told_to_reload(
    after: float, started: Callable[..., Daemon]
) -> None:
    daemon = started()
    daemon.until(daemon.hears)
    time.sleep(after)
    for _ in range(3):
        daemon.process.send_signal(signal.SIGHUP)
    daemon.says("measuring")
    assert daemon.end() == 0


def test_a_reload_that_is_asked_for_while_it_starts_is_made(
    started: Callable[..., Daemon],
) -> None:
    daemon = started()
    # From before the configuration is read.
    daemon.until(lambda: bool(daemon.signals("SigBlk") & bit(signal.SIGHUP)))
    daemon.process.send_signal(signal.SIGHUP)
    daemon.says("measuring", "configuration reloaded")
    assert daemon.end() == 0


def test_reloads_and_a_stop_at_once(started: Callable[..., Daemon]) -> None:
    daemon = started()
    daemon.says("measuring")
    for _ in range(20):
        daemon.process.send_signal(signal.SIGHUP)
        time.sleep(0.005)
    assert daemon.end() == 0
    assert "stopped" in daemon.log


def test_a_restart_ends_no_state(started: Callable[..., Daemon]) -> None:
    # The second of two platforms has its first round some seconds after the first.
    def state(text: str) -> list[str]:
        lines = [line for line in text.splitlines() if 'platform="demo"' in line]
        pattern = r'throttlewatch_verdict_state\{.*state="(\w+)".*\} 1'
        return [found[1] for line in lines if (found := re.match(pattern, line))]

    def rounds(text: str) -> list[str]:
        return re.findall(r'throttlewatch_rounds_total\{.*platform="demo".*\} [1-9]', text)

    first = started()
    first.says("The demo: this line is offline")
    assert state(first.get("/metrics")) == ["offline"]
    assert first.end() == 0
    second = started()
    second.says("measuring")
    text = second.get("/metrics")
    assert (state(text), rounds(text)) == (["offline"], [])
    assert second.end() == 0


def test_what_could_not_be_written_until_the_end_is_said_to_be_lost(
    config: Path, started: Callable[..., Daemon]
) -> None:
    other = Store.open(StoreConfig(path=str(config.parent / "history")))
    daemon = started()
    daemon.says("The first: this line is offline", "The demo: this line is offline")
    assert daemon.end() == 0
    assert other.close(20)
    assert re.search(r"\b[1-9]\d* records that waited to be written are lost", daemon.log)


@pytest.mark.parametrize("listen", ["127.0.0.1:{}", ":{}", "localhost:{}"])
def test_a_taken_port_is_said_before_a_packet_leaves(
    listen: str, config: Path, started: Callable[..., Daemon]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config.write_text(MAIN.replace("127.0.0.1:0", listen.format(port)))
        daemon = started()
        assert daemon.rest() == 1
        assert "another program already listens there" in daemon.log
        other.settimeout(0.1)
        with pytest.raises(TimeoutError):
            other.accept()
    assert "offline" not in daemon.log


# A wall clock as Python has it beyond 2262, from the start or from the moment a file is there.
UNREADABLE = """
import os, time
read = time.time
def wall():
    if {when}:
        raise OverflowError("timestamp too large to convert to C _PyTime_t")
    return read() + {offset}
time.time = wall
"""


@pytest.mark.parametrize(
    ("when", "offset", "said"),
    [
        ("True", 0, "the clock is beyond the year 2262"),
        ("False", -1.75e9, "the clock is not set"),
        ("False", -60 * 31_557_600, "the clock is not set"),
        ("False", 12 * 31_557_600, ""),
        ("False", 6e9, ""),
    ],
)
def test_it_lives_whatever_the_clock_says(
    when: str, offset: float, said: str, started: Callable[..., Daemon]
) -> None:
    daemon = started(UNREADABLE.format(when=when, offset=offset))
    daemon.says("measuring", said)
    assert "throttlewatch_build_info" in daemon.get("/metrics")
    assert daemon.end() == 0
    assert "stopped" in daemon.log


def test_it_measures_on_when_the_clock_becomes_unreadable(
    config: Path, started: Callable[..., Daemon]
) -> None:
    fast = MAIN.replace("light: 60s, transfer: 120s", "light: 1s, transfer: 2s")
    config.write_text(f"{fast}data_budget: 1000GB/month\n")
    flag = config.parent / "far"
    daemon = started(UNREADABLE.format(when=f"os.path.exists({str(flag)!r})", offset=0))
    daemon.says("is offline")
    flag.touch()

    def rounds() -> int:
        text = daemon.get("/metrics")
        return sum(map(int, re.findall(r"throttlewatch_rounds_total\{.*\} (\d+)", text)))

    before = rounds()
    daemon.says("the clock is beyond the year 2262")
    daemon.until(lambda: rounds() >= before + 2)
    assert daemon.end() == 0


def test_a_clock_that_cannot_be_read_goes_on_from_where_it_was() -> None:
    wall, monotonic = [1_000.0], [5.0]

    def read() -> float:
        if wall[0] > 9e9:
            raise OverflowError
        return wall[0]

    clock = AlwaysReadable(read, lambda: monotonic[0])
    assert clock() == 1_000.0
    wall[0], monotonic[0] = 1e10, 65.0
    assert clock() == 1_060.0
    wall[0] = 2_000.0
    assert clock() == 2_000.0
    wall[0] = 1e10
    assert AlwaysReadable(read, lambda: 7.0)() == 0.0
