"""Ethernet frames with IPv4, IPv6, TCP and UDP: what a box reads of them.

RFC 791, 8200, 9293 and 768.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

ETHERNET_BYTES = 14
IPV4 = b"\x08\x00"
IPV6 = b"\x86\xdd"
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
FRAGMENT = 44
# IPv6 extension headers that carry their length in units of 8 bytes: hop by hop, routing,
# destination options.
EXTENSIONS = frozenset((0, 43, 60))
# Router and neighbour discovery, redirect: types of ICMPv6.
DISCOVERY = range(133, 138)


@dataclass(slots=True)
class Packet:
    """What a box wants to know of a frame that carries IP.

    ``begin``: where the transport header starts in ``frame``; ``payload`` and ``end``: where its
    payload starts and stops (``end`` excludes what Ethernet padded). Ports, sequence numbers and
    flags are 0 where the protocol, or the fragment, has none. ``size_bytes``: header and content
    of IP.
    """

    frame: bytes
    protocol: int
    source: bytes
    destination: bytes
    begin: int
    payload: int
    end: int
    source_port: int = 0
    destination_port: int = 0
    sequence: int = 0
    acknowledgement: int = 0
    flags: int = 0

    @property
    def size_bytes(self) -> int:
        return self.end - ETHERNET_BYTES

    @property
    def data(self) -> bytes:
        """The payload of TCP or UDP."""
        return self.frame[self.payload : self.end]

    @property
    def data_bytes(self) -> int:
        return self.end - self.payload

    @property
    def sequence_bytes(self) -> int:
        """How far the segment moves TCP's sequence number on."""
        return self.data_bytes + bool(self.flags & SYN) + bool(self.flags & FIN)


def parse(frame: bytes) -> Packet | None:
    """The packet in a frame; ``None``: no IP, or a header that is cut short."""
    kind = frame[12:14]
    if kind == IPV4:
        packet = _parse4(frame)
    elif kind == IPV6:
        packet = _parse6(frame)
    else:
        return None
    if packet is not None and not _parse_transport(packet):
        return None
    return packet


def _parse4(frame: bytes) -> Packet | None:
    if len(frame) < ETHERNET_BYTES + 20:
        return None
    length, fragment, protocol = struct.unpack_from("!H2xHxB", frame, ETHERNET_BYTES + 2)
    header = (frame[ETHERNET_BYTES] & 0x0F) * 4
    end = ETHERNET_BYTES + length
    if header < 20 or length < header or end > len(frame):
        return None
    begin = ETHERNET_BYTES + header
    # A fragment's ports are known to nobody but the receiver who puts it together.
    whole = fragment & 0x3FFF == 0
    return Packet(
        frame=frame,
        protocol=protocol if whole else FRAGMENT,
        source=frame[26:30],
        destination=frame[30:34],
        begin=begin,
        payload=begin,
        end=end,
    )


def _parse6(frame: bytes) -> Packet | None:
    begin = ETHERNET_BYTES + 40
    if len(frame) < begin:
        return None
    length, protocol = struct.unpack_from("!HB", frame, ETHERNET_BYTES + 4)
    end = begin + length
    if end > len(frame):
        return None
    while protocol in EXTENSIONS:
        if begin + 8 > end:
            return None
        protocol, units = struct.unpack_from("!BB", frame, begin)
        begin += 8 * (units + 1)
    if begin > end:
        return None
    return Packet(
        frame=frame,
        protocol=protocol,
        source=frame[22:38],
        destination=frame[38:54],
        begin=begin,
        payload=begin,
        end=end,
    )


def _parse_transport(packet: Packet) -> bool:
    """Fill in what TCP or UDP says; whether their header is whole."""
    begin = packet.begin
    room = packet.end - begin
    if packet.protocol == TCP:
        if room < 20:
            return False
        (
            packet.source_port,
            packet.destination_port,
            packet.sequence,
            packet.acknowledgement,
            offset,
            packet.flags,
        ) = struct.unpack_from("!HHIIBB", packet.frame, begin)
        header = (offset >> 4) * 4
        if header < 20 or header > room:
            return False
        packet.payload = begin + header
    elif packet.protocol == UDP:
        if room < 8:
            return False
        packet.source_port, packet.destination_port = struct.unpack_from("!HH", packet.frame, begin)
        packet.payload = begin + 8
    return True


def is_discovery(frame: bytes) -> bool:
    """Whether a frame belongs to finding neighbours (ARP, ND) or is no IP at all."""
    kind = frame[12:14]
    if kind == IPV4:
        return False
    if kind != IPV6:
        return True
    return len(frame) > 54 and frame[20] == ICMP6 and frame[54] in DISCOVERY
