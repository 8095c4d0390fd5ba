"""Two address families on one line: one of them may be dead, and that is no state of a platform.

A router announces IPv6 that leads nowhere, a line has IPv4 by translation only, a platform has no
address in one of them. A round over such a family says nothing of the platform: what was said over
the other one goes on. Only when none answers is the line offline.

| nothing answers over one family, and the other | then |
| --- | --- |
| has answered since that began | the first is dead: what was said over the other holds |
| has not been asked since | nobody knows yet (what is proven holds) |
| is silent, too, or is not asked at all | the line: the ladder speaks of this round |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec.structs import replace

from probe.model.identity import Family, LegRole
from probe.model.observation import RoundObservation
from probe.model.verdict import Verdict
from probe.verdict.remembered.memory import FamilyMemory, Memory, PlatformMemory

NO_ADDRESS = "no_address"
TITLES = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}


class NoNews(StrEnum):
    """Why a round says nothing of the platform: nothing answers over its family and nobody knows
    yet what the others do (``SILENT``), or they do answer (``DEAD``); or the platform has no
    address in it (``ABSENT``)."""

    SILENT = "family_silent"
    DEAD = "family_dead"
    ABSENT = "no_address"


def heard_over(memory: Memory, observed: RoundObservation, answers: bool) -> Memory:
    """``memory`` after a round in which somebody answered (``answers``), or nobody did."""
    if not observed.by_role(LegRole.CONTROL):
        return memory
    before, at = memory.families.get(observed.family, FamilyMemory()), observed.started_at
    if answers:
        after = FamilyMemory(answered_at=at)
    elif not before.silent_since:
        after = replace(before, silent_since=at)
    else:
        # A clock that was set back leaves no beginning in the future.
        after = replace(before, silent_since=min(before.silent_since, at))
    return replace(memory, families={**memory.families, observed.family: after})


def no_news(
    known: Mapping[Family, FamilyMemory], observed: RoundObservation, families: Sequence[Family]
) -> NoNews | None:
    """Whether the round says nothing of its platform, and why; ``None``: it does. ``known``: after
    it; ``families``: those that are configured."""
    mine = known.get(observed.family, FamilyMemory())
    others = [known.get(one, FamilyMemory()) for one in families if one is not observed.family]
    if observed.family not in families:
        others = []  # the configuration has changed since
    if not mine.silent_since:
        return NoNews.ABSENT if _absent(observed) else None
    if any(not one.silent_since and one.answered_at >= mine.silent_since for one in others):
        return NoNews.DEAD
    waited = observed.started_at - mine.silent_since
    if waited <= observed.holds_seconds and any(not one.silent_since for one in others):
        return NoNews.SILENT
    return None


def _absent(observed: RoundObservation) -> bool:
    lacks = [one for one in observed.skipped if one.leg.role is LegRole.TARGET]
    return (
        not observed.by_role(LegRole.TARGET)
        and bool(lacks)
        and all(one.reason == NO_ADDRESS for one in lacks)
    )


def noted(mine: PlatformMemory, observed: RoundObservation, verdict: Verdict) -> PlatformMemory:
    """``mine`` with what a round over one of several families said, to be repeated while another
    one says nothing."""
    if not observed.by_role(LegRole.TARGET):
        return mine
    return replace(mine, said={**mine.said, observed.family: verdict})


def repeated(mine: PlatformMemory, observed: RoundObservation, why: NoNews) -> Verdict | None:
    """What was said over another family, if it still holds when ``observed`` begins, or rests on
    what is proven."""
    if why is NoNews.SILENT and mine.proven is None:
        return None
    said = [
        one
        for family, one in mine.said.items()
        if family is not observed.family
        and (mine.proven is not None or one.reaches(observed.started_at))
    ]
    if not said:
        return None
    last = max(said, key=lambda one: one.at)
    goes_on = last.proven or (
        (mine.state, mine.reason) == (last.state, last.reason) and mine.reaches(observed.started_at)
    )
    return replace(
        last,
        at=observed.ended_at,
        since=mine.since if goes_on and not last.proven else last.since,
        holds_seconds=observed.holds_seconds,
    )


def well_after(
    mine: PlatformMemory, observed: RoundObservation, well: Iterable[str]
) -> dict[Family, float]:
    """Since which round each family's way to the platform is fine, after ``observed``, in which the
    targets ``well`` were. One in which it is not takes that away."""
    targets = observed.by_role(LegRole.TARGET)
    after = {family: at for family, at in mine.well_at.items() if family is not observed.family}
    if targets and {leg.leg.target for leg in targets} <= set(well):
        after[observed.family] = observed.started_at
    elif not targets and observed.family in mine.well_at:
        after[observed.family] = mine.well_at[observed.family]
    return after


def works(memory: Memory, families: Sequence[Family]) -> dict[Family, bool]:
    """Whether each family of a line works, if there are several: ``False`` for one over which
    nothing has answered since another one answered. What is not known is not there."""
    if len(families) < 2:
        return {}
    found: dict[Family, bool] = {}
    for family in families:
        mine = memory.families.get(family, FamilyMemory())
        others = [memory.families[o] for o in families if o is not family and o in memory.families]
        if mine.answered_at and not mine.silent_since:
            found[family] = True
        elif mine.silent_since and any(o.answered_at >= mine.silent_since for o in others):
            found[family] = False
    return found
