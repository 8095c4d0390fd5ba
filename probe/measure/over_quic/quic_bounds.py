"""What a far end over QUIC may send, and what work it may make of that.

Anybody on the way can send datagrams, and a far end that knows the keys can seal whatever it likes.
Nothing of it costs aioquic as little as it should: single bytes of a stream in no order are put in
place by looking at all that came before, so that a third of a megabyte is minutes of work. Bytes
are therefore counted, datagrams, and the processor's time; that is the thread's own, which other
programs do not lengthen.
"""

from __future__ import annotations

import time

from probe.measure.one_leg.failures import NetworkError
from probe.model.failure import PROTOCOL_ERROR

OVERHEAD_BYTES = 262_144
"""What is received of one far end beyond a body and a quarter of it, datagrams' headers included;
an honest handshake has some kB."""
MOST_DATAGRAMS = 400
BODY_PER_DATAGRAM = 256
"""How many datagrams are looked at, at most, beside one for each so many bytes of a body. An honest
far end sends a dozen, and a body in datagrams of 1,200 bytes."""
MOST_DATAGRAM_BYTES = 2_048
"""A longer one is cut, and so as good as lost, as on a way that does not carry it: far ends that
look for the largest which passes (RFC 9000, 14.3) go on with less."""
MOST_WORK_SECONDS = 2.0
BODY_PER_WORK_SECOND = 131_072
"""Of the processor, for all that came, and one more for so many bytes of a body beyond 64 KiB. An
honest leg with 64 KiB takes 0.01 s on a PC, and 0.3 s on the smallest machine this runs on; the
long reads of experiments take as much for each byte."""
USUAL_BODY_BYTES = 65_536
MOST_AT_ONCE = 16
MOST_WORK_AT_ONCE_SECONDS = 0.02
"""After so many datagrams, or so much work, the event loop turns."""


class QuicBounds:
    """Of one connection whose body has at most ``body_bytes``. ``received`` counts bytes with the
    headers of datagrams, ``datagrams`` these."""

    def __init__(self, body_bytes: int) -> None:
        self.received = self.datagrams = 0
        self._most_bytes = OVERHEAD_BYTES + body_bytes + body_bytes // 4
        self._most_datagrams = MOST_DATAGRAMS + body_bytes // BODY_PER_DATAGRAM
        self._most_work = MOST_WORK_SECONDS + max(0, body_bytes - USUAL_BODY_BYTES) / (
            BODY_PER_WORK_SECOND
        )
        self._worked = self._turn = 0.0
        self._began = 0.0

    def came(self, size: int) -> None:
        """A datagram of ``size`` bytes with its headers. Raises ``NetworkError`` if that is one too
        many."""
        self.received += size
        self.datagrams += 1
        if self.received > self._most_bytes:
            raise NetworkError(PROTOCOL_ERROR, f"more than {self._most_bytes} bytes came")
        if self.datagrams > self._most_datagrams:
            raise NetworkError(PROTOCOL_ERROR, f"more than {self._most_datagrams} datagrams came")

    def __enter__(self) -> None:
        """Work on what came begins."""
        self._began = time.thread_time()

    def __exit__(self, *failed: object) -> None:
        """It is done. Raises ``NetworkError`` if there was too much of it."""
        took = time.thread_time() - self._began
        self._worked += took
        self._turn += took
        if self._worked > self._most_work and failed[0] is None:
            raise NetworkError(PROTOCOL_ERROR, "what came makes more work than an answer does")

    @property
    def turn_is_over(self) -> bool:
        """Whether the event loop should have its turn."""
        return self._turn > MOST_WORK_AT_ONCE_SECONDS

    def turn(self) -> None:
        """The event loop had it."""
        self._turn = 0.0
