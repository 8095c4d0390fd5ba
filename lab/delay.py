"""A longer line: forward frames between the box's interfaces, each held back for so long.

``python -m lab.delay SECONDS``, inside the box. Frames keep their order; the hold is the
same in both directions, so it adds twice to every round trip.

With ``--card NAMESPACE`` the side of the client is not the box's interface but the far side of the
client's card (``Topology``), in that namespace.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import select
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.net import BOX_INSIDE, BOX_OUTSIDE, CLIENT_INTERFACE, NETNS

# linux/if_tun.h
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
_CLONE_NEWNET = 0x40000000
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23
_ETH_P_ALL = 0x0003
FRAME_BYTES = 65_536
BUFFER_BYTES = 8 * 1024 * 1024


def tap(interface: str) -> socket.socket:
    """A socket that receives every frame arriving at an interface and sends any."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    made.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    made.bind((interface, 0))
    made.setblocking(False)
    return made


class End(Protocol):
    """Where frames come out and go in, without waiting."""

    def fileno(self) -> int: ...
    def recv(self, size: int, /) -> bytes: ...
    def send(self, frame: bytes, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Card:
    """The far side of a card: what the kernel sends comes out, what goes in has arrived."""

    descriptor: int

    def fileno(self) -> int:
        return self.descriptor

    def recv(self, size: int, /) -> bytes:
        return os.read(self.descriptor, size)

    def send(self, frame: bytes, /) -> int:
        return os.write(self.descriptor, frame)


def card(namespace: str, interface: str) -> Card:
    """The far side of the card that is an interface of another namespace."""
    with Path("/proc/self/ns/net").open("rb") as own, (NETNS / namespace).open("rb") as there:
        _enter(there.fileno())
        try:
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            wanted = struct.pack("16sH22x", interface.encode(), _IFF_TAP | _IFF_NO_PI)
            fcntl.ioctl(descriptor, _TUNSETIFF, wanted)
        finally:
            _enter(own.fileno())
    return Card(descriptor)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def forward(inside: End, outside: End, hold_seconds: float) -> None:
    """Forward for ever."""
    other = {inside: outside, outside: inside}
    waiting: deque[tuple[float, End, bytes]] = deque()
    print("ready", flush=True)
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([inside, outside], [], [], timeout)
        now = time.monotonic()
        for source in readable:
            try:
                while True:
                    waiting.append((now + hold_seconds, other[source], source.recv(FRAME_BYTES)))
            except BlockingIOError:
                pass
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, target, frame = waiting.popleft()
            target.send(frame)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float)
    parser.add_argument("--card", metavar="NAMESPACE")
    given = parser.parse_args()
    inside = tap(BOX_INSIDE) if given.card is None else card(given.card, CLIENT_INTERFACE)
    forward(inside, tap(BOX_OUTSIDE), given.seconds)
