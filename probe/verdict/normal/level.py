"""What is normal for one series: a robust level with its spread, from its own history.

A series is the logarithm of an effort (or of a round-trip time) relative to the line's state in the
same round. The level is the median of the last ``RING`` values and the spread their median absolute
deviation, scaled to a normal's standard deviation, so that a quarter of wild values moves neither
far. Once a week has been seen, each hour of the day (UTC) has an offset of its own, shrunk towards
zero. Whoever calls ``learned`` sees to it that nothing is learnt while anything is wrong.

The level is a short memory (half a day of reads). Beside it stands a long one: what was normal at
the end of each of the last ``DAYS`` days. It outlives a level that has to begin anew, so what was
learnt under trouble does not silently take the place of what was normal before.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from statistics import median_low

from msgspec import Struct

from probe.verdict.normal.level_mark import LevelMark, after_reading
from probe.verdict.remembered.keys import SeriesKey

RING = 48
LEAST = 2
"""Values before a level counts as known."""
# Consistency of the median absolute deviation with a normal's standard deviation.
_MAD_SCALE = 1.4826
# Standard error of a median, in those of a mean.
_MEDIAN_SE = 1.2533
_LEAST_SPREAD = 0.05
DAYS = 28
"""Days that the long memory has."""
# What is called usual over weeks is what a quarter of the days were better than: trouble that fills
# three weeks of four is normal by then.
_LONG_SHARE = 0.25
_MOSTLY = 0.8
_LEAST_MOSTLY = 12
RECENT = 6
"""Values that say what is so now: half an hour of light rounds."""
_DAY_SECONDS = 86_400.0
_HOURS = 24
_WEEK_DAYS = 7
_WEEK_SECONDS = _WEEK_DAYS * 86_400.0
_HOUR_SECONDS = 3_600.0
_HOUR_RATE = 0.1
_HOUR_SHRINK = 5.0


class Level(Struct, frozen=True, array_like=True):
    """``values`` are the latest, the newest last; ``seen`` counts all; times are Unix seconds.

    ``days``: what was normal at the end of each of the latest days, the newest last; ``day``: the
    day (since 1970, UTC) of the newest value. ``mark``: some of them are of a time in which others
    were restricted (``level_mark.py``).
    """

    values: tuple[float, ...]
    centre: float
    spread: float
    seen: int
    began_at: float
    hours: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    days: tuple[float, ...] = ()
    day: int = 0
    mark: LevelMark | None = None

    @property
    def known(self) -> bool:
        """There are enough values to say what is normal."""
        return len(self.values) >= LEAST

    def expected(self, at: float) -> float:
        """The normal value at Unix time ``at``."""
        if not self.hours or at - self.began_at < _WEEK_SECONDS:
            return self.centre
        hour = hour_of(at)
        weight = self.counts[hour] / (self.counts[hour] + _HOUR_SHRINK)
        return self.centre + weight * self.hours[hour]

    @property
    def recent(self) -> float:
        """What the latest values say; of a level without any, what it was."""
        return _median(self.values[-RECENT:]) if self.values else self.centre

    @property
    def long(self) -> float | None:
        """What has been usual over weeks; ``None``: no day has passed yet."""
        ordered = sorted(self.days)
        return ordered[int(_LONG_SHARE * (len(ordered) - 1))] if ordered else None

    @property
    def long_spread(self) -> float:
        """How much the better half of the days differ: the others may have been trouble. Of less
        than a week, of which trouble soon fills the half, the better quarter."""
        many = len(self.days)
        share = 0.5 if many >= _WEEK_DAYS else _LONG_SHARE
        better = sorted(self.days)[: int(share * (many - 1)) + 1]
        if not better:
            return _LEAST_SPREAD
        middle = _median(better)
        return max(_LEAST_SPREAD, _MAD_SCALE * _median([abs(day - middle) for day in better]))

    @property
    def mostly(self) -> float | None:
        """What four of five values are at most; ``None``: there are too few to say."""
        return self._of_share(_MOSTLY) if len(self.values) >= _LEAST_MOSTLY else None

    def usually(self, share: float) -> float | None:
        """What this ``share`` of the values are at most, or, while there are too few to say, the
        middle one (the lower of two): a single one may be of a round in which trouble began."""
        if len(self.values) >= _LEAST_MOSTLY:
            return self._of_share(share)
        return median_low(self.values) if self.known else None

    def _of_share(self, share: float) -> float:
        return sorted(self.values)[int(share * len(self.values))]

    def begun_anew(self) -> Level:
        """Without its values: what is normal is not known again, but what it was is remembered."""
        days = self.days or ((self.centre,) if self.known else ())
        return Level((), self.centre, self.spread, 0, self.began_at, days=days, day=self.day)

    def doubt(self, errors: float) -> float:
        """How far the true level may lie from ``centre``: that many standard errors.

        A spread from few values may be far too small by chance, so it is widened while they are
        few.
        """
        n = len(self.values)
        spread = max(self.spread, 2.0 * _LEAST_SPREAD)
        return errors * _MEDIAN_SE * spread * (1.0 + 2.0 / n) / sqrt(n)


Levels = Mapping[SeriesKey, Level]
"""By series: all that is remembered of a vantage."""


def learned(level: Level | None, value: float, at: float) -> Level:
    """The level after one more value."""
    day = int(at // _DAY_SECONDS)
    if level is None:
        return Level((value,), value, _LEAST_SPREAD, 1, at, day=day)
    days = level.days
    if level.known and day != level.day:
        days = (*days[-(DAYS - 1) :], level.centre)
    if not level.values:
        return Level((value,), value, _LEAST_SPREAD, 1, at, days=days, day=day)
    values = (*level.values[-(RING - 1) :], value)
    ordered = sorted(values)
    centre = _middle(ordered)
    # How far each is from the centre, nearest first on either side of it: quick to sort.
    half = len(ordered) // 2
    away = [centre - v for v in reversed(ordered[:half])]
    away += [v - centre for v in ordered[half:]]
    away.sort()
    spread = _MAD_SCALE * _middle(away)
    hours = level.hours or (0.0,) * _HOURS
    counts = level.counts or (0,) * _HOURS
    hour = hour_of(at)
    offset = hours[hour] + _HOUR_RATE * (value - centre - hours[hour])
    return Level(
        values,
        centre,
        max(spread, _LEAST_SPREAD),
        level.seen + 1,
        level.began_at,
        (*hours[:hour], offset, *hours[hour + 1 :]),
        (*counts[:hour], counts[hour] + 1, *counts[hour + 1 :]),
        days,
        day,
        after_reading(level.mark, at, another_day=day != level.day),
    )


def hour_of(at: float) -> int:
    """The hour of the day (UTC) of Unix time ``at``."""
    return int(at // _HOUR_SECONDS) % _HOURS


def _median(values: tuple[float, ...] | list[float]) -> float:
    return _middle(sorted(values))


def _middle(ordered: list[float]) -> float:
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2.0
