"""The wire between the vantages and the servers: it reads the name, and slows whom the act says.

Every server address has a listener. Where a connection comes from tells whose line it is on, the
name in its ClientHello whether this network restricts it just now. Bytes are carried as they are:
TLS is between the daemon and the server, and a certificate that the relay forged would show.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from msgspec import Struct

from probe.demo.cast import DemoLine, line_from
from probe.demo.hello import HelloError, server_name
from probe.demo.paced_direction import PacedDirection

# Small, so that a slow connection trickles as a slow line does.
PIECE_BYTES = 1_448
# What a far end may send ahead of a slow line, as a full queue in a router would hold.
QUEUE_PIECES = 256
HELLO_SECONDS = 5.0


class Shape(Struct, frozen=True, kw_only=True):
    """What a connection gets in each direction at one moment."""

    rate_bytes_per_second: float
    delay_seconds: float


Policy = Callable[[DemoLine, str], Shape]
"""What a line gives to a server name just now."""


class Relay:
    """Carries what arrives at ``addresses`` to the server at ``backend``, shaped by ``policy``."""

    def __init__(
        self, addresses: tuple[str, ...], *, backend: tuple[str, int], policy: Policy
    ) -> None:
        self._addresses = addresses
        self._backend = backend
        self._policy = policy
        self._servers: list[asyncio.Server] = []
        self._carrying: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on every address, on one port that is free on all of them. Raises ``OSError``."""
        for _ in range(8):
            try:
                await self._listen()
                return
            except OSError as error:
                self._close()
                last = error
        raise last

    async def stop(self) -> None:
        """Listen no more, and cut every connection."""
        self._close()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _listen(self) -> None:
        self.port = 0
        for address in self._addresses:
            server = await asyncio.start_server(self._accept, address, self.port)
            self._servers.append(server)
            self.port = server.sockets[0].getsockname()[1]

    def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        line = line_from(to_near.get_extra_info("peername")[0])
        # Ends that go away are ordinary here: the daemon closes as soon as it has read enough.
        with contextlib.suppress(OSError, HelloError, TimeoutError), contextlib.closing(to_near):
            if line is None:
                return
            name, hello = await _hello(near)
            far, to_far = await asyncio.open_connection(*self._backend, limit=PIECE_BYTES)
            with contextlib.closing(to_far):
                await self._both(line, name, (near, to_near), (far, to_far), hello)

    async def _both(
        self,
        line: DemoLine,
        name: str,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        hello: bytes,
    ) -> None:
        def shape() -> Shape:
            return self._policy(line, name)

        up = asyncio.ensure_future(_pump(near[0], far[1], shape, hello))
        down = asyncio.ensure_future(_pump(far[0], near[1], shape))
        try:
            # The near end closes first, always: then nobody waits for the rest any more.
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (up, down):
                pump.cancel()
            await asyncio.gather(up, down, return_exceptions=True)


async def _hello(near: asyncio.StreamReader) -> tuple[str, bytes]:
    """The server name, and everything that was read to find it."""
    received = b""
    async with asyncio.timeout(HELLO_SECONDS):
        while True:
            piece = await near.read(4_096)
            if not piece:
                raise HelloError("closed before it said anything")
            received += piece
            name = server_name(received)
            if name is not None:
                return name, received


async def _pump(
    source: asyncio.StreamReader,
    sink: asyncio.StreamWriter,
    shape: Callable[[], Shape],
    first: bytes = b"",
) -> None:
    """Carry one direction until its source ends."""
    loop, pace = asyncio.get_running_loop(), PacedDirection()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUE_PIECES)

    async def read() -> None:
        piece = first or await source.read(PIECE_BYTES)
        while piece:
            now = shape()
            leaves = pace.leaves_at(
                len(piece),
                now=loop.time(),
                rate_bytes_per_second=now.rate_bytes_per_second,
                delay_seconds=now.delay_seconds,
            )
            await waiting.put((leaves, piece))
            piece = await source.read(PIECE_BYTES)
        await waiting.put((loop.time(), b""))

    reading = asyncio.ensure_future(read())
    try:
        while True:
            leaves, piece = await waiting.get()
            await asyncio.sleep(leaves - loop.time())
            if not piece:
                return
            sink.write(piece)
            await sink.drain()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
