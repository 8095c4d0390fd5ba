"""The box from a test's side: started in its namespace, spoken to through its socket."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from lab.box.line import Line
from lab.box.rules import Rule
from lab.box.spec import (
    AskStats,
    BoxSpec,
    Forget,
    Ping,
    Reply,
    Request,
    SetLine,
    SetRules,
    Stats,
)
from lab.net import BOX_INSIDE, BOX_OUTSIDE, Topology

REPOSITORY = Path(__file__).parents[2]
ANSWER_SECONDS = 10.0
END_SECONDS = 10.0


class BoxError(Exception):
    """The box did not start, or refused a request; the text is what it said."""


class BoxControl:
    """A connection to a running box. Every method returns when the box has done it."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_SECONDS)
        self._socket.connect(str(path))
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the rules (see ``Censor.set_rules`` for what is kept)."""
        self._ask(SetRules(rules=tuple(rules)))

    def set_line(self, line: Line) -> None:
        """Replace the line; packets on their way keep their departures."""
        self._ask(SetLine(line=line))

    def forget(self) -> None:
        """Let the censor lose its memory of flows and addresses."""
        self._ask(Forget())

    def stats(self) -> Stats:
        """All counters since the start."""
        stats = self._ask(AskStats()).stats
        assert stats is not None
        return stats

    def ping(self) -> None:
        """Return when the box lives."""
        self._ask(Ping())

    def _ask(self, request: Request) -> Reply:
        self._socket.sendall(msgspec.json.encode(request) + b"\n")
        while b"\n" not in self._rest:
            got = self._socket.recv(65_536)
            if not got:
                raise BoxError("the box has hung up")
            self._rest += got
        line, _, self._rest = self._rest.partition(b"\n")
        reply = msgspec.json.decode(line, type=Reply)
        if reply.error is not None:
            raise BoxError(reply.error)
        return reply


@contextlib.contextmanager
def running_box(
    topology: Topology, folder: Path, spec: BoxSpec | None = None
) -> Iterator[BoxControl]:
    """Run a box in a topology without a bridge. ``folder``: for its specification and socket."""
    file, path = folder / "box.json", folder / "box.sock"
    file.write_bytes(msgspec.json.encode(spec or BoxSpec()))
    process = topology.box.spawn(
        [sys.executable, "-m", "lab.box",
         "--inner", BOX_INSIDE, "--outer", BOX_OUTSIDE,
         "--control", str(path), "--spec", str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        try:
            if process.stdout.readline() != "ready\n":
                raise BoxError(process.stderr.read().strip())
            with BoxControl(path) as control:
                yield control
        finally:
            process.terminate()
            try:
                said = process.communicate(timeout=END_SECONDS)[1]
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        if process.returncode:
            raise BoxError(said.strip())
