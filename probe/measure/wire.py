"""A connected TCP socket on the event loop that remembers when each byte came.

It is an ``httpcore.AsyncNetworkStream``, so httpcore's HTTP/1.1 and HTTP/2 run on it as on any
other. Reading goes through ``recvmsg`` to get the kernel's receive stamps.

Timeouts are ignored here: one deadline holds for the whole leg (``leg.py``).
"""

from __future__ import annotations

import asyncio
import socket
import time

import httpcore

from probe.measure import clock, tcp_info
from probe.measure.clock import Arrival
from probe.measure.failures import NetworkError
from probe.model.failure import PROTOCOL_ERROR

HANDSHAKE_PIECE = 16_384
HEAD_PIECE = 2_048
"""Bytes per read until the head of the answer is there: a late reader gets one stamp per read, so
small reads keep the first byte's stamp apart from what followed it."""
BODY_PIECE = 16_384
"""Bytes per read of the body: even a late reader gets four points per 64 KiB."""
GATHER_SECONDS = 0.008
GATHER_MOST_SECONDS = 0.032
"""How long the next bytes of a body may lie in the kernel (at first, and at most), so that a flight
of segments costs a few turns of the event loop and not one each. The kernel stamps them as they
come, so what is measured does not get later; a line slow enough to be called so (360 kbit/s) still
has a point for each segment, and no gap is made that looks like a stall (``STALL_SECONDS``)."""
GATHER_BYTES = 32_768
"""How much shall lie there: half of the window that Linux gives a new connection, as a full one
would slow the sender down. The wait is set by what the last one brought; a line that brings more in
the shortest is fast, and no more is left lying."""

_MOST_ARRIVALS = 4_096
_READS_PER_TURN = 16


class Stopped(Exception):  # noqa: N818 - it is no error
    """Reading was ended by this side, because it has what it wanted."""


class WireStream(httpcore.AsyncNetworkStream):
    """One connection. Owned by one leg, closed by it; nothing is raised by closing twice."""

    def __init__(self, sock: socket.socket, *, opened_ns: int) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._reads = 0
        self._listening = False
        self._awaited: asyncio.Future[bytes] | None = None
        self._drained = False
        self.gathers = False
        """Whether a reader that has read everything lets the next bytes gather before it looks."""
        self._gathered = 0
        self._gather_seconds = GATHER_SECONDS
        self._stamped_ns = 0
        self.opened_ns = opened_ns
        self.arrivals: list[Arrival] = []
        self.received = 0
        self.sent_ns = opened_ns
        """Monotonic time just before the latest write was handed to the kernel."""
        self.piece = HANDSHAKE_PIECE
        self.first: Arrival | None = None
        self.last: Arrival | None = None
        """Arrivals of the first and last byte of what the latest ``read`` returned."""
        self.most_bytes: int | None = None
        """Reading more than this is a failure, so that no far end can spend the data budget."""
        self.stopped = False
        self.account: tcp_info.Account | None = None
        """The kernel's account, taken when the socket was closed."""

    async def receive(self) -> bytes:
        """The next piece, at most ``piece`` bytes; empty at the end of the stream."""
        if self.stopped:
            raise Stopped
        if self.most_bytes is not None and self.received > self.most_bytes:
            raise NetworkError(PROTOCOL_ERROR, f"more than {self.most_bytes} bytes came")
        self._reads += 1
        if self._reads % _READS_PER_TURN == 0:
            # A sender that is always faster than we are must not keep the loop (and with it the
            # deadline) from running.
            await asyncio.sleep(0)
        if self._drained:
            # The last read took all there was: trying at once would be a system call for nothing.
            self._drained = False
            if not self.gathers:
                return await self._come()
            await self._gather()
        data = self._read_now()
        return await self._come() if data is None else data

    async def receive_exactly(self, size: int) -> bytes:
        """The next ``size`` bytes and not one more. Raises ``EOFError`` if the stream ends."""
        held, data = self.piece, b""
        try:
            while len(data) < size:
                self.piece = size - len(data)
                piece = await self.receive()
                if not piece:
                    raise EOFError
                data += piece
        finally:
            self.piece = held
        return data

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        data = await self.receive()
        if data:
            self.first = self.last = self.arrivals[-1]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if not buffer:
            return
        view = memoryview(buffer)
        self.sent_ns = time.monotonic_ns()
        while view:
            try:
                view = view[self._sock.send(view) :]
            except (BlockingIOError, InterruptedError):
                await self._writable()

    def kernel_account(self) -> tcp_info.Account | None:
        """The kernel's account of the connection now, or as it was when it was closed."""
        return self.account if self._sock.fileno() < 0 else tcp_info.read(self._sock)

    def close(self) -> None:
        """Take the kernel's account and close. What is unread makes the kernel send a reset."""
        if self._sock.fileno() >= 0:
            self.account = tcp_info.read(self._sock)
            self._deaf()
            self._sock.close()

    async def aclose(self) -> None:
        self.close()

    def get_extra_info(self, info: str) -> object:
        return {"socket": self._sock, "is_readable": False}.get(info)

    def _note(self, size: int, kernel_ns: int | None) -> None:
        self.received += size
        if kernel_ns is not None:
            now, filled = time.time_ns(), None
            if now - kernel_ns > clock.LATE_NANOSECONDS:
                waited = tcp_info.filled_seconds_ago(self._sock)
                filled = None if waited is None else now - round(waited * clock.NANOSECONDS)
            kernel_ns = clock.in_order(kernel_ns, filled_ns=filled, before_ns=self._stamped_ns)
            self._stamped_ns = kernel_ns
        self.arrivals.append(Arrival(self.received, time.monotonic_ns(), kernel_ns))
        if len(self.arrivals) > _MOST_ARRIVALS:
            del self.arrivals[1:-1:2]

    async def _gather(self) -> None:
        if self._gathered:
            wanted = self._gather_seconds * GATHER_BYTES / max(1, self.received - self._gathered)
            self.gathers = wanted > GATHER_SECONDS
            self._gather_seconds = min(max(wanted, GATHER_SECONDS), GATHER_MOST_SECONDS)
        self._gathered = self.received
        self._deaf()  # else the loop would turn for each segment after all
        self._reads = 0
        await asyncio.sleep(self._gather_seconds)

    def _read_now(self) -> bytes | None:
        """What lies in the kernel, ``piece`` bytes at most; ``None``: nothing."""
        try:
            data, ancillary, _, _ = self._sock.recvmsg(self.piece, clock.ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        if data:
            self._drained = len(data) < self.piece
            self._note(len(data), clock.stamp_ns(ancillary))
        return data

    async def _come(self) -> bytes:
        # The loop goes on listening between two waits: a slow line has some fifty of them in a leg,
        # and beginning and ending to listen costs more than the read.
        if not self._listening:
            self._loop.add_reader(self._sock.fileno(), self._came)
            self._listening = True
        self._reads = 0
        self._awaited = self._loop.create_future()
        try:
            return await self._awaited
        finally:
            self._awaited = None

    def _came(self) -> None:
        # It is read here and not by the task that waits: the loop calls this for every socket that
        # has something before any task goes on, so a first segment does not lie in the kernel,
        # where later ones are merged with it and take its stamp, while other legs are worked on.
        awaited = self._awaited
        if awaited is None or awaited.done():
            self._deaf()  # nobody waits, and the loop must not turn for what nobody reads
            return
        try:
            data = self._read_now()
        except OSError as error:
            awaited.set_exception(error)
            return
        if data is not None:
            awaited.set_result(data)

    def _deaf(self) -> None:
        if self._listening:
            self._loop.remove_reader(self._sock.fileno())
            self._listening = False

    async def _writable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        descriptor = self._sock.fileno()
        self._loop.add_writer(descriptor, _wake, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(descriptor)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
