"""The box at work: one thread between two wires and a control socket."""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from lab.box.path import Path as FramePath
from lab.box.rules import Way
from lab.box.spec import (
    AskStats,
    BoxSpec,
    Forget,
    Ping,
    Punctuality,
    Reply,
    Request,
    SetLine,
    SetRules,
    Stats,
)
from lab.box.wire import Wire

# A sleeper wakes late by some of these; the rest of the time until a frame is due is spent awake.
AWAKE_SECONDS = 0.00006
LONGEST_SLEEP_SECONDS = 1.0
LATE_SECONDS = 0.001
REQUEST_BYTES = 1_048_576


class Control:
    """The control socket: each line a request, each answered by a line."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.listener.setblocking(False)
        self.clients: dict[socket.socket, bytes] = {}
        self._decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)

    def accept(self) -> None:
        with suppress(BlockingIOError):
            client, _ = self.listener.accept()
            client.settimeout(1.0)
            self.clients[client] = b""

    def read(self, client: socket.socket) -> list[Request | str]:
        """Requests that are complete (a text: what is wrong with one); forgets who has hung up."""
        try:
            got = client.recv(REQUEST_BYTES)
        except OSError:
            got = b""
        if not got:
            self.hang_up(client)
            return []
        *lines, rest = (self.clients[client] + got).split(b"\n")
        self.clients[client] = rest
        return [self._request(line) for line in lines]

    def _request(self, line: bytes) -> Request | str:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, ValueError) as error:
            return str(error)

    def answer(self, client: socket.socket, reply: Reply) -> None:
        try:
            client.sendall(msgspec.json.encode(reply) + b"\n")
        except OSError:
            self.hang_up(client)

    def hang_up(self, client: socket.socket) -> None:
        self.clients.pop(client, None)
        client.close()


class Box:
    """Reads, computes, sends."""

    def __init__(self, spec: BoxSpec, inner: Wire, outer: Wire, control: Control) -> None:
        self._path = FramePath(spec, time.monotonic())
        self._wires = (inner, outer)
        self._control = control
        # What goes up leaves through the outer wire.
        self._exit = {Way.UP: outer, Way.DOWN: inner}
        self._latest = 0.0
        self._late = 0
        self.stopped = False

    def serve(self) -> None:
        """Until ``stopped``."""
        while not self.stopped:
            self._wait_and_read()
            for sending in self._path.advance(time.monotonic()):
                self._exit[sending.way].send(sending.frame)
                self._punctual(time.monotonic() - sending.due)

    def _punctual(self, lateness: float) -> None:
        if lateness > self._latest:
            self._latest = lateness
        if lateness > LATE_SECONDS:
            self._late += 1

    def _wait_and_read(self) -> None:
        due = self._path.next_at()
        sleep = LONGEST_SLEEP_SECONDS
        if due is not None:
            sleep = max(min(sleep, due - time.monotonic() - AWAKE_SECONDS), 0.0)
        control = self._control
        watched: list[Wire | socket.socket] = [*self._wires, control.listener, *control.clients]
        # select() has microseconds where epoll has milliseconds, and the box few descriptors.
        ready, _, _ = select.select(watched, [], [], sleep)
        for item in ready:
            if isinstance(item, Wire):
                for frame, at in item.receive():
                    self._path.receive(item.way, frame, at)
            elif item is control.listener:
                control.accept()
            else:
                for request in control.read(item):
                    control.answer(item, self._do(request))

    def _do(self, request: Request | str) -> Reply:
        match request:
            case str():
                return Reply(error=request)
            case SetRules(rules=rules):
                try:
                    self._path.set_rules(rules)
                except ValueError as error:
                    return Reply(error=str(error))
            case SetLine(line=line):
                self._path.set_line(line, time.monotonic())
            case Forget():
                self._path.forget()
            case AskStats():
                return Reply(stats=self._stats())
            case Ping():
                pass
        return Reply()

    def _stats(self) -> Stats:
        ways, rules = self._path.counts()
        return Stats(
            down=ways[Way.DOWN],
            up=ways[Way.UP],
            rules=rules,
            punctuality=Punctuality(
                latest_seconds=self._latest,
                late=self._late,
                overrun=sum(wire.overrun for wire in self._wires),
                unsent=sum(wire.unsent for wire in self._wires),
            ),
        )


def ask_for_priority() -> None:
    """Run before everything else, where that is allowed: a line has no scheduler."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))


def silence_own_kernel(interfaces: tuple[str, ...]) -> None:
    """Keep this namespace's own IPv6 (router solicitations, multicast reports) off the line."""
    for interface in interfaces:
        with suppress(FileNotFoundError):
            Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6").write_text("1")
