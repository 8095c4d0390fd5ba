"""Raw frames from and to one interface, with the kernel's stamps of their arrival."""

from __future__ import annotations

import socket
import struct
import time

from lab.box.rules import Way

# Linux: <linux/if_packet.h>, <linux/if_ether.h>, <asm/socket.h>.
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_STATISTICS = 6
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
ETH_P_ALL = 0x0003
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
BUFFER_BYTES = 64 * 1024 * 1024
LARGEST_FRAME = 65_536
# Ancillary data: a header and a struct timespec.
ANCILLARY_BYTES = socket.CMSG_SPACE(16)
NANO = 1_000_000_000
# So many at a time, that what is due is not kept waiting by what comes in.
BATCH = 32
# A stamp that is older than this, or from the future, comes from a clock that was stepped.
OLDEST_SECONDS = 2.0


class Wire:
    """An AF_PACKET socket on an interface. ``way``: where what comes in here is going."""

    def __init__(self, interface: str, way: Way) -> None:
        self.way = way
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw = self._socket
        raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        index = socket.if_nametoindex(interface)
        membership = struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b"")
        raw.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        raw.setblocking(False)
        raw.bind((interface, ETH_P_ALL))
        self._overrun = 0
        self.unsent = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def receive(self) -> list[tuple[bytes, float]]:
        """Frames that have come in, with the time of their arrival on the monotonic clock."""
        found = []
        receive = self._socket.recvmsg
        monotonic, wall = time.monotonic(), time.time_ns()
        try:
            for _ in range(BATCH):
                frame, ancillary, _, _ = receive(LARGEST_FRAME, ANCILLARY_BYTES)
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                # Below zero for what came in since the loop began.
                age = (wall - seconds * NANO - nanoseconds) / NANO
                if not -OLDEST_SECONDS < age < OLDEST_SECONDS:
                    age = 0.0
                found.append((frame, monotonic - age))
        except BlockingIOError:
            pass
        return found

    def send(self, frame: bytes) -> None:
        """Send a frame, or count that the kernel did not take it."""
        try:
            self._socket.send(frame)
        except OSError:
            self.unsent += 1

    @property
    def overrun(self) -> int:
        """Frames that came in while the buffer was full, since the start."""
        # The kernel's own counter begins anew with every look at it.
        raw = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._overrun += struct.unpack("II", raw)[1]
        return self._overrun
