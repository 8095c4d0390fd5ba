"""How fast a platform is in bytes a second, and whether anybody knows how fast it should be. Pure.

A history tells what is usual here, not what is right: what was slowed before the first round looks
normal in it. So beside the comparison with it stand plain rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from math import exp, inf, log
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from probe.config.definition import UsualPace
from probe.model.identity import LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.model.reference_document import PACE_OUTSIDE
from probe.model.verdict import State, Verdict
from probe.observe.effort import Measure
from probe.observe.goodput import goodput
from probe.verdict.about import About
from probe.verdict.normal.distance import log_distance
from probe.verdict.normal.level import Levels
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import FamilyKey, Series, family_key, of_family
from probe.verdict.remembered.memory import PlatformMemory
from probe.verdict.thresholds import Thresholds

MOST_PACES = 5
LEAST_PACES = 2
"""Reads before a rate is called slower than anywhere: one may have had bad luck."""
PACE_SECONDS = 86_400.0
"""What a control read longer ago is nothing to compare with, and what a target did says nothing of
how fast it is."""
SLOWEST = 37_500.0
"""Bytes a second (300 kbit/s). Throttling for whole countries went to 128 kbit/s (Russia 2021,
arXiv:2111.05425) and below; a line on which another site reads ten times that has no honest reason
for so little."""
TIMES = 10.0
FLIGHTS = 6.0
"""Round trips that a bounded read of 64 KiB takes at most in slow start, the request among them."""
READ_BYTES = 65_536.0
COMPARABLE = 2.0
"""A platform that reads no slower than a control by this factor is as fast as other sites."""
HISTORY_SECONDS = 7 * 86_400.0
"""A week has every hour of every day, and is when hours get a normal of their own. Restrictions
last for months, so no history proves that there is none: it is only said for how long it was so."""


class KnownBy(StrEnum):
    """By what it is known how fast the platform should be."""

    NOTHING = ""
    SWAP = "swap"
    CONTROLS = "controls"
    HISTORY = "history"


class OutsidePace(Struct, frozen=True, kw_only=True):
    """Bytes a second that a reference reads: of the platform, and of the fastest control there."""

    platform: float
    control: float

    @property
    def share(self) -> float:
        """How fast the platform is beside that control; 1 where it is faster."""
        return min(1.0, self.platform / self.control)


class Paces(Struct, frozen=True, kw_only=True):
    """Bytes a second: the platform's lately (of its slowest ``target``), and the fastest control's
    of the last day. ``foreign``: the fastest control's abroad. ``known``: by what is known how fast
    it should be; ``days`` for how many it has been looked at. ``slowest``: so slow that no honest
    line is, beside a control that is not. ``outside``: what references read, and
    ``beyond_outside``: that it is slower here beside foreign controls than there, by more than is
    honest. ``lines``: what is known of the target from other lines, and ``beyond_lines``: that it
    is slower here, by the margin, and no swap shows that its server gives no more."""

    platform: float
    control: float
    foreign: float
    known: KnownBy
    days: float
    slowest: bool
    target: str = ""
    outside: OutsidePace | None = None
    beyond_outside: bool = False
    lines: UsualPace | None = None
    beyond_lines: bool = False


def noted(mine: PlatformMemory, observed: RoundObservation) -> PlatformMemory:
    """What a round adds to the paces of targets, and when the first was."""
    paces, paced_at = dict(mine.paces), dict(mine.paced_at)
    for leg in observed.by_role(LegRole.TARGET):
        if (rate := goodput(leg)) is not None:
            key = family_key(observed.family, leg.leg.target)
            paces[key] = (*paces.get(key, ())[-(MOST_PACES - 1) :], rate)
            paced_at[key] = observed.started_at
    began = mine.began_at or observed.started_at
    return replace(mine, paces=paces, paced_at=paced_at, began_at=min(began, observed.started_at))


def controls_noted(known: ControlMemory, leg: LegObservation, at: float) -> ControlMemory:
    """What a leg to a control adds to its pace."""
    rate = goodput(leg)
    return known if rate is None else replace(known, pace=rate, paced_at=at)


def paces(
    mine: PlatformMemory,
    controls: Mapping[FamilyKey, ControlMemory],
    levels: Levels,
    observed: RoundObservation,
    about: About,
) -> Paces | None:
    """What is known of rates after ``observed``; ``None``: too little was read."""
    at = observed.started_at
    times = dict(of_family(mine.paced_at, observed.family))
    read = {
        name: found
        for name, found in of_family(mine.paces, observed.family)
        if found and 0.0 <= at - times.get(name, at) < PACE_SECONDS
    }
    own = {
        name: _lately(found, _normal(name, levels, observed), about.thresholds.margin)
        for name, found in read.items()
    }
    theirs = {
        name: one.pace
        for name, one in of_family(controls, observed.family)
        if one.pace and 0.0 <= at - one.paced_at < PACE_SECONDS
    }
    if not own or not theirs:
        return None
    slowest = min(own, key=lambda name: own[name])
    slow, fastest = own[slowest], max(theirs.values())
    enough = len(read[slowest]) >= LEAST_PACES
    domestic, outside = about.domestic, outside_of(about.references)
    foreign = max((pace for name, pace in theirs.items() if name not in domestic), default=0.0)
    days, allowed = (at - mine.began_at) / 86_400.0, _allowed(observed)
    known = _known(slow, theirs, at - mine.began_at, at - mine.swap_well_at < PACE_SECONDS)
    lines, margin = about.target(slowest).pace, about.thresholds.margin
    return Paces(
        target=slowest,
        platform=slow,
        control=fastest,
        foreign=foreign,
        known=known,
        days=days,
        slowest=enough and slow < min(SLOWEST, fastest / TIMES, allowed / 2.0),
        outside=outside,
        beyond_outside=enough
        and outside is not None
        and slow < _honest(outside, foreign, allowed, about.thresholds),
        lines=lines,
        beyond_lines=enough
        and lines is not None
        and known is not KnownBy.SWAP
        and slow < min(lines.share * foreign, allowed / 2.0) / margin,
    )


def _normal(target: str, levels: Levels, observed: RoundObservation) -> float:
    """Bytes a second that are normal for ``target``; 0: that is not known."""
    its = Series(observed.family, LegRole.TARGET, observed.platform, target, Measure.TRANSFER)
    level = levels.get(its.key)
    return 0.0 if level is None else exp(-level.expected(observed.started_at))


def _lately(found: Sequence[float], normal: float, margin: float) -> float:
    """The rate of the latest reads, their median. When the last one is as ``normal`` and most were
    not, these were of a trouble that is over: the rate is that of those that are as normal."""
    middle, least = median(found), normal / margin
    if normal and middle < least <= found[-1]:
        return median(one for one in found if one >= least)
    return middle


def outside_of(references: Iterable[Verdict]) -> OutsidePace | None:
    """What those that find the platform fine read of it, the median of them by ``share``: one that
    is broken, or lies, is not the median of three. ``None``: none of them told."""
    told = [
        OutsidePace(platform=entry.value, control=entry.reference)
        for verdict in references
        if verdict.state is State.OK
        for entry in verdict.evidence
        if entry.name == PACE_OUTSIDE and entry.reference
    ]
    ordered = sorted(told, key=lambda one: one.share)
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def _honest(outside: OutsidePace, foreign: float, allowed: float, thresholds: Thresholds) -> float:
    """Slower than this is slower than from outside: by what may be honest before anything is known
    of a platform here and by the margin, beside controls or beside what its distance allows."""
    expected = min(outside.share * foreign, allowed / 2.0)
    return expected / (thresholds.no_baseline * thresholds.margin)


def _known(slow: float, theirs: Mapping[str, float], seconds: float, swap_well: bool) -> KnownBy:
    if swap_well:
        return KnownBy.SWAP
    if log(slow) >= log(median(theirs.values())) - log(COMPARABLE):
        return KnownBy.CONTROLS
    return KnownBy.HISTORY if seconds >= HISTORY_SECONDS else KnownBy.NOTHING


def _allowed(observed: RoundObservation) -> float:
    """The rate that a bounded read cannot exceed by much, so far away as the platform is."""
    trips = [
        exp(far)
        for leg in observed.by_role(LegRole.TARGET)
        if (far := log_distance(leg)) is not None
    ]
    return READ_BYTES / (FLIGHTS * max(trips)) if trips else inf
