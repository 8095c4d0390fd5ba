"""A connected TCP socket on the event loop that remembers when each byte came.

Reading goes through ``recvmsg`` to get the kernel's receive stamps.

There are no timeouts here: one deadline holds for the whole leg (``leg.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque

from probe.measure import clock, tcp_info
from probe.measure.clock import Arrival, Departure
from probe.measure.failures import NetworkError
from probe.measure.lookout import Lookout, Sight
from probe.model.failure import PROTOCOL_ERROR

HANDSHAKE_PIECE = 16_384
BODY_PIECE = 16_384
"""Bytes per read of the body: even a late reader gets four points per 64 KiB."""
GATHER_SECONDS = 0.040
"""How long the next bytes of a body may lie in the kernel before they are read, so that a flight of
segments costs one turn of the event loop and not one each. The kernel stamps them as they come. A
line slow enough to be called so (290 kbit/s) still has a point for each segment, and no gap is made
that looks like a stall (``STALL_SECONDS``).

The kernel is told how many it should wait for (``SO_RCVLOWAT``). Without that it acknowledges late
what nobody reads, and a sender that is still speeding up was slower by a quarter (64 KiB, 30 ms)
to a half (512 KiB): ``python -m benchmarks.undisturbed``."""
GATHER_SHARE = 5 / 8
GATHER_SHARE_LONG = 1 / 8
"""How many those are at most, as a share of the window: of a body that fits it, and of a longer
one, whose sender would meet the end of a window that does not move. The window of a new connection
is 64 KiB on Linux, or less where the driver of the network card spends memory freely."""
_LEAST_WINDOW_BYTES = 32_768
"""Taken for the window where it is not known."""
_OVERHEAD = 40
"""One byte in so many is not body but TLS and HTTP/2: 31 in records of 1,300 bytes."""
HOLD_BYTES = 65_536
HOLD_LEAST_BYTES = 4_096
HOLD_LOOKS = 4
"""What a gathering wire takes from the kernel before it hands it up, how much each look must have
brought for another, and after how many it hands up in any case. Decrypting and parsing a body once,
and not after each wait with cold caches, is up to a tenth of a leg's CPU. Pieces keep their
arrivals. Never held is what may be the whole body, and what comes at less than 0.8 Mbit/s; a leg
that is cut off by its deadline meanwhile counts its body without what is held (160 ms at most)."""

_MOST_ARRIVALS = 4_096
_READS_PER_TURN = 16


class Stopped(Exception):  # noqa: N818 - it is no error
    """Reading was ended by this side, because it has what it wanted."""


class WireStream:
    """One connection. Owned by one leg, closed by it; nothing is raised by closing twice."""

    def __init__(self, sock: socket.socket, *, opened_ns: int) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._reads = 0
        self._listening = False
        self._awaited: asyncio.Future[None] | None = None
        self._heard = False
        """Whether the event loop will say once more that something is there, of what it said so
        before."""
        self._drained = True
        """Whether to wait before the next read: nothing can be there yet, the last one took all
        there was (trying at once would be a system call for nothing), or a body shall gather."""
        self.gathers = False
        """Whether a reader that has read everything lets the next bytes gather before it looks."""
        self.missing = 0
        """Bytes of the body, in the clear, that the leg does not have yet."""
        self._undecrypted = 0
        self._whole_at: int | None = None
        """The body is not whole before this many bytes were received."""
        self._portion = 1
        self._expected = 1
        """How many bytes shall lie in the kernel before it says so."""
        self._held: deque[tuple[bytes, Arrival]] = deque()
        self._gather_from = 0
        self._looks = 0
        self._timer: asyncio.TimerHandle | None = None
        self._lookout: Lookout | None = None
        self._sight = Sight(sock)
        self._reports = False
        """Whether the kernel was asked to say when something was sent: it may say so late, and says
        so again for whatever it sends again. All of that is to be taken, whenever we are woken and
        nothing else is there; else the event loop would turn for it without end."""
        self._stamped_ns = 0
        self._orderly_ns = 0
        """Up to this time on the wall clock no segment came out of order."""
        self.opened_ns = opened_ns
        self.arrivals: list[Arrival] = []
        self.arrival = Arrival(0, opened_ns, None)
        """That of the piece which ``receive`` gave last."""
        self.received = 0
        self.sent = Departure(opened_ns)
        """The latest write."""
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
        if not self._held:
            await self._fill()
        data, self.arrival = self._held.popleft()
        return data

    def take_held(self) -> bytes:
        """The next piece that is held already; empty: none. An end is left to ``receive``."""
        if not self._held or not self._held[0][0]:
            return b""
        data, self.arrival = self._held.popleft()
        return data

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

    def belongs_to(self, lookout: Lookout) -> None:
        """Until it is closed it counts among the legs of ``lookout``."""
        self._lookout = lookout
        lookout.enter()

    def look_out(self) -> None:
        """From here on the first of the bytes that nobody has read yet shall keep its stamp, also
        when the loop is late; until a body gathers, of which only the last byte counts."""
        if self._lookout is not None:
            self._lookout.watch(self._sight)

    def gather(self, missing: int, *, undecrypted: int = 0) -> None:
        """From here on a body comes of which ``missing`` bytes are still wanted: let them gather,
        from the start if one read cannot bring them all. ``undecrypted`` bytes were handed up, but
        are not yet a whole record."""
        self.gathers = True
        if self._lookout is not None:
            self._lookout.forget(self._sight)
        self.missing = missing
        self._undecrypted = undecrypted
        self._drained = self._drained or missing > self.piece

    async def read(self, max_bytes: int) -> bytes:
        data = await self.receive()
        if data:
            self.first = self.last = self.arrival
        return data

    async def write(self, buffer: bytes) -> None:
        await self.send(buffer)

    async def send(self, buffer: bytes, *, stamped: bool = False) -> None:
        """Write; with ``stamped`` the kernel is asked when it left."""
        if not buffer:
            return
        view = memoryview(buffer)
        self.sent = Departure(time.monotonic_ns())
        while view:
            try:
                if stamped:
                    self._reports = True
                    size, kernel_ns = clock.send_stamped(self._sock, view)
                    self.sent = Departure(self.sent.loop_ns, kernel_ns)
                else:
                    size = self._sock.send(view)
                view = view[size:]
            except (BlockingIOError, InterruptedError):
                self._take_reports()
                await writable(self._sock)

    def kernel_account(self) -> tcp_info.Account | None:
        """The kernel's account of the connection now, or as it was when it was closed."""
        return self.account if self._sock.fileno() < 0 else tcp_info.read(self._sock)

    def close(self) -> None:
        """Take the kernel's account and close. What is unread makes the kernel send a reset."""
        if self._sock.fileno() >= 0:
            self.account = tcp_info.read(self._sock)
            self._deaf()
            if self._lookout is not None:
                self._lookout.leave(self._sight)
            self._sock.close()

    def _note(self, size: int, kernel_ns: int | None) -> None:
        self.received += size
        if kernel_ns is not None:
            now, filled = time.time_ns(), None
            if now - kernel_ns > clock.LATE_NANOSECONDS and kernel_ns > self._orderly_ns:
                waited = tcp_info.filled_seconds_ago(self._sock)
                if waited is None:
                    self._orderly_ns = now
                else:
                    filled = now - round(waited * clock.NANOSECONDS)
            kernel_ns = clock.in_order(kernel_ns, filled_ns=filled, before_ns=self._stamped_ns)
            self._stamped_ns = kernel_ns
        self.arrivals.append(Arrival(self.received, time.monotonic_ns(), kernel_ns))
        if len(self.arrivals) > _MOST_ARRIVALS:
            del self.arrivals[1:-1:2]

    async def _fill(self) -> None:
        """Wait until a piece is there."""
        if self._sight.error is not None:
            raise self._sight.error
        self._reads += 1
        if self._reads % _READS_PER_TURN == 0:
            # A sender that is always faster than we are must not keep the loop (and with it the
            # deadline) from running.
            await asyncio.sleep(0)
        if not self._drained:
            self._take()
        if not self._held:
            await (self._gather() if self.gathers else self._come())

    def _take(self) -> bytes | None:
        """Hold what lies in the kernel, ``piece`` bytes at most; ``None``: nothing."""
        if self._sight.error is not None:
            raise self._sight.error
        seen_ns = self._sight.first_ns
        size = self.piece if seen_ns is None else clock.FIRST_PIECE
        try:
            data, ancillary, _, _ = self._sock.recvmsg(size, clock.ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            self._take_reports()
            self._drained = True
            return None
        self._drained = 0 < len(data) < size
        if data:
            self._sight.first_ns = None
            self._note(len(data), clock.stamp_ns(ancillary) if seen_ns is None else seen_ns)
        self._held.append((data, self.arrivals[-1] if self.arrivals else self.arrival))
        return data

    def _take_reports(self) -> None:
        if self._reports:
            clock.last_stamp_ns(self._sock)

    async def _gather(self) -> None:
        if self._whole_at is None:
            # Only now: what HTTP had read of it together with the head has been handed up.
            self._whole_at = self.received - self._undecrypted + self.missing
            window = tcp_info.window_bytes(self._sock) or _LEAST_WINDOW_BYTES
            share = GATHER_SHARE if self.missing <= window else GATHER_SHARE_LONG
            self._portion = round(window * share)
        self._looks = 0
        self._gather_from = self.received
        self._expect_more()
        try:
            await self._come()
        finally:
            self._cancel_timer()

    def _coming(self) -> int:
        return (self._whole_at or 0) - self.received

    def _expect_more(self) -> None:
        # Too much is better than too little: then the time ends the wait, and no last segment is
        # left that costs a turn of its own.
        self._expect(self._coming() + self.missing // _OVERHEAD)
        self._cancel_timer()
        self._timer = self._loop.call_later(GATHER_SECONDS, self._look)

    def _expect(self, size: int) -> None:
        expected = min(max(1, size), self._portion)
        if expected != self._expected:
            self._expected = expected
            # Where it cannot be told, each segment wakes us: that costs CPU and nothing else.
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, expected)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        awaited = self._awaited
        if awaited is None or awaited.done():
            return
        before = self.received
        try:
            while self.received - before < HOLD_BYTES and self._take() and not self._drained:
                pass
        except OSError as error:
            self._sight.error = error  # the next read says so, after what came before it
        self._looks += 1
        if self._holds(self.received - before):
            self._expect_more()
        elif self._held:
            awaited.set_result(None)
        elif self._sight.error is not None:
            awaited.set_exception(self._sight.error)
        else:
            self._expect(1)  # whatever comes next comes late

    def _holds(self, brought: int) -> bool:
        return (
            self._drained
            and self._sight.error is None
            and brought >= HOLD_LEAST_BYTES
            and self._looks < HOLD_LOOKS
            and self._coming() > 0
            and self.received - self._gather_from < HOLD_BYTES
        )

    async def _come(self) -> None:
        """Until ``_look`` or ``_came`` has something to tell."""
        # The loop goes on listening between two waits: a slow line has some fifty of them in a leg,
        # and beginning and ending to listen costs more than the read.
        if not self._listening:
            self._loop.add_reader(self._sock.fileno(), self._came)
            self._listening = True
        self._reads = 0
        self._awaited = self._loop.create_future()
        try:
            await self._awaited
        finally:
            self._awaited = None

    def _came(self) -> None:
        # It is read here and not by the task that waits: the loop calls this for every socket that
        # has something before any task goes on, so a first segment does not lie in the kernel,
        # where later ones are merged with it and take its stamp, while other legs are worked on.
        awaited, heard = self._awaited, self._heard
        self._heard = False
        if heard and self._drained:
            return  # of what was left when this was called last, and has been read since
        if awaited is None or awaited.done():
            self._deaf()  # nobody waits, and the loop must not turn for what nobody reads
            return
        if self.gathers:
            self._look()
            return
        try:
            data = self._take()
        except OSError as error:
            awaited.set_exception(error)
            return
        if data is not None:
            awaited.set_result(None)
            self._heard = not self._drained

    def _deaf(self) -> None:
        if self._listening:
            self._loop.remove_reader(self._sock.fileno())
            self._listening = False


async def writable(sock: socket.socket) -> None:
    """Wait until ``sock`` takes bytes, or is connected, or failed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()

    def wake() -> None:
        # At once, else the loop hears it again before whoever waits goes on.
        loop.remove_writer(descriptor)
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(descriptor, wake)
    try:
        await ready
    except BaseException:
        loop.remove_writer(descriptor)
        raise
