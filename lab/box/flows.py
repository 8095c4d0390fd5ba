"""The flows that a box has seen, and what it has read of their first bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from lab.box.hello import Beginning, Hello, Unread, read_message, read_stream
from lab.box.packet import ACK, SYN, TCP, UDP, Packet
from lab.box.quic import LONG_HEADER, Initials
from lab.box.rules import Protocol, Way

DNS_PORT = 53
# Beyond that the flow that was quiet for the longest is forgotten, as a real box must.
MOST_FLOWS = 20_000
SEQUENCES = 1 << 32
NOTHING: frozenset[Protocol] = frozenset()

# Protocol, client, server, client's port, server's port.
FlowKey = tuple[int, bytes, bytes, int, int]


@dataclass(slots=True, eq=False)
class Flow:
    """One connection, or one pair of UDP sockets; other protocols: one pair of addresses.

    ``first_byte``: the sequence number of the client's first byte, when its SYN was seen.
    ``beginning`` (``initials`` in QUIC): what has been read until the hello is complete.
    ``hello_bytes``: how far the hello reaches into the client's stream. ``condemned_by``: rules
    that the hello fits, and from when they meet the flow; ``met_by``: rules that have acted;
    ``kept``: what they remember. ``redirect``: the address that it really goes to.
    """

    key: FlowKey
    protocols: frozenset[Protocol]
    first_byte: int | None = None
    beginning: Beginning | None = None
    initials: Initials | None = None
    hello: Hello | None = None
    hello_bytes: int = 0
    redirect: bytes | None = None
    fresh: bool = True
    condemned_by: dict[Any, float] = field(default_factory=dict)
    met_by: set[Any] = field(default_factory=set)
    kept: dict[Any, Any] = field(default_factory=dict)
    rules: tuple[Any, ...] = ()
    generation: int = -1

    @property
    def client(self) -> bytes:
        return self.key[1]

    @property
    def server(self) -> bytes:
        return self.key[2]

    @property
    def server_port(self) -> int:
        return self.key[4]

    def offset(self, packet: Packet) -> int | None:
        """Where the client's segment lies in its stream (negative: a repeated SYN)."""
        if self.first_byte is None:
            return None
        distance = (packet.sequence - self.first_byte) % SEQUENCES
        return distance if distance < SEQUENCES // 2 else distance - SEQUENCES

    def read(self, packet: Packet) -> bool:
        """Read on in what the client sends; whether the hello has just become complete."""
        if not packet.data_bytes:
            return False
        quic = packet.protocol == UDP
        found = self._read_initials(packet) if quic else self._read_stream(packet)
        if found is not None:
            self.hello = found
        return found is not None

    def _read_stream(self, packet: Packet) -> Hello | None:
        offset = self.offset(packet)
        if self.beginning is None or offset is None:
            return None
        if not self.beginning.add(offset, packet.data):
            return None
        found = read_stream(self.beginning.data)
        if found is Unread.MORE:
            return None
        self.hello_bytes = len(self.beginning.data)
        self.beginning = None
        return found if isinstance(found, Hello) else None

    def _read_initials(self, packet: Packet) -> Hello | None:
        if self.initials is None:
            return None
        grown = self.initials.add(packet.data)
        found = read_message(self.initials.data) if grown else Unread.MORE
        if found is not Unread.MORE or self.initials.exhausted:
            self.initials = None
        return found if isinstance(found, Hello) else None


def _key(packet: Packet, way: Way) -> FlowKey:
    if way is Way.UP:
        return (
            packet.protocol,
            packet.source,
            packet.destination,
            packet.source_port,
            packet.destination_port,
        )
    return (
        packet.protocol,
        packet.destination,
        packet.source,
        packet.destination_port,
        packet.source_port,
    )


def _protocols(packet: Packet, server_port: int) -> frozenset[Protocol]:
    if packet.protocol == TCP:
        return frozenset((Protocol.TCP,))
    if packet.protocol != UDP:
        return NOTHING
    if server_port == DNS_PORT:
        return frozenset((Protocol.UDP, Protocol.DNS))
    if packet.data_bytes and packet.frame[packet.payload] & LONG_HEADER == LONG_HEADER:
        return frozenset((Protocol.UDP, Protocol.QUIC))
    return frozenset((Protocol.UDP,))


class Flows:
    """The table of flows."""

    def __init__(self) -> None:
        self._flows: OrderedDict[FlowKey, Flow] = OrderedDict()
        self._redirected: dict[FlowKey, Flow] = {}

    def __len__(self) -> int:
        return len(self._flows)

    @property
    def any_redirected(self) -> bool:
        return bool(self._redirected)

    def redirected(self, packet: Packet) -> Flow | None:
        """The flow that a packet from a redirection's target answers to."""
        return self._redirected.get(_key(packet, Way.DOWN)) if self._redirected else None

    def redirect(self, flow: Flow, address: bytes) -> None:
        """Send a flow elsewhere from now on."""
        protocol, client, _, client_port, server_port = flow.key
        flow.redirect = address
        self._redirected[(protocol, client, address, client_port, server_port)] = flow

    def of(self, packet: Packet, way: Way) -> Flow:
        """The flow of a packet, a new one if need be."""
        key = _key(packet, way)
        flow = self._flows.get(key)
        opens = way is Way.UP and packet.flags & (SYN | ACK) == SYN
        first_byte = (packet.sequence + 1) % SEQUENCES if opens else None
        if flow is not None and (not opens or flow.first_byte == first_byte):
            flow.fresh = False
            self._flows.move_to_end(key)
            return flow
        if flow is not None:
            self._drop(flow)
        flow = Flow(key, _protocols(packet, key[4]), first_byte=first_byte)
        if opens:
            flow.beginning = Beginning()
        elif way is Way.UP and Protocol.QUIC in flow.protocols:
            flow.initials = Initials()
        self._flows[key] = flow
        if len(self._flows) > MOST_FLOWS:
            self._drop(next(iter(self._flows.values())))
        return flow

    def _drop(self, flow: Flow) -> None:
        del self._flows[flow.key]
        if flow.redirect is not None:
            protocol, client, _, client_port, server_port = flow.key
            self._redirected.pop((protocol, client, flow.redirect, client_port, server_port), None)
