"""What an ordinary round adds to what is remembered, beside suspicions: pure steps, which
``after_round.py`` puts in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log

from msgspec.structs import replace

from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.observe.effort import server_error
from probe.verdict.about import About
from probe.verdict.basis.certificate_dates import dates_found
from probe.verdict.basis.forged_answer import OWN
from probe.verdict.one_round import where_names_lead
from probe.verdict.one_round.compared import Compared, reads_over
from probe.verdict.remembered.apart import Led
from probe.verdict.remembered.keys import FamilyKey, family_key, family_of
from probe.verdict.remembered.memory import (
    PlatformMemory,
    Proven,
)
from probe.verdict.suspected import own_answer
from probe.verdict.thresholds import Thresholds

PROVEN_SECONDS = 24 * 3_600.0
"""So is a restriction whose target could not be compared at all (its object is gone, say)."""


def noted(mine: PlatformMemory, seen: Compared, observed: RoundObservation) -> PlatformMemory:
    """What a round adds before anything is judged: addresses, server errors, what is still kept."""
    targets = observed.by_role(LegRole.TARGET)
    errors = mine.server_errors
    if targets:
        errors = errors + 1 if any(server_error(leg) for leg in targets) else 0
    return replace(
        mine,
        addresses=where_names_lead.addresses(mine.addresses, observed),
        encrypted=where_names_lead.encrypted(mine.encrypted, observed),
        reached=where_names_lead.reached(mine.reached, observed),
        server_errors=errors,
        dates=dates_found(observed),
        proven=_kept(_with_gap(mine, observed), seen, observed),
    )


def _with_gap(mine: PlatformMemory, observed: RoundObservation) -> Proven | None:
    """The restriction, with the time before this round for which no other speaks."""
    at = observed.started_at
    if mine.proven is None or not mine.at or mine.reaches(at):
        return mine.proven
    unmeasured = mine.proven.unmeasured_seconds + max(0.0, at - mine.at)
    return replace(mine.proven, unmeasured_seconds=unmeasured)


def _kept(found: Proven | None, seen: Compared, observed: RoundObservation) -> Proven | None:
    """The restriction, unless its target could not be compared for a day."""
    if found is None:
        return None
    at = observed.started_at
    if seen.of(found, observed.family) is not None:
        found = replace(found, seen_at=at, waited=found.waited + 1)
        return own_answer.noted(found, seen, observed)
    found = own_answer.noted(found, seen, observed)
    if reads_over(found, observed):
        found = replace(found, waited=found.waited + 1)
    return found if at - found.seen_at < PROVEN_SECONDS else None


def without_our_own(
    seen: Compared, led: Mapping[str, Led], thresholds: Thresholds
) -> tuple[Compared, dict[str, Led]]:
    """``seen`` without the targets that are slow or failing where our own files, our own look-up or
    a resolver that is out of order led; and which these are."""
    limit = log(thresholds.contradiction)
    bad = {c.target for c in seen.contrasts if c.worst > limit or c.way_failed}
    ours = {target: one for target, one in led.items() if one in OWN and target in bad}
    kept = tuple(c for c in seen.contrasts if c.target not in ours)
    return replace(seen, contrasts=kept), ours


def moved_paths(
    seen: Compared, mine: PlatformMemory, observed: RoundObservation, about: About
) -> dict[FamilyKey, int]:
    """Targets that are slower in the measure in which they are farther away, with their rounds."""
    margin = about.thresholds.log_margin
    others = {k: n for k, n in mine.path_rounds.items() if family_of(k) is not observed.family}
    moved = {
        c.target
        for c in seen.contrasts
        if c.usual and c.slowdown is not None and c.slowdown <= margin < c.slowdown + c.path
    }
    keys = [family_key(observed.family, target) for target in moved]
    return others | {key: mine.path_rounds.get(key, 0) + 1 for key in keys}


def well(
    seen: Compared, margin: float, moved: Iterable[FamilyKey], observed: RoundObservation
) -> frozenset[str]:
    """Targets whose every comparison is fine, less the ``moved`` (keys with their family)."""
    wrong = {c.target for c in seen.contrasts if c.worst > margin}
    good = {c.target for c in seen.contrasts if c.slowdown is not None} - wrong
    return frozenset(t for t in good if family_key(observed.family, t) not in moved)


def raw_slower(seen: Compared, thresholds: Thresholds) -> bool:
    """Some target without a history is slower than its controls by more than the margin."""
    taken_off = log(thresholds.no_baseline)
    return any(
        not c.usual and c.slowdown is not None and c.slowdown + taken_off > thresholds.log_margin
        for c in seen.contrasts
    )
