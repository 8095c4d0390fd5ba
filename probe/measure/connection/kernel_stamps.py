"""Two clocks for one leg: the event loop's, and the kernel's stamps.

The event loop reads the clock when it gets round to it, which on a busy machine is milliseconds
after the packet came. The kernel stamps each packet on arrival (``SO_TIMESTAMPNS``), but on the
wall clock, and on request what leaves (``SO_TIMESTAMPING``), which with cold caches is some
hundredths of a millisecond after it was handed over. A leg keeps both times for every piece that it
receives and for the ClientHello and the request, samples the offset between the wall
clock and the monotonic one at its start and end, and decides at the end which to believe: if the
offset moved, the wall clock was stepped and the stamps are dropped.

Limits: a read has one stamp, that of its last byte; so what begins something is read apart from
what follows it. Of segments that come through a network card and wait to be read the kernel merges
those that follow one another, and keeps the stamp of the last (``lookout.py``). What came
out of order waits in the kernel for the segment before it and keeps its own, early stamp
(``in_order``).
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple, Self

from probe.model.observation import Clock

NANOSECONDS = 1_000_000_000
STEP_NANOSECONDS = 1_000_000
"""An offset that moves by more than this during a leg is a step. Slewing (adjtime) moves both
clocks alike, so it does not move the offset."""

# Linux, asm-generic/socket.h; Python's socket module does not name them. The control messages have
# the same numbers. That of the first carries one native ``struct timespec``, that of the other
# three, the first of them the software's.
SO_TIMESTAMPNS = 35
SO_TIMESTAMPING = 37
_TIMESPEC = struct.Struct("@ll")
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0

# linux/net_tstamp.h: to report stamps of the software, without the packet; and to make one when the
# packet is handed to the interface's queue, which needs no help of the driver and is over when the
# call returns.
_REPORT = struct.pack("@I", 1 << 4 | 1 << 11)
_ON_SCHEDULING = struct.pack("@I", 1 << 8)
# Three timespecs, and the kernel's account of the "error" as which it reports.
_REPORT_BYTES = 256
# Far more than a queue can hold: each is charged to the socket's memory.
_MOST_REPORTS = 4_096

FIRST_PIECE = 1
"""Bytes of the first read of an answer in the clear, and of a look at what nobody has read yet. A
read has one stamp, which is that of its last byte, so the first byte is read apart from what
followed it. (Over TLS: the header of each record, ``tls.py``.)"""

LATE_NANOSECONDS = 20_000_000
"""A stamp that is older than this when its bytes are read may be that of a segment which waited for
a lost one; younger, it is right to within this in any case. Nor does a packet leave later than this
after it was handed over."""


class Arrival(NamedTuple):
    """A piece read from the socket.

    ``received`` counts all bytes of the connection up to and with this piece. ``loop_ns`` is the
    monotonic time at which it was read, ``kernel_ns`` the wall-clock time at which the kernel had
    received its last byte (``None``: no stamp).
    """

    received: int
    loop_ns: int
    kernel_ns: int | None


class Departure(NamedTuple):
    """Bytes that were sent. ``loop_ns`` is the monotonic time just before they were handed to the
    kernel, ``kernel_ns`` the wall-clock time at which the kernel handed the last packet to the
    interface's queue (``None``: no stamp)."""

    loop_ns: int
    kernel_ns: int | None = None


def enable_stamps(sock: socket.socket) -> bool:
    """Ask the kernel to stamp what arrives on ``sock``; ``False`` where it cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def send_stamped(
    sock: socket.socket, data: memoryview, *, asked: bool = False
) -> tuple[int, int | None]:
    """Send as ``sock.send`` does. How many bytes that took, and when they left: the kernel's stamp,
    Unix nanoseconds, ``None`` where it makes none or not at once. ``asked``: not for the first time
    on this connection."""
    if not sys.platform.startswith("linux"):
        return sock.send(data), None
    try:
        if not asked:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, _REPORT)
        since_ns = time.time_ns()
        sent = sock.sendmsg([data], [(socket.SOL_SOCKET, SO_TIMESTAMPING, _ON_SCHEDULING)])
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOPROTOOPT):
            raise
        return sock.send(data), None  # before Linux 4.6
    return sent, last_stamp_ns(sock, since_ns)


def last_stamp_ns(sock: socket.socket, since_ns: int | None = None) -> int | None:
    """Take every stamp of what was sent off ``sock``, and give the last; ``None``: there was none.
    With ``since_ns`` (Unix nanoseconds) they are taken up to the first that is not older: one is
    made for each call that sends.

    Until all are taken, an event loop is told at each of its turns that something is there. The
    kernel makes one more whenever it sends the same bytes again.
    """
    if not sys.platform.startswith("linux"):
        return None
    last = None
    for _ in range(_MOST_REPORTS):
        try:
            _, ancillary, _, _ = sock.recvmsg(0, _REPORT_BYTES, socket.MSG_ERRQUEUE)
        except OSError:
            break
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                last = _nanoseconds(data)
        if since_ns is not None and last is not None and last >= since_ns:
            break
    return last


class Stamping:
    """Keeps the kernel's stamping switched on for as long as it is open.

    Linux stamps packets only while some socket asks for it, and switches over (by patching its own
    code) some time after the first such socket opens or the last one closes. Without this, a packet
    that comes within that time after a leg's start has no stamp. A daemon holds one all along.
    """

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.available = enable_stamps(self._sock)

    def close(self) -> None:
        """Close the socket that keeps the stamping on."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def stamp_ns(ancillary: Sequence[tuple[int, int, bytes]]) -> int | None:
    """The kernel's receive stamp among the control messages of ``recvmsg``, Unix nanoseconds."""
    for level, kind, data in ancillary:
        if kind == SO_TIMESTAMPNS and level == socket.SOL_SOCKET and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            stamp: int = seconds * NANOSECONDS + nanoseconds
            return stamp
    return None


def _nanoseconds(timespec: bytes) -> int:
    seconds, nanoseconds = _TIMESPEC.unpack_from(timespec)
    stamp: int = seconds * NANOSECONDS + nanoseconds
    return stamp


def in_order(stamp: int, *, filled_ns: int | None, before_ns: int) -> int:
    """When bytes whose segment is stamped ``stamp`` could be read; all in Unix nanoseconds.

    ``filled_ns``: when the kernel last had more bytes in order to give (``None``: nothing came out
    of order). Then the stamp is that of a segment which waited for a lost one. A stream has no byte
    before the one ahead of it, which came ``before_ns``.
    """
    return max(stamp, before_ns, filled_ns or 0)


def wall_offset_ns() -> int:
    """Wall clock minus monotonic clock, from the tightest of three readings."""
    best_gap, best_offset = None, 0
    for _ in range(3):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        if best_gap is None or after - before < best_gap:
            best_gap, best_offset = after - before, wall - (before + after) // 2
    return best_offset


class Timeline:
    """Puts the arrivals and departures of one leg on the monotonic clock.

    ``clock`` is ``kernel`` only if every arrival is stamped, the offset held from start to end, and
    no stamp lies in the future of its reading or before the leg (a step there and back).
    """

    __slots__ = ("_offset_ns", "clock")

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        *,
        started_ns: int,
        offset_at_start_ns: int,
        offset_at_end_ns: int,
    ) -> None:
        self._offset_ns = (offset_at_start_ns + offset_at_end_ns) // 2
        steady = abs(offset_at_end_ns - offset_at_start_ns) <= STEP_NANOSECONDS
        earliest = started_ns - STEP_NANOSECONDS
        plausible = bool(arrivals) and all(
            a.kernel_ns is not None
            and earliest <= a.kernel_ns - self._offset_ns <= a.loop_ns + STEP_NANOSECONDS
            for a in arrivals
        )
        self.clock = Clock.KERNEL if steady and plausible else Clock.LOOP

    def at_ns(self, arrival: Arrival) -> int:
        """When ``arrival`` came, monotonic nanoseconds."""
        if self.clock is Clock.KERNEL and arrival.kernel_ns is not None:
            return arrival.kernel_ns - self._offset_ns
        return arrival.loop_ns

    def left_ns(self, departure: Departure) -> int:
        """When ``departure`` left, monotonic nanoseconds: by the kernel if that is at or soon after
        it was handed over."""
        if self.clock is Clock.KERNEL and departure.kernel_ns is not None:
            left = departure.kernel_ns - self._offset_ns
            if 0 <= left - departure.loop_ns <= LATE_NANOSECONDS:
                return left
        return departure.loop_ns
