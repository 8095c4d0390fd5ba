"""A longer line: forward frames between the box's interfaces, each held back for so long.

``python -m tests.lab.delay SECONDS``, inside the box. Frames keep their order; the hold is the
same in both directions, so it adds twice to every round trip.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections import deque

from tests.lab.net import BOX_INSIDE, BOX_OUTSIDE

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


def forward(hold_seconds: float) -> None:
    """Forward for ever."""
    inside, outside = tap(BOX_INSIDE), tap(BOX_OUTSIDE)
    other = {inside: outside, outside: inside}
    waiting: deque[tuple[float, socket.socket, bytes]] = deque()
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
    forward(float(sys.argv[1]))
