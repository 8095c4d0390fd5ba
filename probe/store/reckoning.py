"""The history's own clock, by which it forgets. The wall clock may be wrong by years: nothing that
cannot be undone is done on its word.

It runs as the monotonic clock does, and follows the wall clock as far as both agree. Where the wall
clock was set, it goes on as if nothing had happened; time in which nobody measured does not count,
since after a restart nobody can tell it from a clock that was set. So what is between two rounds by
this clock was between them in truth, or more. Only differences mean anything; it begins with the
wall time of the first round.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

# By so much the two clocks may differ from one round to the next: rounds are noted at their end and
# bear the time of their start. A clock that is set by less is followed.
BELIEVED_SECONDS = 3_600.0


class Mark(Struct, frozen=True, kw_only=True):
    """One round by three clocks, in seconds: the ``wall`` clock's, the process's ``monotonic`` one
    (``None``: in an earlier process), and this one (``at``)."""

    wall: float
    monotonic: float | None
    at: float


class Reckoning:
    """``now`` is 0.0 until there was a round or a sample, in this run or an earlier one."""

    def __init__(self) -> None:
        self._first: Mark | None = None
        self._last: Mark | None = None

    def round(self, wall: float, monotonic: float) -> float:
        """The time of a round that began at ``wall`` and is noted at ``monotonic``."""
        last = self._last
        at = wall if last is None else last.at + _between(last, wall, monotonic)
        self._last = Mark(wall=wall, monotonic=monotonic, at=at)
        self._first = self._first or self._last
        return at

    def sample(self, wall: float, monotonic: float) -> float:
        """The time of a sample of ``monotonic``. Its ``wall`` time only says where the clock of a
        new history begins."""
        return self.round(wall, monotonic) if self._last is None else self.now(monotonic)

    def now(self, monotonic: float) -> float:
        """The time at ``monotonic``."""
        last = self._last
        if last is None:
            return 0.0
        return last.at + (0.0 if last.monotonic is None else monotonic - last.monotonic)

    def resume(self, last: Mark | None) -> float:
        """Go on after ``last``, the newest round of the file. By how much all that was told before
        is to be moved: the file could not be read until now."""
        if last is None:
            return 0.0
        if self._first is None or self._last is None:
            self._first = self._last = last
            return 0.0
        moved = last.at + _between(last, self._first.wall, 0.0) - self._first.at
        self._first, self._last = last, replace(self._last, at=self._last.at + moved)
        return moved


def _between(last: Mark, wall: float, monotonic: float) -> float:
    """Seconds that surely went by since ``last``."""
    elapsed = 0.0 if last.monotonic is None else max(0.0, monotonic - last.monotonic)
    stepped = wall - last.wall
    return stepped if abs(stepped - elapsed) <= BELIEVED_SECONDS else elapsed
