"""What a round teaches: levels of efforts and round-trip times, while nothing is wrong.

Controls are learnt by themselves, targets and swaps relative to the line's state in the same round,
so a slow evening moves neither. A leg that failed teaches nothing; one that our own deadline cut is
a sample of its pace.
"""

from __future__ import annotations

from math import isfinite
from statistics import median

from probe.model.identity import Compares, Family, LegRole
from probe.observe.effort import Measure
from probe.verdict.normal.level import Level, Levels, learned
from probe.verdict.one_round.readings import LegReading, Readings, deviations, giving
from probe.verdict.remembered.keys import (
    DIFFERENCE,
    LATE,
    RTT,
    Series,
    SeriesKey,
    difference,
    gaps_key,
    measure_of,
    noise_key,
    parts,
    series,
)
from probe.verdict.thresholds import Thresholds

_RELATIVE = (LegRole.TARGET, LegRole.SWAP, LegRole.DECOY)
_OF_A_TARGET = (LegRole.TARGET, LegRole.SWAP, DIFFERENCE)


def all_slow(
    read: Readings,
    measures: tuple[Measure, ...],
    *,
    thresholds: Thresholds,
    domestic: frozenset[str],
) -> frozenset[Measure]:
    """The measures in which all that is known of the platform was slower than its history by the
    margin, and no foreign control with a history was not.

    Such a round may have been the line's worst hour. Whoever has no history yet must not take it
    for normal: beside a control that has learnt it, the platform would look slow for ever.
    """
    return frozenset(
        measure
        for measure in measures
        if _all_beyond(thresholds.log_margin, read, measure, domestic)
    )


def _all_beyond(limit: float, read: Readings, measure: Measure, domestic: frozenset[str]) -> bool:
    """Whether the platform's legs were slower than their history by more than ``limit``, and
    foreign controls, too; not if there is no history of the platform."""
    own = [leg for leg in giving(read.legs) if leg.leg.role in _RELATIVE]
    shown = deviations(own, measure)
    if not shown or min(shown) <= limit:
        return False
    controls = [
        leg
        for leg in giving(read.by_role(LegRole.CONTROL))
        if f"{leg.leg.owner}/{leg.leg.target}" not in domestic
    ]
    return all(line > limit for line in deviations(controls, measure))


def forget_measure(levels: Levels, measure: Measure) -> dict[SeriesKey, Level]:
    """The levels without those of one measure: what is normal begins anew there for everything."""
    return {key: level for key, level in levels.items() if measure_of(key) != measure}


def learn_controls(
    levels: Levels, read: Readings, measures: tuple[Measure, ...]
) -> dict[SeriesKey, Level]:
    """The levels of the controls after the round. They are learnt whatever happens to the
    platform, so that the line stays known through a long restriction."""
    after = dict(levels)
    for leg in giving(read.by_role(LegRole.CONTROL)):
        for measure in measures:
            value = leg.log(measure)
            if value is not None and isfinite(value):
                key = _key(read, leg, measure)
                after[key] = learned(levels.get(key), value, read.at)
        _learn_of_whole(after, levels, read, leg, RTT, leg.rtt)
        _learn_gaps(after, levels, read, leg, measures)
    return after


def learn_targets(
    levels: Levels,
    read: Readings,
    measures: tuple[Measure, ...],
    *,
    thresholds: Thresholds,
    targets: frozenset[str],
) -> dict[SeriesKey, Level]:
    """The levels of ``targets``, which were well in the round, and of their swaps and decoys.

    A control that is off by the margin does not tell the line's state (its network may be
    restricted), and if none is left that does, targets learn nothing.
    """
    after = dict(levels)
    controls = giving(read.by_role(LegRole.CONTROL))
    margin = thresholds.log_margin
    for measure in measures:
        lines = deviations(controls, measure)
        calm = [line for line in lines if abs(line) < margin]
        line = median(calm) if calm else (0.0 if not lines else None)
        if line is None:
            continue
        for leg in giving(read.legs):
            wanted = leg.leg.role in _RELATIVE and leg.leg.target in targets
            value = leg.log(measure) if wanted else None
            if value is not None and isfinite(value):
                key = _key(read, leg, measure)
                after[key] = learned(levels.get(key), value - line, read.at)
        _learn_differences(after, levels, read, measure, targets)
    for leg in read.legs:
        if leg.leg.role in _RELATIVE and leg.leg.target in targets:
            _learn_of_whole(after, levels, read, leg, RTT, leg.rtt)
        if leg.leg.role is LegRole.TARGET and leg.leg.target in targets:
            _learn_gaps(after, levels, read, leg, measures)
            _learn_of_whole(after, levels, read, leg, LATE, leg.late)
    return after


def _learn_gaps(
    after: dict[SeriesKey, Level],
    levels: Levels,
    read: Readings,
    leg: LegReading,
    measures: tuple[Measure, ...],
) -> None:
    """How many of its segments were missing: of a whole leg, in what it is compared by. In rounds
    that read, a leg that does not is none of the reads."""
    reads = leg.leg.compares is Compares.GOODPUT
    measure = next((m for m in measures if (m is not Measure.HANDSHAKE) is reads), None)
    value = leg.gaps
    if measure is not None and value is not None and isfinite(value):
        key = _key(read, leg, gaps_key(measure))
        after[key] = learned(levels.get(key), value, read.at)


def _learn_differences(
    after: dict[SeriesKey, Level],
    levels: Levels,
    read: Readings,
    measure: Measure,
    targets: frozenset[str],
) -> None:
    """How much slower than their swaps ``targets`` were: of both in the same round, whatever the
    line, the path and the platform's servers did in that minute, for those met them alike."""
    swaps = {leg.leg.target: leg for leg in giving(read.by_role(LegRole.SWAP))}
    for leg in giving(read.by_role(LegRole.TARGET)):
        swap = swaps.get(leg.leg.target)
        if leg.leg.target not in targets or swap is None:
            continue
        own, its = leg.log(measure), swap.log(measure)
        if own is not None and its is not None and isfinite(own) and isfinite(its):
            key = difference(leg.seen, measure, read.observed.family.value)
            after[key] = learned(levels.get(key), own - its, read.at)


def _learn_of_whole(
    after: dict[SeriesKey, Level],
    levels: Levels,
    read: Readings,
    leg: LegReading,
    what: str,
    value: float | None,
) -> None:
    """What stands in the place of a measure, and is told of a leg that came to its end alone."""
    if value is not None and leg.seen.ok:
        key = _key(read, leg, what)
        after[key] = learned(levels.get(key), value, read.at)


def _key(read: Readings, leg: LegReading, measure: str) -> SeriesKey:
    return series(leg.seen, measure, read.observed.family.value)


def learn_noise(
    levels: Levels, measure: Measure, noise: float, at: float
) -> dict[SeriesKey, Level]:
    """The levels after a burst whose legs differed by ``noise`` within their groups."""
    key = noise_key(measure)
    return {**levels, key: learned(levels.get(key), noise, at)}


def forget(levels: Levels, *, family: Family, owner: str, target: str) -> dict[SeriesKey, Level]:
    """The levels with those of one target of one platform, and of its swap, begun anew: what they
    were is remembered for long. What the two differ by is another matter at another place, too."""
    begun = _of_target(levels, family, owner, target)
    return {key: level.begun_anew() if key in begun else level for key, level in levels.items()}


def forget_target(
    levels: Levels, *, family: Family, owner: str, target: str, measure: Measure
) -> dict[SeriesKey, Level]:
    """The levels with that of one target in one measure begun anew."""
    wanted = Series(family, LegRole.TARGET, owner, target, measure).key
    return {key: level.begun_anew() if key == wanted else level for key, level in levels.items()}


def forget_wholly(
    levels: Levels, *, family: Family, owner: str, target: str
) -> dict[SeriesKey, Level]:
    """The levels without those of one target: not even what they were was ever normal."""
    gone = _of_target(levels, family, owner, target)
    return {key: level for key, level in levels.items() if key not in gone}


def known_owners(levels: Levels) -> frozenset[str]:
    """Of which platforms something has been well often enough to say what is normal here."""
    return frozenset(
        its.owner
        for key, level in levels.items()
        if level.known and (its := parts(key)) is not None and its.role == LegRole.TARGET
    )


def _of_target(levels: Levels, family: Family, owner: str, target: str) -> frozenset[SeriesKey]:
    """The series of a target: its own, its swap's, and that of their difference."""
    wanted = (family, owner, target)
    return frozenset(
        key
        for key in levels
        if (its := parts(key)) is not None and its.endpoint == wanted and its.role in _OF_A_TARGET
    )
