"""What outlasts the short memory: noted after each ordinary round, and what of it ends a level.

No level is frozen without an end, and none that was learnt under trouble is taken for what was
before: both are held here (``weeks``, ``pace``, ``relief`` say how).
"""

from __future__ import annotations

from math import inf, isfinite, log

from msgspec.structs import replace

from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.normal import lines_before, pace, relief, weeks
from probe.verdict.normal.learning import forget, forget_target, forget_wholly
from probe.verdict.normal.level import Level, Levels
from probe.verdict.one_round.compared import Compared
from probe.verdict.one_round.readings import Readings, giving
from probe.verdict.one_round.rounds import PROVEN_SECONDS
from probe.verdict.remembered.kept_line import KeptLine
from probe.verdict.remembered.keys import (
    MeasureKey,
    SeriesKey,
    family_of,
    measure_key,
    measured,
    name_of,
)
from probe.verdict.remembered.memory import Memory, PlatformMemory
from probe.verdict.suspected import often
from probe.verdict.thresholds import Thresholds

LIMBO_SECONDS = 86_400.0
"""So long a target may be slow in every round while nothing is proven. What every round of a day
shows is what is so now; that it was faster before is remembered for weeks."""


def noted(
    mine: PlatformMemory,
    levels: Levels,
    seen: Compared,
    read: Readings,
    about: About,
) -> PlatformMemory:
    """What an ordinary round adds. ``levels``: before it."""
    observed = read.observed
    mine = pace.noted(mine, observed)
    if _as_fast_as_its_swap(read):
        mine = replace(mine, swap_well_at=observed.started_at)
    if seen.another_line or observed.clock_stepped:
        return replace(mine, farther=None, slower=None)
    thresholds = about.thresholds
    if mine.relief is not None and observed.started_at - mine.relief.at > relief.SAID_SECONDS:
        mine = replace(mine, relief=None)
    mine = relief.relief_after(mine, read, thresholds)
    controls = weeks.controls_of(levels, observed.family)
    found = weeks.slower(read, seen.measures, controls, thresholds)
    if found is None and mine.slower is not None and mine.slower.measure not in seen.measures:
        found = mine.slower  # this round does not look at it
    return replace(
        mine,
        farther=weeks.farther(read, controls, mine.places, thresholds),
        slower=found,
        places=weeks.places_after(mine.places, read, controls, thresholds),
        limbo=_limbo_after(mine, seen, observed, thresholds),
    )


def _as_fast_as_its_swap(read: Readings) -> bool:
    """Some target read no slower than its swap did, by more than is comparable."""
    swaps = {leg.leg.target: leg for leg in giving(read.by_role(LegRole.SWAP))}
    for leg in read.by_role(LegRole.TARGET):
        swap = swaps.get(leg.leg.target)
        if swap is None or not leg.seen.ok:
            continue
        own, its = leg.log(Measure.TRANSFER), swap.log(Measure.TRANSFER)
        if own is not None and its is not None and isfinite(its):
            return own - its <= log(pace.COMPARABLE)
    return False


def _limbo_after(
    mine: PlatformMemory, seen: Compared, observed: RoundObservation, thresholds: Thresholds
) -> dict[MeasureKey, float]:
    """Since when what is compared has been slower than its history in every round, by more than the
    margin, while nothing is proven."""
    after = dict(mine.limbo)
    for c in seen.contrasts:
        key = measure_key(observed.family, c.target, c.measure)
        if mine.proven is None and c.usual and thresholds.log_margin < c.worst < inf:
            after.setdefault(key, observed.started_at)
        elif c.slowdown is not None:
            after.pop(key, None)
    return after


def ended(
    mine: PlatformMemory, levels: dict[SeriesKey, Level], observed: RoundObservation, about: About
) -> tuple[PlatformMemory, dict[SeriesKey, Level]]:
    """The levels that begin anew after the round: of a way that has changed for good, of what has
    been slow for a day without a proof, and of what turned out to have been slowed all along."""
    at, owner = observed.started_at, observed.platform
    for key in [k for k, n in mine.path_rounds.items() if n >= about.thresholds.path_rounds]:
        levels = forget(levels, family=family_of(key), owner=owner, target=name_of(key))
        left = {other: n for other, n in mine.path_rounds.items() if other != key}
        mine = replace(mine, path_rounds=left)
    for slow in [k for k, since in mine.limbo.items() if at - since >= LIMBO_SECONDS]:
        family, target, measure = measured(slow)
        levels = forget_target(levels, family=family, owner=owner, target=target, measure=measure)
        left_limbo = {other: since for other, since in mine.limbo.items() if other != slow}
        about_it = mine.episode is not None and (
            (mine.episode.target, mine.episode.measure) == (target, measure)
        )
        mine = replace(mine, limbo=left_limbo, episode=None if about_it else mine.episode)
    for key in relief.done(mine):
        levels = forget_wholly(levels, family=family_of(key), owner=owner, target=name_of(key))
        faster = {other: one for other, one in mine.faster.items() if other != key}
        mine = replace(mine, faster=faster)
    return mine, levels


def begun_anew(memory: Memory, at: float) -> Memory:
    """The memory at the start of a new line: what was normal is set aside for every platform."""
    platforms = {name: unlearned(known) for name, known in memory.platforms.items()}
    lines = lines_before.left(memory, at)
    return replace(memory, levels={}, shelf={}, lines=lines, line_rounds=0, platforms=platforms)


def back_on(memory: Memory, line: KeptLine, at: float) -> Memory:
    """The memory on a line that is back, with what was normal on it for every platform."""
    platforms = {
        name: lines_before.on_it(unlearned(known), line, name)
        for name, known in memory.platforms.items()
    }
    return replace(lines_before.returned(memory, line, at), platforms=platforms)


def unlearned(mine: PlatformMemory) -> PlatformMemory:
    """Without what was true of the line that was."""
    return replace(
        mine,
        slow_line={},
        slow_line_at={},
        path_rounds={},
        paces={},
        places={},
        limbo={},
        faster={},
        farther=None,
        slower=None,
        relief=None,
        began_at=0.0,
        swap_well_at=0.0,
        shares={},
    )


def tallied(mine: PlatformMemory, seen: Compared, read: Readings, about: About) -> PlatformMemory:
    """With how often targets are suspicious, after a round in which the line was as ever."""
    if seen.another_line or read.observed.clock_stepped:
        return mine
    if mine.proven is not None:
        return replace(mine, shares=often.set_aside(mine.shares))
    thresholds = about.thresholds
    told = [
        *often.controls_shown(read, seen.measures, thresholds),
        *often.shown(seen.contrasts, thresholds),
        *often.well_alone(read, seen.measures),
    ]
    family = read.observed.family
    return replace(mine, shares=often.after(mine.shares, told, family, read.at, thresholds))


def too_often(mine: PlatformMemory, observed: RoundObservation) -> often.Often | None:
    """What is slow or failing in too many rounds."""
    return often.spoken(mine.shares, observed.started_at, PROVEN_SECONDS)
