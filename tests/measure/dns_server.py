"""A real DNS server on loopback whose every packet is scripted, and which counts what it gets.

It runs in a thread of its own, so that it answers while a test keeps its event loop busy.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple, Self, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class Step(NamedTuple):
    """Send ``wire``, ``after_seconds`` after the step before. Over TCP the bytes go out as they
    are, length prefix and all, and the connection is closed after the last step."""

    wire: bytes
    after_seconds: float = 0.0


Script = Callable[[dns.message.Message], Iterable[Step]]


def silence(query: dns.message.Message) -> Iterable[Step]:
    """Never answer."""
    return ()


def reply(
    query: dns.message.Message,
    *addresses: str,
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
    ttl: int = 60,
    truncated: bool = False,
    wrong_id: bool = False,
) -> bytes:
    """A response to ``query`` with these addresses."""
    response = dns.message.make_response(query)
    response.set_rcode(rcode)
    if truncated:
        response.flags |= dns.flags.TC
    if wrong_id:
        response.id ^= 0x5A5A
    name = query.question[0].name
    for kind, wanted in (("A", False), ("AAAA", True)):
        of_kind = [address for address in addresses if (":" in address) is wanted]
        if of_kind:
            response.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *of_kind))
    return response.to_wire()


def answering(*addresses: str, after_seconds: float = 0.0) -> Script:
    """Answer every query with ``addresses``."""
    return lambda query: [Step(reply(query, *addresses), after_seconds)]


def framed(wire: bytes) -> bytes:
    """A message as it travels over TCP."""
    return len(wire).to_bytes(2, "big") + wire


def free_port_of_both(host: str) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket that are bound to the same free port of ``host``.

    The kernel gives a port that is free for UDP; a TCP connection may hold it, so more are tried.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(100):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((host, 0))
        try:
            return udp, socket.create_server(udp.getsockname()[:2], family=family)
        except OSError:
            udp.close()
    raise OSError(f"no port of {host} is free for both UDP and TCP")


class DnsServer(asyncio.DatagramProtocol):
    """UDP on a free port; TCP on the same port when ``tcp`` is given.

    ``udp_packets`` and ``tcp_messages`` are what was received, ``sources`` the UDP packets' origin,
    ``tcp_connections`` counts connections.
    """

    def __init__(
        self, udp: Script = silence, tcp: Script | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.udp, self.tcp, self.host = udp, tcp, host
        self.port = 0
        self.udp_packets: list[bytes] = []
        self.sources: list[tuple[str, int]] = []
        self.tcp_messages: list[bytes] = []
        self.tcp_connections = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        assert self.port, "the server did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def address(self) -> str:
        """As c-ares writes it: ``127.0.0.1:5353`` or ``[::1]:5353``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server: asyncio.Server | None = None
        try:
            udp, tcp = free_port_of_both(self.host)
            transport, _ = await self._loop.create_datagram_endpoint(lambda: self, sock=udp)
            if self.tcp is None:
                tcp.close()
            else:
                server = await asyncio.start_server(self._connected, sock=tcp)
            self.port = transport.get_extra_info("sockname")[1]
        finally:
            self._started.set()
        await self._stop.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        transport.close()
        if server is not None:
            server.close()
            await server.wait_closed()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own datagram transport is no subclass of its public type.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.udp_packets.append(data)
        self.sources.append(addr)
        task = asyncio.ensure_future(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        for step in self.udp(dns.message.from_wire(data)):
            await asyncio.sleep(step.after_seconds)
            self._transport.sendto(step.wire, addr)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tcp_connections += 1
        assert self.tcp is not None
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            size = int.from_bytes(await reader.readexactly(2), "big")
            data = await reader.readexactly(size)
            self.tcp_messages.append(data)
            for step in self.tcp(dns.message.from_wire(data)):
                await asyncio.sleep(step.after_seconds)
                writer.write(step.wire)
                await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
