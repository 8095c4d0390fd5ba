"""A daemon in a lab: the real command, started, asked, and told to stop like anybody's."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from msgspec import Struct

from lab.lab import REPOSITORY, Lab

STARTS_SECONDS = 30.0
STOPS_SECONDS = 30.0
LISTEN = "127.0.0.1:9880"
_SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-z_]+)="([^"]*)"')


class Sample(Struct, frozen=True):
    """One line of an exposition."""

    name: str
    labels: dict[str, str]
    value: float


class Scrape(Struct, frozen=True):
    """What /metrics said."""

    samples: tuple[Sample, ...]

    def of(self, name: str, **labels: str) -> Iterator[Sample]:
        """The samples of one metric (without the prefix) that have these labels."""
        for sample in self.samples:
            if sample.name.removeprefix("throttlewatch_") == name and all(
                sample.labels.get(key) == value for key, value in labels.items()
            ):
                yield sample

    def sum(self, name: str, **labels: str) -> float:
        """All of them together; 0 when there are none."""
        return sum(sample.value for sample in self.of(name, **labels))


def read(text: str) -> Scrape:
    """An exposition in the text format, without its comments."""
    found = (_SAMPLE.match(line) for line in text.splitlines() if not line.startswith("#"))
    return Scrape(
        tuple(
            Sample(match[1], dict(_LABEL.findall(match[2] or "")), float(match[3]))
            for match in found
            if match is not None
        )
    )


class LabDaemon:
    """``throttlewatch run -c FILE`` in the client's namespace, as a context manager.

    ``start_seconds``: from the command to the first answer of its server. ``stop_seconds``: from
    SIGTERM to the end of the process. ``log``: what it said.
    """

    def __init__(self, lab: Lab, config: Path) -> None:
        self._lab = lab
        self._argv = [sys.executable, "-m", "probe", "run", "-c", str(config)]
        self._said = lab.folder / "daemon.log"
        self.start_seconds = 0.0
        self.stop_seconds: float | None = None
        self.status: int | None = None

    def __enter__(self) -> Self:
        began = time.monotonic()
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                self._lab.topology.client.wrap(self._argv), stderr=said, cwd=REPOSITORY
            )
        while self._curl("/-/healthy").returncode:
            if self._process.poll() is not None or time.monotonic() - began > STARTS_SECONDS:
                raise RuntimeError(f"the daemon did not start: {self.log}")
            time.sleep(0.02)
        self.start_seconds = time.monotonic() - began
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """Everything that it has said so far."""
        return self._said.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def get(self, path: str) -> str:
        """The body of a GET."""
        return self._curl(path).stdout

    def reload(self) -> tuple[str, str]:
        """POST /-/reload: the status and what it says."""
        url = f"http://{LISTEN}/-/reload"
        done = self._lab.exec(["curl", "-s", "-X", "POST", "-w", r"\n%{http_code}", url])
        text, _, status = done.stdout.rpartition("\n")
        return status, text

    def scrape(self) -> Scrape:
        """The metrics now."""
        return read(self.get("/metrics"))

    def rounds(self) -> float:
        """How many rounds have ended."""
        return self.scrape().sum("rounds_total")

    def stop(self) -> None:
        """SIGTERM, and the end. A daemon that does not end is killed, and that raises."""
        if self.status is not None:
            return
        began = time.monotonic()
        self._process.terminate()
        try:
            self.status = self._process.wait(STOPS_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.status = self._process.wait()
            raise
        self.stop_seconds = time.monotonic() - began

    def _curl(self, path: str) -> subprocess.CompletedProcess[str]:
        return self._lab.exec(["curl", "-sf", "--max-time", "10", f"http://{LISTEN}{path}"])
