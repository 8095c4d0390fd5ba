"""Whether what was proven has turned into something else. Pure.

A proof stands until a test speaks for its end, and a round that is slow or fails is no such test.
But what was slow may fail outright by now, what failed in one layer fails in another, and the name
that was slowed alone may be slow with all others at its server: a second measure of whoever
restricts it, or an outage of the platform's own after the restriction was lifted. To go on saying
what was proven is wrong in either case, so it is tested anew, from nothing.
"""

from __future__ import annotations

from math import inf, log

from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import Fame, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import Method, State, Trigger
from probe.observe.effort import READING, hard, how_it_failed
from probe.verdict.about import About
from probe.verdict.one_round.compared import Compared
from probe.verdict.one_round.contrast import Contrast
from probe.verdict.remembered.memory import Proven
from probe.verdict.suspected.own_answer import layer

ROUNDS = 3
"""Rounds in a row that show it otherwise. Where packets are lost on purpose a handshake fails now
and then, and a swap is slow by chance. Ours."""
SEEMS = 2
"""In so many rounds in a row it failed, so a burst looks whether all of its legs do: where half of
the connections are dropped besides, three rounds in a row fail in one hour of two. Ours."""
UNLOOKED = 8
"""So many, if no burst could be made. Ours."""
SECONDS = 6 * 3_600.0
"""For so long what had been proven may show itself again, as a suspicion lasts."""


def noted(found: Proven, seen: Compared, observed: RoundObservation, about: About) -> Proven:
    """``found``, knowing whether one more ordinary round shows it otherwise than it was proven."""
    if found.family is not observed.family:
        return found
    mine = [c for c in seen.contrasts if c.target == found.target and c.controls]
    if not mine:
        return found
    otherwise = _counted(found.otherwise, _fails_otherwise(found, mine, observed))
    return replace(
        found,
        otherwise=otherwise,
        borne_out=found.borne_out and otherwise > 0,
        with_swap=_counted(found.with_swap, _swap_alike(found, seen, observed, about)),
    )


def seems(found: Proven) -> bool:
    """It may have turned into a failure: a burst tells."""
    return found.otherwise >= SEEMS and not found.borne_out


def burst_noted(found: Proven, observed: RoundObservation) -> Proven:
    """``found``, knowing whether all of its legs in a burst failed, where it seems to have turned
    into a failure."""
    if not found.otherwise:
        return found
    legs = [leg for leg in observed.by_role(LegRole.TARGET) if leg.leg.target == found.target]
    fail = bool(legs) and all(map(_unreached if found.state is not State.BLOCKED else hard, legs))
    return replace(found, otherwise=found.otherwise if fail else 0, borne_out=fail)


def turned(found: Proven) -> bool:
    """It has shown itself otherwise for long enough."""
    return fails(found) or found.with_swap >= ROUNDS


def fails(found: Proven) -> bool:
    """What it has turned into is a failure. That may have been chance: what was proven is kept in
    mind (``as_before``)."""
    return found.otherwise >= (ROUNDS if found.borne_out else UNLOOKED)


def remembered(
    found: Proven | None, seen: Compared, observed: RoundObservation, about: About
) -> Proven | None:
    """What had been proven before it turned; ``None``: it is as usual by now, or that was for six
    hours."""
    if found is None or observed.started_at - found.seen_at > SECONDS:
        return None
    now = seen.of(found, observed.family)
    well = now is not None and now.worst <= about.thresholds.log_margin
    return None if well else found


def restored(found: Proven | None, observed: RoundObservation) -> Proven | None:
    """``found``, as it shows itself again."""
    if found is None:
        return None
    at = observed.started_at
    return replace(found, seen_at=at, otherwise=0, borne_out=False, with_swap=0)


def as_before(found: Proven, seen: Compared, observed: RoundObservation, about: About) -> bool:
    """What was proven, and had turned into something that is only suspected, shows itself again as
    it was: slow, and not failing."""
    now = seen.of(found, observed.family)
    if found.state is State.BLOCKED or now is None or now.slowdown is None:
        return False
    return about.thresholds.log_margin < now.slowdown < inf


def _counted(before: int, shows: bool | None) -> int:
    """Rounds in a row that show it; one that says nothing (``None``) is none of them."""
    if shows is None:
        return before
    return before + 1 if shows else 0


def _fails_otherwise(
    found: Proven, mine: list[Contrast], observed: RoundObservation
) -> bool | None:
    """It fails outright and was proven slow; or it fails in another layer than was proven. Where a
    resolver's lie leads anything may answer, in one layer or another."""
    leg = _leg(found, LegRole.TARGET, observed)
    if found.state is not State.BLOCKED:
        return any(c.way_failed for c in mine) and leg is not None and _unreached(leg)
    if found.method is Method.DNS:
        return None
    how = "" if leg is None else how_it_failed(leg)
    # Or in the first one's, where others do not get that far for it (``own_rate.condemned``).
    known = (found.method, layer(found.failure), found.first_ones.farther_at)
    return layer(how) not in known if how else None


def _swap_alike(
    found: Proven, seen: Compared, observed: RoundObservation, about: About
) -> bool | None:
    """It rests on its swap, which is as slow by now, or fails as well. A name that nobody knows may
    be met where the famous ones are spared."""
    swap = _leg(found, LegRole.SWAP, observed)
    if found.basis is not Basis.SWAP or swap is None:
        return None
    if found.trigger is not Trigger.NAME and swap.leg.fame is not Fame.FAMOUS:
        return None
    target = _leg(found, LegRole.TARGET, observed)
    if target is not None and hard(target) is not None:
        return hard(swap) is not None
    now = seen.of(found, observed.family)
    if now is None or now.versus_swap is None or now.slowdown is None:
        return None
    if now.slowdown <= about.thresholds.log_margin:
        return None
    return now.versus_swap <= log(about.thresholds.contradiction)


def _unreached(leg: LegObservation) -> bool:
    """It failed before there was anything to be read: what is cut amid a read is slowed so."""
    failure = hard(leg)
    return failure is not None and failure.phase not in READING


def _leg(found: Proven, role: LegRole, observed: RoundObservation) -> LegObservation | None:
    legs = observed.by_role(role)
    return next((leg for leg in legs if leg.leg.target == found.target), None)
