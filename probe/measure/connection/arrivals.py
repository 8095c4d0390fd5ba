"""Which bytes of a connection came when. What is evidence is noted here, and nowhere else."""

from __future__ import annotations

import socket
import time

from probe.measure.connection import kernel_stamps, tcp_info
from probe.measure.connection.kernel_stamps import Arrival

_MOST_ARRIVALS = 4_096


class Arrivals:
    """The pieces of one connection, ``all`` of them, but of very many every other one.

    ``received`` counts the bytes; ``latest`` is the arrival of the latest piece.
    """

    def __init__(self, sock: socket.socket, opened_ns: int) -> None:
        self._sock = sock
        self._stamped_ns = 0
        self._orderly_ns = 0
        """Up to this time on the wall clock no segment came out of order."""
        self.received = 0
        self.all: list[Arrival] = []
        self.latest = Arrival(0, opened_ns, None)

    def note(self, size: int, kernel_ns: int | None) -> None:
        """``size`` bytes were read just now, the last of them stamped ``kernel_ns``."""
        self.received += size
        if kernel_ns is not None:
            now, filled = time.time_ns(), None
            if now - kernel_ns > kernel_stamps.LATE_NANOSECONDS and kernel_ns > self._orderly_ns:
                waited = tcp_info.filled_seconds_ago(self._sock)
                if waited is None:
                    self._orderly_ns = now
                else:
                    filled = now - round(waited * kernel_stamps.NANOSECONDS)
            kernel_ns = kernel_stamps.in_order(
                kernel_ns, filled_ns=filled, before_ns=self._stamped_ns
            )
            self._stamped_ns = kernel_ns
        self.latest = Arrival(self.received, time.monotonic_ns(), kernel_ns)
        self.all.append(self.latest)
        if len(self.all) > _MOST_ARRIVALS:
            del self.all[1:-1:2]
