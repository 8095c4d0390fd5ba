"""A connected TCP socket on the event loop that remembers when each byte came.

``arrivals.py`` keeps what is evidence, ``reader.py`` reads by the table in ``read_table.py``, and
``gathering.py`` says when to read a body, to spare CPU.

There are no timeouts here: one deadline holds for the whole leg (``leg.py``).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time

from probe.measure.connection import kernel_stamps, tcp_info
from probe.measure.connection.arrivals import Arrivals
from probe.measure.connection.kernel_stamps import Arrival, Departure
from probe.measure.connection.lookout import Lookout
from probe.measure.connection.reader import Reader
from probe.measure.one_leg.failures import NetworkError
from probe.model.failure import PROTOCOL_ERROR
from probe.model.observation import TcpInfo

HANDSHAKE_PIECE = 16_384
BODY_PIECE = 16_384
"""Bytes per read of the body: even a late reader gets four points per 64 KiB."""

_AT_ONCE = struct.pack("ii", 1, 0)
"""``struct linger``: on, for no second (socket(7))."""


_ASKING = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 127}
"""Each second that nothing comes (tcp(7)); each third one while nobody answers, and so for six
minutes, which no leg is waited for: then the kernel would end the connection."""


class Stopped(Exception):  # noqa: N818 - it is no error
    """Reading was ended by this side, because it has what it wanted."""


class WireStream:
    """One connection. Owned by one leg, closed by it; nothing is raised by closing twice."""

    def __init__(self, sock: socket.socket, *, opened_ns: int) -> None:
        self._sock = sock
        self._arrivals = Arrivals(sock, opened_ns)
        self._reader = Reader(sock, self._arrivals, HANDSHAKE_PIECE)
        self._lookout: Lookout | None = None
        self.opened_ns = opened_ns
        self.arrival = self._arrivals.latest
        """That of the piece which ``receive`` gave last."""
        self.sent = Departure(opened_ns)
        """The latest write."""
        self.first: Arrival | None = None
        self.last: Arrival | None = None
        """Arrivals of the first and last byte of what the latest ``read`` returned."""
        self.most_bytes: int | None = None
        """Reading more than this is a failure, so that no far end can spend the data budget."""
        self.stopped = False
        self.kept_alive = False
        """It is asked whether it is there, while nothing comes."""
        self.account: tcp_info.Account | None = None
        """The kernel's account, taken when the socket was closed."""

    @property
    def arrivals(self) -> list[Arrival]:
        """Of all pieces, as they were taken from the kernel."""
        return self._arrivals.all

    @property
    def received(self) -> int:
        """Bytes that were taken from the kernel."""
        return self._arrivals.received

    @property
    def piece(self) -> int:
        """Bytes per read, at most."""
        return self._reader.piece

    @piece.setter
    def piece(self, size: int) -> None:
        self._reader.piece = size

    @property
    def missing(self) -> int:
        """Bytes of the body, in the clear, that the leg does not have yet."""
        return self._reader.gathering.missing

    @missing.setter
    def missing(self, size: int) -> None:
        self._reader.gathering.missing = size

    async def receive(self) -> bytes:
        """The next piece, at most ``piece`` bytes; empty at the end of the stream."""
        if self.stopped:
            raise Stopped
        if self.most_bytes is not None and self._arrivals.received > self.most_bytes:
            raise NetworkError(PROTOCOL_ERROR, f"more than {self.most_bytes} bytes came")
        data, self.arrival = await self._reader.receive()
        return data

    def take_held(self) -> bytes:
        """The next piece that is held already; empty: none. An end is left to ``receive``."""
        held = self._reader.take_held()
        if held is None:
            return b""
        data, self.arrival = held
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
            self._lookout.watch(self._reader.sight)

    def gather(self, missing: int, *, undecrypted: int = 0) -> None:
        """From here on a body comes of which ``missing`` bytes are still wanted: let them gather.
        ``undecrypted`` bytes were handed up, but are not yet a whole record."""
        if self._lookout is not None:
            self._lookout.forget(self._reader.sight)
        self._reader.begin_gathering(missing, undecrypted)

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
                    asked, self._reader.reports = self._reader.reports, True
                    size, kernel_ns = kernel_stamps.send_stamped(self._sock, view, asked=asked)
                    self.sent = Departure(self.sent.loop_ns, kernel_ns)
                else:
                    size = self._sock.send(view)
                view = view[size:]
            except (BlockingIOError, InterruptedError):
                self._reader.take_reports()
                await writable(self._sock)

    def sending(self) -> tcp_info.SendingAccount | None:
        """What the kernel knows now of what was sent; ``None``: nothing."""
        return tcp_info.read_sending(self._sock)

    def tcp_now(self) -> TcpInfo | None:
        """The kernel's account as it is now; ``None``: there is none."""
        account = tcp_info.read(self._sock)
        return None if account is None else account.tcp

    def keep_alive(self) -> None:
        """From here on, while nothing comes, the far end's kernel is asked whether it is there: by
        segments without bytes (RFC 9293, 3.8.4), which whatever runs on that host cannot delay.
        Where the system cannot do so, nothing is asked."""
        self.kept_alive = True
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _ASKING.items():
            if (option := getattr(socket, name, None)) is not None:
                self._sock.setsockopt(socket.IPPROTO_TCP, option, value)

    def drop_unsent(self) -> None:
        """When it is closed, nothing leaves any more of what the kernel holds: the far end is sent
        a reset. Else the kernel would go on sending all of that, for minutes, uncounted."""
        if self._sock.fileno() >= 0:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)

    def close(self) -> None:
        """Take the kernel's account and close. What is unread makes the kernel send a reset."""
        if self._sock.fileno() >= 0:
            self.account = tcp_info.read(self._sock)
            self._reader.close()
            if self._lookout is not None:
                self._lookout.leave(self._reader.sight)
            self._sock.close()


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
