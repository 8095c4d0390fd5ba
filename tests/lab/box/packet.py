"""Ethernet frames with IPv4, IPv6, TCP and UDP: read, forged, rewritten. Nothing else of them.

RFC 791, 8200, 9293, 768 for the headers; RFC 1071 for the checksum.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address

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
HOP_LIMIT = 64


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


def checksum(data: bytes) -> int:
    """The Internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _transport_checksum(source: bytes, destination: bytes, protocol: int, content: bytes) -> int:
    pseudo = source + destination + struct.pack("!II", len(content), protocol)
    value = checksum(pseudo + content)
    # In UDP 0 means "none", and RFC 768 sends all ones in its stead.
    return 0xFFFF if protocol == UDP and value == 0 else value


def _frame(
    ethernet: bytes, source: bytes, destination: bytes, protocol: int, content: bytes
) -> bytes:
    """A frame around a transport segment whose checksum field (see ``_seal``) is zero."""
    sealed = _seal(source, destination, protocol, content)
    if len(source) == 4:
        header = struct.pack(
            "!BBHHHBBH4s4s",
            0x45, 0, 20 + len(content), 0, 0x4000, HOP_LIMIT, protocol, 0, source, destination,
        )  # fmt: skip
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    else:
        header = struct.pack(
            "!IHBB16s16s", 6 << 28, len(content), protocol, HOP_LIMIT, source, destination
        )
    return ethernet + header + sealed


def _seal(source: bytes, destination: bytes, protocol: int, content: bytes) -> bytes:
    """The segment with its checksum filled in."""
    place = {TCP: 16, UDP: 6}[protocol]
    empty = content[:place] + b"\0\0" + content[place + 2 :]
    value = _transport_checksum(source, destination, protocol, empty)
    return content[:place] + struct.pack("!H", value) + content[place + 2 :]


def _turned(frame: bytes) -> bytes:
    """The Ethernet header of an answer."""
    return frame[6:12] + frame[:6] + frame[12:14]


def reset_back(packet: Packet) -> bytes:
    """A RST to the sender of a TCP packet, as its peer would send it."""
    if packet.flags & ACK:
        sequence, acknowledgement, flags = packet.acknowledgement, 0, RST
    else:
        sequence = 0
        acknowledgement, flags = packet.sequence + packet.sequence_bytes, RST | ACK
    return _frame(
        _turned(packet.frame),
        packet.destination,
        packet.source,
        TCP,
        _tcp(packet.destination_port, packet.source_port, sequence, acknowledgement, flags),
    )


def reset_on(packet: Packet, sequence: int | None = None) -> bytes:
    """A RST to the receiver of a TCP packet, as its sender would send it in its place.

    ``sequence``: what the receiver expects next, when that is known; else the packet's own.
    """
    return _frame(
        packet.frame[:ETHERNET_BYTES],
        packet.source,
        packet.destination,
        TCP,
        _tcp(
            packet.source_port,
            packet.destination_port,
            packet.sequence if sequence is None else sequence,
            packet.acknowledgement,
            RST | (packet.flags & ACK),
        ),
    )


def _tcp(source: int, destination: int, sequence: int, acknowledgement: int, flags: int) -> bytes:
    return struct.pack(
        "!HHIIBBHHH",
        source, destination, sequence & 0xFFFFFFFF, acknowledgement & 0xFFFFFFFF,
        5 << 4, flags, 0, 0, 0,
    )  # fmt: skip


def datagram_back(packet: Packet, payload: bytes) -> bytes:
    """A UDP answer to the sender of a UDP packet, as its receiver would send it."""
    header = struct.pack("!HHHH", packet.destination_port, packet.source_port, 8 + len(payload), 0)
    return _frame(_turned(packet.frame), packet.destination, packet.source, UDP, header + payload)


def readdressed(
    packet: Packet, *, source: bytes | None = None, destination: bytes | None = None
) -> bytes:
    """The frame with another source or destination address of the same family."""
    new_source = source or packet.source
    new_destination = destination or packet.destination
    if len(new_source) != len(packet.source) or len(new_destination) != len(packet.destination):
        raise ValueError("an address can only be replaced by one of its own family")
    content = packet.frame[packet.begin : packet.end]
    if packet.protocol in (TCP, UDP):
        content = _seal(new_source, new_destination, packet.protocol, content)
    before = packet.frame[ETHERNET_BYTES : packet.begin]
    if len(new_source) == 4:
        header = before[:10] + b"\0\0" + new_source + new_destination + before[20:]
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    else:
        header = before[:8] + new_source + new_destination + before[40:]
    return packet.frame[:ETHERNET_BYTES] + header + content


def packed(address: str) -> bytes:
    """An address as it stands in a header."""
    return ip_address(address).packed
