"""The end of what began before us: a target becomes several times faster than it ever was here.

What was slow from the first round on is normal in its history, so its beginning is never seen. Its
end is: nothing that was free gets several times faster from one hour to the next at the same
distance, while controls stay as they are, unless its server was the brake.
"""

from __future__ import annotations

from math import exp, log
from statistics import median

from msgspec.structs import replace

from probe.model.identity import LegRole
from probe.observe.effort import Measure
from probe.verdict.one_round.readings import LegReading, Readings, deviations, giving
from probe.verdict.remembered.apart import Relief
from probe.verdict.remembered.keys import FamilyKey, family_key
from probe.verdict.remembered.memory import PlatformMemory
from probe.verdict.thresholds import Thresholds

TIMES = 3.0
"""So many times faster than usual, and by the margin faster than it ever was."""
ROUNDS = 3
LEAST_VALUES = 12
SAID_SECONDS = 7 * 86_400.0
"""For so long ``ok`` says that it was slower before."""


def relief_after(mine: PlatformMemory, read: Readings, thresholds: Thresholds) -> PlatformMemory:
    """``mine`` knowing which targets were faster than ever, for how many rounds in a row, and
    since when for good."""
    lines = deviations(giving(read.by_role(LegRole.CONTROL)), Measure.TRANSFER)
    if not lines or abs(median(lines)) > thresholds.log_margin:
        return mine
    faster = dict(mine.faster)
    for leg in read.by_role(LegRole.TARGET):
        value = leg.log(Measure.TRANSFER)
        if value is None or not leg.seen.ok:
            continue
        key = family_key(read.observed.family, leg.leg.target)
        times = _times(leg, value - median(lines), thresholds)
        if times is None:
            faster.pop(key, None)
            continue
        begun, rounds = faster.get(key, (read.at, 0.0))
        faster[key] = (begun, rounds + 1.0)
        if rounds + 1.0 >= ROUNDS:
            now = exp(median(lines) - value)
            found = Relief(
                target=leg.leg.target,
                times=times,
                at=begun,
                began_at=mine.began_at,
                before=now / times,
                after=now,
                others=exp(-median(lines)),
            )
            mine = replace(mine, relief=found)
    return replace(mine, faster=faster)


def _times(leg: LegReading, value: float, thresholds: Thresholds) -> float | None:
    """How many times faster than usual (logarithm taken off the line) a leg was, if it is faster
    than ever and no nearer; else ``None``."""
    level, far, now = leg.level(Measure.TRANSFER), leg.usual_rtt, leg.rtt
    if level is None or len(level.values) < LEAST_VALUES:
        return None
    if far is not None and (now is None or now < far.centre - log(thresholds.path_rtt)):
        return None
    fastest = min(*level.values, *level.days)
    drop = level.expected(leg.at) - value
    if drop < log(TIMES) or value > fastest - thresholds.log_margin:
        return None
    return exp(drop)


def done(mine: PlatformMemory) -> list[FamilyKey]:
    """Targets (with their family) that have been faster than ever for long enough: what was normal
    for them was not."""
    return [key for key, (_, rounds) in mine.faster.items() if rounds >= ROUNDS]
