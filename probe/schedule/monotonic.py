"""The monotonic clock as a time zone, for a scheduler that asks what time it is.

APScheduler plans by ``datetime.now(zone)``. A zone may say what the time is, so this one says how
long the machine has been up. Whoever sets the wall clock (a Pi without a clock that learns the
time, a battery that is empty) then moves no round, and no year is out of range.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

_NOTHING = timedelta(0)
_BEGIN = datetime(1970, 1, 1)


class MonotonicZone(tzinfo):
    """Its time began in 1970 when ``monotonic`` (seconds) was 0."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic

    def at(self, monotonic: float) -> datetime:
        """That moment of the monotonic clock."""
        return (_BEGIN + timedelta(seconds=monotonic)).replace(tzinfo=self)

    def fromutc(self, dt: datetime, /) -> datetime:
        """The time of the monotonic clock now; ``dt``, the wall clock, is not looked at."""
        return self.at(self._monotonic())

    def utcoffset(self, dt: datetime | None, /) -> timedelta:
        return _NOTHING

    def dst(self, dt: datetime | None, /) -> timedelta:
        return _NOTHING

    def tzname(self, dt: datetime | None, /) -> str:
        return "monotonic"
