"""Connections that are slow on purpose: nobody may hold one without asking or without listening.

uvicorn bounds the wait between two requests. A head that never ends and an answer that is never
read it would wait for, so a connection is cut that stays in either for too long. When there are too
many, the one goes that has waited longest without a request.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
"""From the connection, or from the end of an answer, to a whole request."""
ANSWER_SECONDS = 60.0
"""From a request to its last byte having been taken."""
MOST_OPEN = 60
"""Connections at once: fewer than uvicorn turns away (``limit_concurrency``), so that whoever only
holds some keeps nobody out, and takes none of the descriptors that measuring needs."""
_LOOK_SECONDS = 1.0


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with an end to its patience."""

    _timer: asyncio.TimerHandle | None = None
    _answering = False
    _since = 0.0
    _cut = False
    _last: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch, and make room."""
        super().connection_made(transport)
        others = [one for one in self.connections if isinstance(one, PatientProtocol)]
        left = [one for one in others if not one._cut and one is not self]
        if len(left) >= MOST_OPEN:
            waiting = [one for one in left if one.cycle is None or one.cycle.response_complete]
            min(waiting or left, key=lambda one: one._since)._abort()
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
        if answering is not self._answering or current is not self._last:
            self._answering, self._since, self._last = answering, now, current
        if now - self._since > (ANSWER_SECONDS if answering else HEAD_SECONDS):
            self._abort()
            return
        self._timer = self.loop.call_later(_LOOK_SECONDS, self._look)

    def _abort(self) -> None:
        self._cut = True
        self.transport.abort()
