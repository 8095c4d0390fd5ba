"""Frames that nobody sent: forged and rewritten packets, their checksums right (RFC 1071)."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from lab.box.packet import ACK, ETHERNET_BYTES, RST, TCP, UDP, Packet

HOP_LIMIT = 64
WINDOW = 65_535


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


def tcp_frame(
    ethernet: bytes,
    source: tuple[bytes, int],
    destination: tuple[bytes, int],
    *,
    sequence: int,
    acknowledgement: int,
    flags: int,
    data: bytes = b"",
) -> bytes:
    """A TCP segment without options in a frame; ``ethernet`` is the 14 bytes before it."""
    header = struct.pack(
        "!HHIIBBHHH",
        source[1], destination[1], sequence & 0xFFFFFFFF, acknowledgement & 0xFFFFFFFF,
        5 << 4, flags, WINDOW, 0, 0,
    )  # fmt: skip
    return ethernet + _internet(source[0], destination[0], TCP, header + data)


def udp_frame(
    ethernet: bytes, source: tuple[bytes, int], destination: tuple[bytes, int], data: bytes
) -> bytes:
    """A UDP datagram in a frame; ``ethernet`` is the 14 bytes before it."""
    header = struct.pack("!HHHH", source[1], destination[1], 8 + len(data), 0)
    return ethernet + _internet(source[0], destination[0], UDP, header + data)


def _internet(source: bytes, destination: bytes, protocol: int, content: bytes) -> bytes:
    """A segment, its checksum still 0, under a header of IP."""
    content = _seal(source, destination, protocol, content)
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
    return header + content


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
    """A RST to the sender of a TCP packet, as its peer would send it (RFC 9293, 3.10.7.1)."""
    if packet.flags & ACK:
        sequence, acknowledgement, flags = packet.acknowledgement, 0, RST
    else:
        sequence = 0
        acknowledgement, flags = packet.sequence + packet.sequence_bytes, RST | ACK
    return tcp_frame(
        _turned(packet.frame),
        (packet.destination, packet.destination_port),
        (packet.source, packet.source_port),
        sequence=sequence,
        acknowledgement=acknowledgement,
        flags=flags,
    )


def reset_on(packet: Packet, sequence: int) -> bytes:
    """A RST to the receiver of a TCP packet, as its sender would send it.

    ``sequence``: what the receiver expects next; with any other it asks back (RFC 5961).
    """
    return tcp_frame(
        packet.frame[:ETHERNET_BYTES],
        (packet.source, packet.source_port),
        (packet.destination, packet.destination_port),
        sequence=sequence,
        acknowledgement=packet.acknowledgement,
        flags=RST | (packet.flags & ACK),
    )


def datagram_back(packet: Packet, payload: bytes) -> bytes:
    """A UDP answer to the sender of a UDP packet, as its receiver would send it."""
    return udp_frame(
        _turned(packet.frame),
        (packet.destination, packet.destination_port),
        (packet.source, packet.source_port),
        payload,
    )


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
