"""Reads a socket on the event loop by ``read_table.py``: what comes is taken and held with its
arrival until it is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections import deque
from collections.abc import Callable

from probe.measure.connection import kernel_stamps, tcp_info
from probe.measure.connection.arrivals import Arrivals
from probe.measure.connection.gathering import GATHER_SECONDS, HOLD_BYTES, Gathering
from probe.measure.connection.kernel_stamps import Arrival
from probe.measure.connection.lookout import Unread
from probe.measure.connection.read_table import TABLE, ReadEvent, ReadGuard, ReadState

_READS_PER_TURN = 16


class Reader:
    """The machine. One at a time may ask."""

    def __init__(self, sock: socket.socket, arrivals: Arrivals, piece: int) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._arrivals = arrivals
        self.sight = Unread(sock)
        self.gathering = Gathering()
        self.piece = piece
        """Bytes per read, at most."""
        self.reports = False
        """Whether the kernel was asked to say when something was sent: it may say so late, and says
        so again for whatever it sends again. All of that is to be taken, whenever we are woken and
        nothing else is there; else the event loop would turn for it without end."""
        self.state = ReadState.DEAF
        self._held: deque[tuple[bytes, Arrival]] = deque()
        self._drained = True
        """Whether to wait before the next read: nothing can be there yet, the last one took all
        there was (trying at once would be a system call for nothing), or a body shall gather."""
        self._heard = self._echoed = False
        self._awaited: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 1
        self._asked = 0

    async def receive(self) -> tuple[bytes, Arrival]:
        """The next piece and its arrival; empty at the end of the stream. Raises ``OSError``."""
        while not self._held:
            if self.sight.error is not None:
                raise self.sight.error
            self._asked += 1
            if self._asked % _READS_PER_TURN == 0:
                # A sender that is always faster than we are must not keep the loop (and with it
                # the deadline) from running.
                await asyncio.sleep(0)
            self._on(ReadEvent.ASKED)
            if self._awaited is not None:
                self._asked = 0
                try:
                    await self._awaited
                except asyncio.CancelledError:
                    self._on(ReadEvent.LEFT)
                    raise
                self._awaited = None
        return self._held.popleft()

    def take_held(self) -> tuple[bytes, Arrival] | None:
        """The next piece that is held already, if any. An end is left to ``receive``."""
        return self._held.popleft() if self._held and self._held[0][0] else None

    def begin_gathering(self, missing: int, undecrypted: int) -> None:
        """See ``Gathering.begin``; from the start if one read cannot bring all."""
        self.gathering.begin(missing, undecrypted)
        self._drained = self._drained or missing > self.piece

    def take_reports(self) -> None:
        """Take what the kernel said of what was sent."""
        if self.reports:
            kernel_stamps.last_stamp_ns(self._sock)

    def close(self) -> None:
        """Read no more. The socket is still open."""
        self._on(ReadEvent.CLOSE)

    def _on(self, event: ReadEvent | None) -> None:
        """Go by the table, until nothing follows."""
        while event is not None:
            for row in _DO[self.state, event]:
                if row[0] is None or row[0](self):
                    break
            _, actions, self.state = row
            event = None
            for action in actions:
                event = action(self) or event

    def _came(self) -> None:
        self._echoed, self._heard = self._heard and self._drained, False
        self._on(ReadEvent.READABLE)

    def _over(self) -> None:
        self._on(ReadEvent.TIME)

    # Guards.

    def more(self) -> bool:
        return not self._drained

    def gathers(self) -> bool:
        return self.gathering.on

    def echo(self) -> bool:
        return self._echoed

    def gone(self) -> bool:
        return self._awaited is None or self._awaited.done()

    def worth_another(self) -> bool:
        took_all = self._drained and self.sight.error is None
        return took_all and self.gathering.worth_another(self._arrivals.received)

    # Actions.

    def listen(self) -> None:
        self._loop.add_reader(self._sock.fileno(), self._came)

    def be_deaf(self) -> None:
        self._loop.remove_reader(self._sock.fileno())

    def wait(self) -> None:
        self._awaited = self._loop.create_future()

    def gather(self) -> None:
        received = self._arrivals.received
        if not self.gathering.knows_window:
            self.gathering.settle(received, tcp_info.window_bytes(self._sock))
        self.gathering.wait(received)
        self.gather_on()

    def gather_on(self) -> None:
        self._expect(self.gathering.expected(self._arrivals.received))
        self._end_time()
        self._timer = self._loop.call_later(GATHER_SECONDS, self._over)

    def expect_any(self) -> None:
        self._expect(1)

    def take(self) -> ReadEvent:
        """Hold what lies in the kernel, ``piece`` bytes at most."""
        seen_ns = self.sight.first_ns
        size = self.piece if seen_ns is None else kernel_stamps.FIRST_PIECE
        try:
            if self.sight.error is not None:
                raise self.sight.error
            data, ancillary, _, _ = self._sock.recvmsg(size, kernel_stamps.ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            self.take_reports()
            self._drained = True
            return ReadEvent.NOTHING
        except OSError as error:
            self.sight.error = error  # said to whoever asks, after what came before it
            return ReadEvent.BROKE
        self._drained = 0 < len(data) < size
        if data:
            self.sight.first_ns = None
            self._arrivals.note(
                len(data), kernel_stamps.stamp_ns(ancillary) if seen_ns is None else seen_ns
            )
        self._held.append((data, self._arrivals.latest))
        return ReadEvent.TOOK

    def take_all(self) -> ReadEvent:
        """Hold all that lies there, or as much as is held at once."""
        before, event = self._arrivals.received, ReadEvent.TOOK
        while event is ReadEvent.TOOK and self._arrivals.received - before < HOLD_BYTES:
            event = self.take()
            if self._drained or (self._held and not self._held[-1][0]):
                break
        self.gathering.looked(self._arrivals.received - before)
        return ReadEvent.TOOK if self._held else event

    def refuse(self) -> ReadEvent:
        """Nothing can be read any more."""
        self.sight.error = OSError(errno.EBADF, os.strerror(errno.EBADF))
        return ReadEvent.BROKE

    def wake(self) -> None:
        self._end_time()
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)

    def expect_echo(self) -> None:
        self._heard = not self._drained

    def end_wait(self) -> None:
        self._end_time()
        self._awaited = None

    def _end_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expect(self, size: int) -> None:
        """Have the kernel say so when ``size`` bytes are there."""
        if size != self._expected:
            self._expected = size
            # Where it cannot be told, each segment wakes us: that costs CPU and nothing else.
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)


_Done = tuple[
    Callable[[Reader], bool] | None, tuple[Callable[[Reader], ReadEvent | None], ...], ReadState
]


def methods(machine: type[Reader]) -> dict[tuple[ReadState, ReadEvent], tuple[_Done, ...]]:
    """The table, with the methods that its words name: they are looked up once."""
    return {
        of: tuple(
            (
                None if row.guard is ReadGuard.ALWAYS else getattr(machine, row.guard),
                tuple(getattr(machine, action) for action in row.actions),
                row.then,
            )
            for row in rows
        )
        for of, rows in TABLE.items()
    }


_DO = methods(Reader)
