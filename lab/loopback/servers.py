"""Real servers on loopback for the wire and the leg, each with a script of its own.

A script gets a ``Visit`` (one accepted connection, TLS already done if asked for) and does what a
far end would do: answer, stall, reset, talk rubbish. Scripts are cancelled when the server closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import h2.config
import h2.connection
import h2.events
import trustme

from probe.config.schema import VantageConfig
from probe.measure.connection.kernel_stamps import enable_stamps
from probe.measure.one_leg.leg import measure_leg
from probe.measure.tls.trust import Trust
from probe.model.identity import LegRole, Verify
from probe.model.observation import Leg, LegObservation

NAME = "www.example.com"
HERE = VantageConfig(name="here")
DEADLINE = 5.0
"""Seconds; only legs that are meant to run into their deadline get a shorter one."""


@functools.cache
def authority() -> trustme.CA:
    """The authority that the tests' daemon trusts."""
    return trustme.CA()


@functools.cache
def stranger() -> trustme.CA:
    """An authority that nobody trusts."""
    return trustme.CA()


@functools.cache
def trust() -> Trust:
    """Trust in ``authority`` alone."""
    with authority().cert_pem.tempfile() as path:
        return Trust.load(path)


@functools.cache
def certificate(
    name: str = NAME, *, forged: bool = False, expired: bool = False
) -> trustme.LeafCert:
    """A certificate for ``name`` (a host name or an address)."""
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC) if expired else None
    issuer = stranger() if forged else authority()
    return issuer.issue_cert(name, not_after=past)


def server_context(
    leaf: trustme.LeafCert, *, alpn: Iterable[str] = ("http/1.1",), tls12: bool = False
) -> ssl.SSLContext:
    """A TLS server's context with ``leaf``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    context.set_alpn_protocols(list(alpn))
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def connection() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection on loopback: the near one as a leg has it, stamped, and the far."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    near.setblocking(False)
    enable_stamps(near)
    return near, far


class Visit:
    """One accepted connection, as its script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.peer: str = writer.get_extra_info("peername")[0]
        self.request = b""

    async def head(self) -> bytes:
        """Wait for a request's head."""
        self.request = await self.reader.readuntil(b"\r\n\r\n")
        return self.request

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes, *, status: str = "200 OK", fields: str = "") -> None:
        """A whole HTTP/1.1 answer to the next request."""
        await self.head()
        await self.send(head_of(len(body), status=status, fields=fields) + body)

    def reset(self) -> None:
        """Close with a RST instead of a FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def cut(self) -> None:
        """Close with a FIN in mid-air: no TLS goodbye."""
        self.writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

    async def gone(self) -> None:
        """Wait until the client has closed."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65_536):
                pass

    async def stall(self) -> None:
        """Keep the connection and say nothing."""
        await asyncio.Event().wait()


Script = Callable[[Visit], Awaitable[None]]


class Server:
    """What a running server has seen. ``snis`` are the names in the ClientHellos."""

    def __init__(self) -> None:
        self.port = 0
        self.sockets: tuple[socket.socket, ...] = ()
        self.visits: list[Visit] = []
        self.snis: list[str | None] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def visit(self) -> Visit:
        """The only visit there was."""
        (only,) = self.visits
        return only

    def listener(self) -> socket.socket:
        """The listening socket, for what asyncio does not hand out. The caller closes it."""
        return socket.socket(fileno=os.dup(self.sockets[0].fileno()))

    async def finished(self) -> None:
        """Wait until every script has run to its end."""
        await asyncio.gather(*self._tasks)


def head_of(length: int, *, status: str = "200 OK", fields: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{fields}\r\n".encode()


@contextlib.asynccontextmanager
async def serve(
    script: Script, context: ssl.SSLContext | None = None, *, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    """Serve ``script`` on a free port, over TLS if there is a ``context``."""
    server = Server()
    if context is not None:
        context.sni_callback = lambda _socket, name, _context: server.snis.append(name)

    async def run(visit: Visit) -> None:
        try:
            await script(visit)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client went away, which is its business
        except asyncio.CancelledError:
            visit.writer.transport.abort()
            raise
        finally:
            visit.writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(reader, writer)
        server.visits.append(visit)
        task = asyncio.get_running_loop().create_task(run(visit))
        server._tasks.add(task)

    listener = await asyncio.start_server(accept, host, 0, ssl=context)
    server.sockets = listener.sockets
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in server._tasks:
            task.cancel()
        await asyncio.gather(*server._tasks, return_exceptions=True)
        await listener.wait_closed()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes until it ends or breaks."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


async def copy_both_ways(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    other: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Pass on what comes from either side until one of them ends; closes neither."""
    ways = [asyncio.create_task(copy(one[0], other[1])),
            asyncio.create_task(copy(other[0], one[1]))]  # fmt: skip
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


class Http2:
    """The server's side of HTTP/2 on a visit, by the h2 library."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.headers: dict[str, str] = {}

    async def request(self) -> int:
        """Shake hands, wait for a request; its stream."""
        self.h2.initiate_connection()
        await self.flush()
        while True:
            data = await self.visit.reader.read(65_536)
            if not data:
                raise ConnectionResetError
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.headers = {
                        key.decode(): value.decode() for key, value in event.headers or ()
                    }
                    await self.flush()
                    assert event.stream_id is not None
                    return event.stream_id
            await self.flush()

    async def head(
        self, stream: int, *fields: tuple[str, str], status: int = 200, end: bool = False
    ) -> None:
        self.h2.send_headers(stream, [(":status", str(status)), *fields], end_stream=end)
        await self.flush()

    async def body(self, stream: int, body: bytes, *, end: bool = True) -> None:
        size = self.h2.max_outbound_frame_size
        for start in range(0, len(body), size):
            self.h2.send_data(stream, body[start : start + size])
        if end:
            self.h2.end_stream(stream)
        await self.flush()

    async def flush(self) -> None:
        await self.visit.send(self.h2.data_to_send())


def leg_to(
    port: int,
    *,
    url: str = f"https://{NAME}/object?v=1",
    connect_to: str = "127.0.0.1",
    sni: str = NAME,
    certificate_name: str = NAME,
    verify: Verify = Verify.STRICT,
    http_versions: tuple[str, ...] = ("h2", "http/1.1"),
    expect_status: tuple[int, ...] = (200, 206),
    min_bytes: int = 0,
    max_bytes: int = 65_536,
    range_bytes: int = 0,
    also_certified: tuple[str, ...] = (),
    not_a_page: bool = False,
    updates: int = 0,
    keep_alive: bool = False,
) -> Leg:
    """A leg to a loopback server; what is not given is an ordinary target."""
    return Leg(
        role=LegRole.TARGET,
        owner="x",
        target="object",
        connect_to=connect_to,
        port=port,
        url=url,
        sni=sni,
        certificate_name=certificate_name,
        verify=verify,
        http_versions=http_versions,
        expect_status=expect_status,
        min_bytes=min_bytes,
        max_bytes=max_bytes,
        range_bytes=range_bytes,
        also_certified=also_certified,
        not_a_page=not_a_page,
        updates=updates,
        keep_alive=keep_alive,
    )


async def measure(
    leg: Leg,
    *,
    address: str | None = "127.0.0.1",
    via: VantageConfig = HERE,
    deadline: float = DEADLINE,
) -> LegObservation:
    """Measure ``leg`` with the tests' trust."""
    return await measure_leg(
        leg, address=address, via=via, trust=trust(), deadline_seconds=deadline, order=0
    )


async def measure_script(
    script: Script,
    *,
    context: ssl.SSLContext | None = None,
    deadline: float = DEADLINE,
    **leg: object,
) -> LegObservation:
    """One leg against one script over TLS, HTTP/1.1 unless ``context`` says otherwise."""
    async with serve(script, context or server_context(certificate())) as server:
        observed = await measure(leg_to(server.port, **leg), deadline=deadline)  # type: ignore[arg-type]
        assert len(server.visits) <= 1, "a leg is one connection"
        return observed
