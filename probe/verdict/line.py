"""What a round says of the line itself: slow for everybody, or another line altogether."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, log
from statistics import median

from probe.model.identity import LegRole
from probe.observe.effort import Measure
from probe.verdict.readings import LegReading, Readings
from probe.verdict.thresholds import Thresholds

# A line that varies much must be slow by this many of its own spreads.
SPREADS = 3.0
_PLATFORM = (LegRole.TARGET, LegRole.CONTROL)


def slowness(
    read: Readings, measure: Measure, *, thresholds: Thresholds, domestic: frozenset[str]
) -> float | None:
    """Logarithm of how much slower than its history the line is in this round: the least that any
    foreign control or target shows; 0 if one of them is as fast as ever, ``None`` if too few tell
    that it is slow (a target and a control must).

    Controls inside the country (``domestic``, ``owner/target``) are left out: they stay fast when
    the way abroad is slow. A handshake counts only beyond what its round-trip time explains: a line
    that is farther away is another line and not a slow one.
    """
    shown, spreads, roles = [], [], set()
    for leg in read.legs:
        if leg.leg.role not in _PLATFORM or f"{leg.leg.owner}/{leg.leg.target}" in domestic:
            continue
        value, level = leg.log(measure), leg.level(measure)
        if value is None or not isfinite(value) or level is None:
            continue
        explained = 0.0
        if measure is Measure.HANDSHAKE:
            explained = max(0.0, _moved(leg) or 0.0)
        shown.append(value - level.expected(read.at) - explained)
        spreads.append(level.spread)
        roles.add(leg.leg.role)
    if not shown:
        return None
    least = min(shown)
    if least <= max(log(thresholds.degraded), SPREADS * median(spreads)):
        return 0.0
    return least if len(roles) == len(_PLATFORM) else None


def is_another(read: Readings, thresholds: Thresholds) -> bool:
    """Whether every round-trip time that is known is another one, all in the same direction."""
    moved = _shifts(read.legs)
    limit = log(thresholds.path_rtt)
    if len(moved) < 3 or not (min(moved) > limit or max(moved) < -limit):
        return False
    return bool(_shifts(read.by_role(LegRole.CONTROL)))


def _shifts(legs: Sequence[LegReading]) -> list[float]:
    return [shift for leg in legs if (shift := _moved(leg)) is not None]


def _moved(leg: LegReading) -> float | None:
    value, level = leg.rtt, leg.usual_rtt
    if value is None or level is None:
        return None
    return value - level.centre
