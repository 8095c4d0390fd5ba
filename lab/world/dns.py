"""The world's DNS: UDP, TCP, and the answers of DNS over HTTPS. Messages by dnspython."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Mapping
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from lab.world.events import Log, Query, now
from lab.world.spec import WorldSpec
from probe.config.hosts import covers

PLAIN_UDP_BYTES = 512
_FAMILIES = {dns.rdatatype.A: ".", dns.rdatatype.AAAA: ":"}


class Zone:
    """Answers for the names of a world; everything else does not exist."""

    def __init__(self, names: Mapping[str, tuple[str, ...]], ttl_seconds: int) -> None:
        self._names = {name.lower(): addresses for name, addresses in names.items()}
        self._ttl = ttl_seconds

    def lookup(self, name: str) -> tuple[str, ...] | None:
        """The addresses of a name, of a ``*.`` entry above it, or ``None``: no such name."""
        name = name.lower().rstrip(".")
        if name in self._names:
            return self._names[name]
        while "." in name:
            name = name.partition(".")[2]
            if (below := self._names.get(f"*.{name}")) is not None:
                return below
        return None

    def addresses_of(self, listed: Iterable[str]) -> set[str]:
        """The addresses of all names that ``listed`` ones are, or, as ``*.`` entries, cover."""
        listed = list(listed)
        found = {address for name in listed for address in self.lookup(name) or ()}
        for name, addresses in self._names.items():
            if covers(listed, name):
                found.update(addresses)
        return found

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The answer to a query."""
        answer = dns.message.make_response(query, recursion_available=True)
        if query.opcode() != 0 or len(query.question) != 1:
            answer.set_rcode(dns.rcode.NOTIMP)
            return answer
        asked = query.question[0]
        addresses = self.lookup(asked.name.to_text())
        if addresses is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return answer
        mark = _FAMILIES.get(asked.rdtype)
        texts = [a for a in addresses if mark is not None and (":" in a) == (mark == ":")]
        if texts:
            answer.answer.append(
                dns.rrset.from_text_list(
                    asked.name, self._ttl, dns.rdataclass.IN, asked.rdtype, texts
                )
            )
        return answer


class Resolver:
    """The zone with its log and its latency; every transport asks it."""

    def __init__(self, spec: WorldSpec, log: Log) -> None:
        self._zone = Zone(spec.zone, spec.ttl_seconds)
        self._latency_seconds = spec.dns_latency_seconds
        self._log = log

    async def ask(self, wire: bytes, address: str, transport: str) -> bytes | None:
        """The answer in wire format; ``None`` for what is no query."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        answer = self._zone.answer(query)
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        if query.question:
            asked = query.question[0]
            self._log.add(
                Query(
                    at=now(),
                    address=address,
                    transport=transport,
                    name=asked.name.to_text(omit_final_dot=True).lower(),
                    type=dns.rdatatype.to_text(asked.rdtype),
                    rcode=dns.rcode.to_text(answer.rcode()),
                )
            )
        return _to_wire(answer, query) if transport == "udp" else answer.to_wire()


def _to_wire(answer: dns.message.Message, query: dns.message.Message) -> bytes:
    room = max(PLAIN_UDP_BYTES, query.payload if query.edns >= 0 else 0)
    try:
        return answer.to_wire(max_size=room)
    except dns.exception.TooBig:
        short = dns.message.make_response(query, recursion_available=True)
        short.flags |= dns.flags.TC
        return short.to_wire()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, resolver: Resolver, address: str) -> None:
        self._resolver = resolver
        self._address = address
        self._answering: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        task = asyncio.ensure_future(self._answer(data, addr))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, data: bytes, client: tuple[str | object, int]) -> None:
        wire = await self._resolver.ask(data, self._address, "udp")
        if wire is not None and self._transport is not None:
            self._transport.sendto(wire, client)


async def serve(resolver: Resolver, address: str, port: int) -> None:
    """Answer DNS at one address, over UDP and TCP."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                wire = await resolver.ask(await reader.readexactly(length), address, "tcp")
                if wire is None:
                    break
                writer.write(struct.pack("!H", len(wire)) + wire)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Udp(resolver, address), (address, port))
    await asyncio.start_server(talk, address, port)
