"""Whether what was proven has turned into something else. Pure.

A proof stands until a test speaks for its end, and a round that is slow or fails is no such test.
But what was slow may fail outright by now, what failed in one layer fails in another, the name
that was slowed alone may be slow with all others at its server, and what was lost or held up on the
way may come slowly and whole: a second measure of whoever restricts it, or an outage of the
platform's own after the restriction was lifted. To go on saying what was proven is wrong in either
case, so it is tested anew, from nothing.
"""

from __future__ import annotations

from math import inf, log

from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import Answer, Fame, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import Method, State, Trigger
from probe.observe.effort import READING, effort, hard, how_it_failed
from probe.verdict.about import About
from probe.verdict.basis import references
from probe.verdict.basis.doubt import ROUNDS, Doubt, lost_more, marked
from probe.verdict.basis.swap_names import NamesMet
from probe.verdict.basis.way_marks import marks_seen
from probe.verdict.burst.bets import EACH
from probe.verdict.burst.score import Score
from probe.verdict.one_round.compared import Compared
from probe.verdict.one_round.contrast import Contrast
from probe.verdict.remembered.memory import Proven
from probe.verdict.suspected.own_answer import layer

SEEMS = 2
"""In so many rounds in a row it failed, so a burst looks whether all of its legs do: where half of
the connections are dropped besides, three rounds in a row fail in one hour of two. Ours."""
UNLOOKED = 8
"""So many, if no burst could be made. Ours."""
_ON_MARKS = frozenset({Basis.PLATFORMS, Basis.REFERENCE, Basis.FORGED})
SWAP_ROUNDS = 4
"""Rounds in which an impairment is tested against the swap, which may show what it is: by then a
swap that can has shown it, unless another thing begins. Ours."""
SPARED = 4
"""In so many rounds in a row the neutral name of ordinary rounds, which no list has, is well beside
a target that is not, until none is said to be met with it: a connection in two that is met would
show that in one of sixteen. Ours."""
_ON_WITNESSES = frozenset({Basis.SWAP, Basis.DECOY})
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
    alike = _swap_alike(found, seen, observed, about)
    found = _spared_noted(found, alike, observed)
    return replace(
        found,
        otherwise=otherwise,
        borne_out=found.borne_out and otherwise > 0,
        witness=found.witness.after_round(_witness_turned(found, alike, seen, observed, about)),
        marks=_after_round(found, seen, observed, about),
    )


def seems(found: Proven) -> bool:
    """It may have turned into a failure, or what it rests on no more speak for it: bursts tell."""
    fails_now = found.otherwise >= SEEMS and not found.borne_out
    return fails_now or found.marks.look or asks_name(found)


def asks_name(found: Proven) -> bool:
    """The burst that looks should say a famous name at the server: it was well under such a one
    when it was proven, and that of ordinary rounds is slow with the target. An obscure one may be
    met where the famous ones are spared."""
    return found.witness.look and _met_by_names(found)


def swap_may_tell(found: Proven) -> bool:
    """A burst with the swap of an impairment may tell more: there were few, or the swap is well in
    rounds in a row in which the target is not, as where a name is slowed beside slow servers."""
    return found.swap_rounds < SWAP_ROUNDS or found.witness.look


def burst_noted(found: Proven, observed: RoundObservation, score: Score, about: About) -> Proven:
    """``found``, knowing whether all of its legs in a burst, which came to ``score``, failed, where
    it seems to have turned into a failure; and whether what it rests on still speaks for it."""
    found = replace(found, marks=_after_burst(found, score, observed, about))
    if asks_name(found) and score.fame is Fame.FAMOUS:
        wins = score.swap_wins
        alike = None if wins is None else 2 * wins <= EACH * EACH
        found = replace(found, witness=found.witness.after_burst(alike))
    if not found.otherwise:
        return found
    legs = [leg for leg in observed.by_role(LegRole.TARGET) if leg.leg.target == found.target]
    fail = bool(legs) and all(map(_unreached if found.state is not State.BLOCKED else hard, legs))
    return replace(found, otherwise=found.otherwise if fail else 0, borne_out=fail)


def turned(found: Proven) -> bool:
    """It has shown itself otherwise for long enough."""
    gone = found.witness.by_bursts if _met_by_names(found) else found.witness.by_rounds
    return fails(found) or (gone and found.basis in _ON_WITNESSES) or found.marks.by_bursts


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
    return replace(found, seen_at=at, otherwise=0, borne_out=False, marks=Doubt(), witness=Doubt())


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


def _met_by_names(found: Proven) -> bool:
    """Some neutral names are met at its server as well."""
    return found.basis is Basis.SWAP and found.trigger in (Trigger.RANGE, Trigger.UNKNOWN)


def _spared_noted(found: Proven, alike: bool | None, observed: RoundObservation) -> Proven:
    """``found``, without a range that is met but for famous names, where an obscure one is well:
    that it was slow in bursts was chance, or something else on the line. What rests on the swap is
    set off by the name then. A swap that takes any answer says famous names in ordinary rounds, as
    many use them: that tells nothing of it. ``alike``: that swap is slow as well."""
    swap = _leg(found, LegRole.SWAP, observed)
    by_names = found.trigger is Trigger.RANGE or _met_by_names(found)
    if not by_names or swap is None or swap.leg.answer is Answer.ANY:
        return found
    spared = found.spared if alike is None else _counted(found.spared, not alike)
    if spared < SPARED:
        return replace(found, spared=spared)
    trigger = Trigger.NAME if found.basis is Basis.SWAP else Trigger.UNKNOWN
    return replace(found, trigger=trigger, names=NamesMet(), spared=0)


def _witness_turned(
    found: Proven, alike: bool | None, seen: Compared, observed: RoundObservation, about: About
) -> bool | None:
    """What it rests on speaks for it no more; or, where it rests on no swap, that one is well.
    ``alike``: its swap is slow as well."""
    if found.basis is Basis.DECOY:
        return _decoy_well(found, seen, observed, about)
    return alike if found.basis is Basis.SWAP or alike is None else not alike


def _decoy_well(
    found: Proven, seen: Compared, observed: RoundObservation, about: About
) -> bool | None:
    """It is slow, or fails, and its name at a server that is nobody's target is not, and does
    not."""
    now, margin = seen.of(found, observed.family), about.thresholds.log_margin
    decoys = [c.slowdown for c in seen.decoys if c.measure is found.measure]
    known = [slowdown for slowdown in decoys if slowdown is not None]
    if now is None or not known or now.worst <= margin:
        return None
    return max(known) <= margin


def _swap_alike(
    found: Proven, seen: Compared, observed: RoundObservation, about: About
) -> bool | None:
    """Its swap is as slow, or fails as well."""
    swap = _leg(found, LegRole.SWAP, observed)
    if swap is None:
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


def _by_marks(found: Proven, at: float, about: About) -> bool | None:
    """Whether the way had marked it when it was proven, if anything depends on that now: it
    accuses, or would, on what others see, or does not though they are fine."""
    if not found.way_clear:
        counts = found.by_reference and not found.basis.accuses
        return True if counts or found.basis in _ON_MARKS else None
    slowed = found.state is not State.BLOCKED and not found.basis.accuses
    return False if slowed and references.vouched(found, at, about) else None


def _after_round(found: Proven, seen: Compared, observed: RoundObservation, about: About) -> Doubt:
    """What marks have turned into after an ordinary round. One in which it was not slow, nor
    silent, says nothing."""
    was = _by_marks(found, observed.started_at, about)
    now, target = seen.of(found, observed.family), _leg(found, LegRole.TARGET, observed)
    if was is None or target is None or now is None:
        return found.marks
    controls = observed.by_role(LegRole.CONTROL)
    read = [leg for leg in controls if effort(leg, found.measure) is not None]
    if not read or now.worst <= about.thresholds.log_margin:
        return found.marks
    now_lost = lost_more(marks_seen([target], read, found.measure))
    return found.marks.after_round(None if now_lost is None else now_lost is not was)


def _after_burst(found: Proven, score: Score, observed: RoundObservation, about: About) -> Doubt:
    """The same after a burst that came to ``score``."""
    was = _by_marks(found, observed.started_at, about)
    if was is None or not (score.failures or score.costs(about.thresholds.log_margin)):
        return found.marks
    now = marked(score.marks, score.failures)
    return found.marks.after_burst(None if now is None else now is not was)


def _unreached(leg: LegObservation) -> bool:
    """It failed before there was anything to be read: what is cut amid a read is slowed so."""
    failure = hard(leg)
    return failure is not None and failure.phase not in READING


def _leg(found: Proven, role: LegRole, observed: RoundObservation) -> LegObservation | None:
    legs = observed.by_role(role)
    return next((leg for leg in legs if leg.leg.target == found.target), None)
