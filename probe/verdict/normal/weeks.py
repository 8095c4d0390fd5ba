"""What is not as it has been over weeks, although the short memory has got used to it. Pure.

A level follows what it sees within hours, so that an edge that has really moved does not stay
suspicious for ever. What it was before is kept for four weeks (``Level.days``), and while the two
are apart by more than the controls are, nobody calls it normal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log
from statistics import median

from probe.model.identity import Family, LegRole
from probe.observe.effort import Measure
from probe.verdict.normal.level import Level, Levels
from probe.verdict.one_round.readings import LegReading, Readings
from probe.verdict.one_round.where_names_lead import network_of
from probe.verdict.remembered.apart import Farther, Slower
from probe.verdict.remembered.keys import RTT, FamilyKey, family_key, parts
from probe.verdict.thresholds import Thresholds

LEAST_SECONDS = 0.02
"""A round trip that is longer by less says nothing: a queue at an exchange does as much."""
SPREADS = 3.0
MOST_PLACES = 16
ALIKE = 1.25
"""Names that are farther by times within this factor of each other are so alike."""
Places = Mapping[FamilyKey, tuple[str, ...]]
"""Target (with its family) → the networks at which it was as near as ever."""
Controls = Mapping[str, Sequence[Level]]
"""Measure (or ``RTT``) → the levels of controls that have been measured for more than a day."""


def controls_of(levels: Levels, family: Family) -> Controls:
    """The memories of controls over ``family``."""
    found: dict[str, list[Level]] = {}
    for key, level in levels.items():
        its = parts(key) if level.days and level.known else None
        if its is not None and (its.family, its.role) == (family, LegRole.CONTROL):
            found.setdefault(its.measure, []).append(level)
    return found


def farther(
    read: Readings,
    controls: Controls,
    places: Places,
    thresholds: Thresholds,
) -> Farther | None:
    """Whether targets are farther away than over weeks, and nothing shows that they moved."""
    shifts = [_seconds(level) for level in controls.get(RTT, ())]
    if not shifts:
        return None
    common = max(0.0, median(shifts))
    of, found = 0, []
    for leg in read.by_role(LegRole.TARGET):
        longer, level = _longer(leg, common, thresholds), leg.far
        if longer is None or level is None:
            continue
        of += 1
        known = places.get(family_key(read.observed.family, leg.leg.target), ())
        lately = not level.values or level.recent - (level.long or 0.0) > _least_log(level)
        if longer > 0.0 and lately and network_of(leg.seen.address) in known:
            found.append(longer)
    if not found:
        return None
    return Farther(
        seconds=median(found),
        names=len(found),
        of=of,
        alike=len(found) > 1 and max(found) <= ALIKE * min(found),
        controls=sum(shift < LEAST_SECONDS for shift in shifts),
    )


def places_after(
    places: Places,
    read: Readings,
    controls: Controls,
    thresholds: Thresholds,
) -> dict[FamilyKey, tuple[str, ...]]:
    """``places`` with the networks at which targets were as near as ever in this round."""
    after = dict(places)
    shifts = [_seconds(level) for level in controls.get(RTT, ())]
    common = max(0.0, median(shifts)) if shifts else 0.0
    for leg in read.by_role(LegRole.TARGET):
        key, network = (
            family_key(read.observed.family, leg.leg.target),
            network_of(leg.seen.address),
        )
        if not leg.gave or not network or network in after.get(key, ()):
            continue
        if not _longer(leg, common, thresholds):
            after[key] = (*after.get(key, ())[-(MOST_PLACES - 1) :], network)
    return after


def slower(
    read: Readings,
    measures: Iterable[Measure],
    controls: Controls,
    thresholds: Thresholds,
) -> Slower | None:
    """What has become slower than over weeks, beyond what controls have and the distance explains,
    by more than the margin and half as much again: servers drift by less."""
    found = []
    for measure in measures:
        theirs = controls.get(measure, ())
        drifts = [level.centre - long for level in theirs if (long := level.long) is not None]
        if not drifts:
            continue
        for leg in read.by_role(LegRole.TARGET):
            level = leg.level(measure)
            if level is None or (long := level.long) is None:
                continue
            rtt = leg.far
            # Six reads take longer than six handshakes, which tell the distance: so after it was
            # farther for a time the larger distance counts, and the lesser effort.
            away = (
                0.0 if rtt is None or rtt.long is None else max(rtt.recent, rtt.centre) - rtt.long
            )
            now = min(level.centre, level.recent)
            grown = now - long - median(drifts) - max(0.0, away)
            least = log(thresholds.margin * thresholds.path_rtt)
            if grown > max(least, SPREADS * level.long_spread):
                found.append(Slower(target=leg.leg.target, measure=measure, times=exp(grown)))
    return max(found, key=lambda one: one.times, default=None)


def _longer(leg: LegReading, common: float, thresholds: Thresholds) -> float | None:
    """By how many seconds its round trip is longer than over weeks, less what all sites' are
    (``common``); 0: by no more than ways differ; ``None``: not known."""
    level, now = leg.far, leg.rtt
    if level is None or now is None or (long := level.long) is None:
        return None
    usual = exp(long)
    least = max(LEAST_SECONDS, (thresholds.path_rtt - 1.0) * usual)
    seconds = exp(now) - usual - common
    return seconds if seconds > least and now - long > _least_log(level) else 0.0


def _least_log(level: Level) -> float:
    return SPREADS * level.long_spread


def _seconds(level: Level) -> float:
    long = level.long
    return 0.0 if long is None else exp(level.recent) - exp(long)
