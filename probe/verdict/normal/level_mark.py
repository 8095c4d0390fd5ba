"""Which levels were learnt while others were restricted, and until when that counts. Pure.

Whoever begins to measure while a platform is throttled in other networks of the country does not
know what it was like before: what is learnt then may be slow itself. So each level of the platform
that learns in such a time has a mark, which is told wherever a normal is: it changes nothing that
is compared or said otherwise. A level that had a week of its own before others were restricted is
known from that and has none; with a week of readings after it the mark is gone, as by then nothing
is left in the level, nor in its hours, of what was learnt before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from probe.model.others_restricted import OthersRestricted

if TYPE_CHECKING:
    from probe.verdict.normal.level import Level

DAYS = 7
"""Of readings, before or after: by then each hour has a normal of its own, too."""
_DAY_SECONDS = 86_400.0


class LevelMark(Struct, frozen=True, array_like=True):
    """``of``: who was restricted; its ``until`` is the latest reading in that time. ``days``: on so
    many days something was read since."""

    of: OthersRestricted
    days: int = 0


def after_reading(mark: LevelMark | None, at: float, *, another_day: bool) -> LevelMark | None:
    """The mark of a level after a reading ``at`` which is not of such a time: on ``another_day``
    than the one before."""
    if mark is None:
        return None
    if mark.days and not another_day:
        return mark
    return None if mark.days >= DAYS else replace(mark, days=mark.days + 1)


def marked(level: Level, others: OthersRestricted, at: float) -> Level:
    """``level``, which has just learnt from a round ``at`` which ``others`` were restricted."""
    if level.mark is None and _known_before(level, others.since):
        return level
    before = None if level.mark is None else level.mark.of
    return replace(level, mark=LevelMark(replace(others, until=at).with_others(before)))


def _known_before(level: Level, since: float) -> bool:
    """It had a week of its own. One that has begun anew has but the days of what it was."""
    return level.began_at <= since - DAYS * _DAY_SECONDS and len(level.days) >= DAYS
