"""Connections that are slow on purpose: nobody may hold one without asking or without listening.

uvicorn bounds the wait between two requests. A head that never ends and an answer that is never
read it would wait for, so a connection is cut that stays in either for too long.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
"""From the connection, or from the end of an answer, to a whole request."""
ANSWER_SECONDS = 60.0
"""From a request to its last byte having been taken."""
_LOOK_SECONDS = 1.0


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with an end to its patience."""

    _timer: asyncio.TimerHandle | None = None
    _answering = False
    _since = 0.0

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

    def _look(self) -> None:
        now, cycle = self.loop.time(), self.cycle
        current: Any = cycle
        answering = current is not None and not current.response_complete
        if answering is not self._answering:
            self._answering, self._since = answering, now
        if now - self._since > (ANSWER_SECONDS if answering else HEAD_SECONDS):
            self.transport.abort()
            return
        self._timer = self.loop.call_later(_LOOK_SECONDS, self._look)
