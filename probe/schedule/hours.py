"""Hours of the local day in which an operator wants less, or nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from probe.config.values import Hours

MINUTE = 60.0
HOUR = 3_600.0


def within(hours: Iterable[Hours], seconds_of_day: float) -> bool:
    """Whether ``seconds_of_day`` (local, since midnight) lies in one of the stretches. A stretch
    begins with its first minute and ends before its last; it may go over midnight."""
    return any(_within(stretch, seconds_of_day) for stretch in hours)


def _within(stretch: Hours, now: float) -> bool:
    begin, end = map(_seconds, stretch.split("-"))
    return begin <= now < end if begin < end else now >= begin or now < end


def _seconds(clock: str) -> float:
    hours, minutes = clock.split(":")
    return int(hours) * HOUR + int(minutes) * MINUTE


def seconds_per_day(hours: Iterable[Hours]) -> float:
    """How much of a day the stretches take, where they overlap once."""
    stretches = tuple(hours)
    return sum(MINUTE for minute in range(1_440) if within(stretches, minute * MINUTE))
