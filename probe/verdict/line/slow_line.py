"""Is the line slow for everybody: in this round, and for how long."""

from __future__ import annotations

from math import isfinite, log
from statistics import median

from msgspec.structs import replace

from probe.model.identity import Family, LegRole
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.line.another_line import moved
from probe.verdict.one_round.compared import Compared
from probe.verdict.one_round.readings import Readings
from probe.verdict.remembered.keys import Series, of_family
from probe.verdict.remembered.memory import Memory, PlatformMemory
from probe.verdict.thresholds import Thresholds

# A line that varies much must be slow by this many of its own spreads.
SPREADS = 3.0
SLOW_LINE_SECONDS = 6 * 3_600.0
"""A slow line that no round has looked at for so long is forgotten."""
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
            explained = max(0.0, moved(leg) or 0.0)
        shown.append(value - level.expected(read.at) - explained)
        spreads.append(level.spread)
        roles.add(leg.leg.role)
    if not shown:
        return None
    least = min(shown)
    if least <= max(log(thresholds.degraded), SPREADS * median(spreads)):
        return 0.0
    return least if len(roles) == len(_PLATFORM) else None


def with_slow_line(
    mine: PlatformMemory, read: Readings, seen: Compared, about: About
) -> PlatformMemory:
    """Counts the rounds in a row in which everything was slow. What no round has looked at lately
    counts no more: long reads are rare, and what two of them met may be over for days."""
    at, log_slow = read.at, mine.line_log
    seen_at = {m: t for m, t in mine.slow_line_at.items() if 0.0 <= at - t <= SLOW_LINE_SECONDS}
    counts = {m: n for m, n in mine.slow_line.items() if m in seen_at}
    for measure in seen.measures:
        found = slowness(
            read,
            measure,
            thresholds=about.thresholds,
            domestic=about.domestic,
        )
        if found is not None:
            counts[measure] = counts.get(measure, 0) + 1 if found else 0
            seen_at[measure] = at
            log_slow = found or log_slow
    return replace(mine, slow_line=counts, slow_line_at=seen_at, line_log=log_slow)


def slow_line(mine: PlatformMemory, about: About) -> float | None:
    """Logarithm of how much slower the line is, once that has lasted."""
    lasted = max(mine.slow_line.values(), default=0) >= about.thresholds.degraded_rounds
    return mine.line_log if lasted else None


def as_usual_inside(
    memory: Memory, mine: PlatformMemory, family: Family, about: About, at: float
) -> int:
    """How many controls inside the country were read as fast as usual since reads were first said
    to be slow for all that is abroad, and lately (``at``: Unix seconds); 0 if one of them was not,
    or does not answer. Then it is no matter of the whole line. As usual is no slower than normal by
    the margin: the line is slow by more."""
    reads = mine.slow_line.get(Measure.TRANSFER, 0) >= about.thresholds.degraded_rounds
    if mine.state is not State.DEGRADED or not reads:
        return 0
    found = 0
    for name, control in of_family(memory.controls, family):
        if name not in about.domestic:
            continue
        if control.silent_since:
            return 0
        if not control.pace or control.paced_at < max(mine.since, at - SLOW_LINE_SECONDS):
            continue
        owner, _, target = name.partition("/")
        key = Series(family, LegRole.CONTROL, owner, target, Measure.TRANSFER).key
        level = memory.levels.get(key)
        if level is None:
            continue
        if -log(control.pace) - level.expected(control.paced_at) > about.thresholds.log_margin:
            return 0
        found += 1
    return found
