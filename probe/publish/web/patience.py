"""Connections that are slow on purpose: nobody may hold one without asking or without listening.

uvicorn bounds the wait between two requests. A head that never ends and an answer that is never
read it would wait for, so a connection is cut that stays in either for too long. How many there are
at once is the door's matter (``door.py``).

The same holds for what is too large or no HTTP: h11 bounds only a head that is not whole yet, and
uvicorn answers 400 also where an answer has begun. Here both have an end, whatever comes in one
read.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
"""From the connection, or from the end of an answer, to a whole request."""
ANSWER_SECONDS = 60.0
"""From a request to its last byte having been taken."""
_LOOK_SECONDS = 1.0
MOST_HEAD_BYTES = 16_384
"""Of a request's head: Prometheus sends some 300, a browser with cookies of other ports 8,000."""
# h11 looks at the size of what it holds after each slice, so a head can have this much more.
_SLICE_BYTES = 1_024
LARGEST_HEAD_BYTES = MOST_HEAD_BYTES - _SLICE_BYTES
"""What h11 is told."""


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with an end to its patience."""

    answer_seconds: float | None = None
    """In the place of ``ANSWER_SECONDS``."""
    _timer: asyncio.TimerHandle | None = None
    _answering = False
    _since = 0.0
    cut = False
    _last: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass it on by slices, until it is refused."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _SLICE_BYTES])

    def on_response_complete(self) -> None:
        """Look at what was sent ahead; nobody has a reason to send much."""
        if len(self.conn.trailing_data[0]) > MOST_HEAD_BYTES:
            self.transport.close()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in words, unless an answer has begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            if self.cycle is not None:
                self.cycle.disconnected = True  # whoever works on an answer says no more
            super().send_400_response(
                f"no HTTP/1.1 request with a head of up to {MOST_HEAD_BYTES} bytes\n"
            )
        else:
            self.end()

    @property
    def peer(self) -> str:
        """The address at the other end."""
        return self.client[0] if self.client else ""

    def idle_since(self, before: float) -> float | None:
        """Since when it only holds its place (of the loop's clock): between two requests, or, from
        ``before`` and earlier, without a first one. ``None``: it has asked for something."""
        current: Any = self.cycle
        if self.transport.is_closing():
            return None  # its last answer is on the way
        if current is None:
            return self._since if self._since < before else None
        return self._since if current.response_complete else None

    def _look(self) -> None:
        now, cycle = self.loop.time(), self.cycle
        current: Any = cycle
        answering = current is not None and not current.response_complete
        if answering is not self._answering or current is not self._last:
            self._answering, self._since, self._last = answering, now, current
        longest = (self.answer_seconds or ANSWER_SECONDS) if answering else HEAD_SECONDS
        if now - self._since > longest:
            self.end()
            return
        self._timer = self.loop.call_later(_LOOK_SECONDS, self._look)

    def end(self) -> None:
        """Cut the connection without an answer."""
        self.cut = True
        self.transport.abort()
