"""Whether the hub's wall clock may be believed where nothing can be undone.

A board or a rented server wakes with a wrong clock, by months or years, and a time service puts it
right minutes or hours later. Until then whatever goes by age would delete all that there is. So
nothing is deleted on the word of the wall clock alone: it has to have gone on as the monotonic one
does for a while, and ages are told beside the newest thing that is held.
"""

from __future__ import annotations

from collections.abc import Callable

# For so long it was not set: no deletion is in a hurry, and who starts it each day deletes as well.
BELIEVED_AFTER_SECONDS = 6 * 3_600.0
# Between two looks, an hour apart: what a time service slews is less, what it sets mostly more.
_SET_SECONDS = 600.0


class BelievedClock:
    """``wall`` is the time of day, ``clock`` one that is not set; both in seconds."""

    def __init__(self, wall: Callable[[], float], clock: Callable[[], float]) -> None:
        self._wall, self._clock = wall, clock
        self._since = clock()
        self._offset = wall() - self._since

    def old_before(self, newest: float | None, keep_seconds: float) -> float | None:
        """Before which Unix time is old what is kept for ``keep_seconds``; ``newest``: the time of
        the newest that is held. ``None``: nothing can be called old now."""
        now, wall = self._clock(), self._wall()
        offset = wall - now
        if abs(offset - self._offset) > _SET_SECONDS:
            self._since = now
        self._offset = offset
        if newest is None or now - self._since < BELIEVED_AFTER_SECONDS:
            return None
        return min(wall, newest) - keep_seconds
