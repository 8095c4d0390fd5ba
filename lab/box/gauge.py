"""What a line does, measured from its two ends with real packets and the kernel's stamps.

Nothing has to be quick here: arrivals are stamped by the kernel and read when all is over, and
echoes are answered by the kernel.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Iterator

from msgspec import Struct

from lab.box.forge import checksum
from lab.box.inside import inside
from lab.box.line import BITS
from lab.box.rules import Way
from lab.box.wire import ANCILLARY_BYTES, BUFFER_BYTES, NANO, SO_RCVBUFFORCE, SO_TIMESTAMPNS
from lab.net import CLIENT_ADDRESS, WORLD_ADDRESS, Topology

ECHO_REQUEST, ECHO_REPLY = 8, 0
IP_UDP_BYTES = 28
SINK_PORT = 9
# What is still under way after the last packet was sent.
PATIENCE_SECONDS = 0.25


class Arrivals(Struct, frozen=True, kw_only=True):
    """What came of a stream of datagrams: ``sizes_bytes`` of IP, ``times`` in seconds."""

    sent: int
    numbers: list[int]
    times: list[float]
    size_bytes: int

    @property
    def rate_bits_per_second(self) -> float:
        """From the first arrival to the last."""
        carried = (len(self.times) - 1) * self.size_bytes * BITS
        return carried / (self.times[-1] - self.times[0])

    @property
    def lost_share(self) -> float:
        return 1 - len(self.numbers) / self.sent


def stamped(
    family: socket.AddressFamily, kind: socket.SocketKind, protocol: int = 0
) -> socket.socket:
    """A socket whose arrivals carry the kernel's stamp, with room for all of them."""
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
    return made


def drained(source: socket.socket, patience_seconds: float) -> Iterator[tuple[bytes, float]]:
    """Everything that arrives until nothing has for a while, with its time of arrival."""
    while select.select([source], [], [], patience_seconds)[0]:
        data, ancillary, _, _ = source.recvmsg(65_536, ANCILLARY_BYTES)
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
        yield data, seconds + nanoseconds / NANO


def round_trips(
    topology: Topology,
    *,
    count: int,
    gap_seconds: float,
    address: str = WORLD_ADDRESS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> list[float | None]:
    """Seconds from request to reply of ``count`` ICMP echoes (IPv4); ``None``: no reply."""
    with inside(topology.client):
        raw = stamped(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with raw:
        identity = os.getpid() & 0xFFFF
        sent: dict[int, float] = {}
        begin = time.monotonic()
        for number in range(count):
            time.sleep(max(begin + number * gap_seconds - time.monotonic(), 0))
            blank = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identity, number) + bytes(32)
            echo = blank[:2] + struct.pack("!H", checksum(blank)) + blank[4:]
            sent[number] = time.time_ns() / NANO
            raw.sendto(echo, (address, 0))
        seen: dict[int, float] = {}
        for data, at in drained(raw, patience_seconds):
            kind, _, _, whose, number = struct.unpack_from("!BBHHH", data, 20)
            if kind == ECHO_REPLY and whose == identity:
                seen[number] = at - sent[number]
    return [seen.get(number) for number in range(count)]


def stream(
    topology: Topology,
    way: Way,
    *,
    rate_bits_per_second: float,
    seconds: float,
    size_bytes: int = 1500,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Arrivals:
    """Send numbered datagrams through the box at a rate, and see what arrives."""
    near, far, to = (
        (topology.client, topology.world, WORLD_ADDRESS)
        if way is Way.UP
        else (topology.world, topology.client, CLIENT_ADDRESS)
    )
    with inside(far):
        sink = stamped(socket.AF_INET, socket.SOCK_DGRAM)
        sink.bind((to, SINK_PORT))
    with inside(near):
        source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sink, source:
        gap = size_bytes * BITS / rate_bits_per_second
        count = int(seconds / gap)
        padding = bytes(size_bytes - IP_UDP_BYTES - 4)
        begin = time.monotonic()
        for number in range(count):
            wait = begin + number * gap - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            source.sendto(struct.pack("!I", number) + padding, (to, SINK_PORT))
        arrived = list(drained(sink, patience_seconds))
    return Arrivals(
        sent=count,
        numbers=[struct.unpack_from("!I", data)[0] for data, _ in arrived],
        times=[at for _, at in arrived],
        size_bytes=size_bytes,
    )
