"""Did the line become another one: another network, another way out of the same one?"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from probe.model.identity import LegRole
from probe.verdict.one_round.readings import LegReading, Readings
from probe.verdict.thresholds import Thresholds


def is_another(read: Readings, thresholds: Thresholds) -> bool:
    """Whether every round-trip time that is known is another one, all in the same direction."""
    moved = _shifts(read.legs)
    limit = log(thresholds.path_rtt)
    if len(moved) < 3 or not (min(moved) > limit or max(moved) < -limit):
        return False
    return bool(_shifts(read.by_role(LegRole.CONTROL)))


def _shifts(legs: Sequence[LegReading]) -> list[float]:
    return [shift for leg in legs if (shift := moved(leg)) is not None]


def moved(leg: LegReading) -> float | None:
    """Logarithm of how many times as long its round trip is as normally."""
    value, level = leg.rtt, leg.usual_rtt
    if value is None or level is None:
        return None
    return value - level.centre
