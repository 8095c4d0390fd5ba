"""What a burst says of what is held of a platform (the events of ``suspicion.py``), what is done
then, and which burst is asked for. Pure."""

from __future__ import annotations

from math import exp, isfinite

from msgspec import Struct
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.burst import Burst
from probe.model.observation import RoundObservation
from probe.model.verdict import State, Trigger
from probe.verdict.about import About
from probe.verdict.basis import near_here
from probe.verdict.basis.doubt import Doubt
from probe.verdict.burst import own_rate
from probe.verdict.burst.bets import EACH, Wealth
from probe.verdict.burst.frugal import host_refused_swap
from probe.verdict.burst.next_burst import burst, episode_burst, recovery_burst
from probe.verdict.burst.score import Score
from probe.verdict.ladder.facts import Suspicion
from probe.verdict.ladder.shown import added, shown
from probe.verdict.normal.level import Levels
from probe.verdict.one_round import where_names_lead
from probe.verdict.one_round.compared import Compared
from probe.verdict.one_round.contrast import Contrast
from probe.verdict.one_round.waited import as_known, hasty, lesser, marked, waited_out
from probe.verdict.remembered.memory import OpenSuspicion, PlatformMemory, Proven
from probe.verdict.suspected import each_address, turned
from probe.verdict.suspected.open_suspicion import (
    Others,
    after_burst,
    basis,
    own_resolver_knows,
    proven,
    shown_by,
)
from probe.verdict.suspected.suspicion import Ask, Deed, Occasion
from probe.verdict.thresholds import Thresholds

# A restriction is not claimed any more once so many rounds have tested it and found the target as
# usual; one between them that showed it halves their number. On a line whose normal is badly known
# its end cannot be proven, nor can that it goes on; what proved it would show again while it did.
QUIET_ROUNDS = 8
# Pairs lost, of nine, that show it.
SHOWN = 8


class BurstScene(Struct, frozen=True, kw_only=True):
    """What a burst says of what is held."""

    event: Occasion
    episode: OpenSuspicion | None = None
    """The suspicion with what the burst says."""
    proven: Proven | None = None
    """What is proven, with what the burst says."""
    rests_on: Basis | None = None
    """The basis of a proof."""


def scene_of(
    mine: PlatformMemory, found: Score, observed: RoundObservation, about: About, others: Others
) -> BurstScene:
    """Which event the burst is."""
    if mine.proven is not None:
        looks = turned.asks_name(mine.proven)
        if observed.burst is not None and observed.burst.with_swap and not looks:
            return _of_swap(mine.proven, found, observed, about)
        return _of_end(mine.proven, found, observed, about)
    if mine.episode is None:
        return BurstScene(event=Occasion.UNASKED)
    if not found.complete:
        rests_on = _basis(mine, mine.episode, observed, about, others)
        if rests_on is not None and not mine.episode.well:
            # The round before it was the last that was wanting.
            return BurstScene(event=Occasion.PROOF, episode=mine.episode, rests_on=rests_on)
        if host_refused_swap(observed) and rests_on is None:
            lean = replace(mine.episode, swap_refused=True)
            return BurstScene(event=Occasion.REFUSED, episode=lean)
        return BurstScene(event=Occasion.INCOMPLETE, episode=mine.episode)
    return _of_suspicion(mine, mine.episode, found, observed, about, others)


def _of_suspicion(
    mine: PlatformMemory,
    current: OpenSuspicion,
    found: Score,
    observed: RoundObservation,
    about: About,
    others: Others,
) -> BurstScene:
    thresholds = about.thresholds
    own = _own_slowness(found, thresholds.log_margin)
    episode = after_burst(current, observed, own, thresholds.margin, others)
    episode = waited_out(current, episode, own, observed, about)
    if episode.led_astray and own_resolver_knows(episode):
        return BurstScene(event=Occasion.OWN_LOOKUP)
    if episode.well and not episode.led_astray:
        if _as_usual(found, about) and _whole(found):
            return BurstScene(event=Occasion.AS_LUCKY, episode=episode)
        episode = _not_over(episode, found, observed, thresholds)
    if episode.e_value <= 1.0 and not episode.elsewhere:
        # Nothing is left of it but, perhaps, one address that is slow: chance, or over, or an edge.
        return BurstScene(
            event=Occasion.ONE_EDGE if episode.one_edge else Occasion.NO_EVIDENCE, episode=episode
        )
    known = _addresses(mine, episode, observed)
    rests_on = _basis(mine, episode, observed, about, others)
    more = episode.bursts < thresholds.bursts_per_round
    if rests_on is not None and not rests_on.accuses and hasty(episode) and more:
        return BurstScene(event=Occasion.MORE, episode=episode)
    if rests_on is not None and (
        rests_on.accuses or not more or not _swap_may_speak(episode, found)
    ):
        return BurstScene(event=Occasion.PROOF, episode=episode, rests_on=rests_on)
    others_to_try = known > 1 or len({address for _, address in episode.suspects}) > 1
    alone = not others_to_try and not _swap_may_speak(episode, found)
    enough = not more or (rests_on is None and _enough(episode, thresholds.evidence, alone))
    return BurstScene(event=Occasion.ENOUGH if enough else Occasion.MORE, episode=episode)


def _addresses(mine: PlatformMemory, episode: OpenSuspicion, observed: RoundObservation) -> int:
    """Addresses that are known of what is suspected."""
    place = where_names_lead.places(observed).get(episode.target)
    return 0 if place is None else len(mine.addresses.get(place, ()))


def _basis(
    mine: PlatformMemory,
    episode: OpenSuspicion,
    observed: RoundObservation,
    about: About,
    others: Others,
) -> Basis | None:
    """What a proof of ``episode`` may rest on now."""
    known = _addresses(mine, episode, observed)
    at, thresholds = observed.started_at, about.thresholds
    found = basis(episode, at, known, thresholds, others)
    return lesser(found, episode, basis(episode, at, known, thresholds, Others()))


def _not_over(
    episode: OpenSuspicion, found: Score, observed: RoundObservation, thresholds: Thresholds
) -> OpenSuspicion:
    """``episode`` after a burst of a round that had luck: if its legs are slower than the margin,
    that makes the round a suspicious one, as the single leg would have."""
    if not found.failures and not found.costs(thresholds.log_margin):
        return episode
    return replace(episode, well=0, rounds=episode.rounds + 1, last_at=observed.started_at)


def _of_swap(
    impaired: Proven, found: Score, observed: RoundObservation, about: About
) -> BurstScene:
    """A burst of an impairment with its swap: if that is well, it is the name."""
    if not found.complete or found.swap_wins is None:
        return BurstScene(event=Occasion.INCOMPLETE, proven=replace(impaired, swap_bursts=0))
    impaired = _shown_by_burst(impaired, found, observed, about)
    own = _own_slowness(found, about.thresholds.log_margin)
    swap, tried = impaired.swap, impaired.swap_bursts + 1
    bets = impaired.names.bets(found.fame)
    if bets:
        swap = swap.after(own.swap_wins or 0, own.swap_gap_wins)
    names = impaired.names.after(found.fame, slow=found.swap_slow)
    impaired = replace(
        impaired, swap=swap, swap_bursts=tried, any_answer=found.any_answer, names=names
    )
    if _swap_speaks(impaired, about.thresholds):
        return BurstScene(event=Occasion.SWAP_WELL, proven=impaired)
    # An obscure name that is hit for the first time says nothing of famous ones.
    silent = swap.e_value <= 1.0 and bets and not (names.obscure_hit and not names.famous_hit)
    if silent or tried >= about.thresholds.bursts_per_round:
        left = replace(impaired, swap_bursts=0, swap_rounds=impaired.swap_rounds + 1)
        left = replace(left, witness=left.witness.after_burst(False))
        return BurstScene(event=Occasion.SWAP_SILENT, proven=left)
    return BurstScene(event=Occasion.SWAP_MORE, proven=impaired)


def _of_end(
    restriction: Proven, found: Score, observed: RoundObservation, about: About
) -> BurstScene:
    """A burst against "still slowed"."""
    if not found.complete:
        return BurstScene(event=Occasion.INCOMPLETE, proven=restriction)
    restriction = _shown_by_burst(_better_measured(restriction, found), found, observed, about)
    restriction = turned.burst_noted(restriction, observed, found, about)
    goes_on = found.costs(about.thresholds.log_margin) and not _whole(found)
    wealth = restriction.recovery.after(0 if goes_on else found.recovered)
    tried = restriction.recovery_bursts + 1
    over = wealth.e_value <= 1.0 or tried >= about.thresholds.bursts_per_round
    if found.wins >= SHOWN:
        quiet = restriction.quiet // 2  # what goes on shows again and again, chance once
    else:
        quiet = restriction.quiet + (over and not goes_on and _as_usual(found, about))
    if wealth.e_value >= about.thresholds.recovery_evidence or quiet >= QUIET_ROUNDS:
        return BurstScene(event=Occasion.ENDED)
    left = replace(
        restriction,
        recovery=Wealth() if wealth.e_value <= 1.0 else wealth,
        recovery_bursts=0 if over else tried,
        quiet=quiet,
        waited=0,
        seen_at=observed.started_at,
    )
    return BurstScene(event=Occasion.GOES_ON if over else Occasion.END_MORE, proven=left)


def done(
    act: Deed,
    scene: BurstScene,
    mine: PlatformMemory,
    observed: RoundObservation,
    about: About,
    others: Others,
) -> PlatformMemory:
    """What is held after ``act``."""
    if act is Deed.DROP:
        return replace(mine, episode=None)
    if act is Deed.END:
        return replace(mine, proven=None, episode=None, state=State.UNKNOWN)
    if act is Deed.PROVE and scene.episode is not None and scene.rests_on is not None:
        at, thresholds = observed.started_at, about.thresholds
        holds = proven(scene.episode, scene.rests_on, at, thresholds, others)
        holds = marked(holds, scene.episode)
        holds = near_here.noted(holds, at, others, thresholds, goes_on=True)
        return replace(mine, episode=None, proven=holds, before=None)
    if act is Deed.ACCUSE and scene.proven is not None:
        return replace(mine, proven=_accusing(scene.proven))
    if act is Deed.GATHER and scene.proven is not None:
        return replace(mine, proven=scene.proven)
    return replace(mine, episode=scene.episode) if act is Deed.GATHER else mine


def _trigger_of(impaired: Proven) -> Trigger:
    """What sets it off, where the swap was well."""
    if impaired.names.spares_names:
        return Trigger.RANGE
    return Trigger.UNKNOWN if impaired.names.obscure_hit else Trigger.NAME


def _accusing(impaired: Proven) -> Proven:
    return replace(
        impaired,
        basis=Basis.SWAP,
        trigger=_trigger_of(impaired),
        e_value=max(impaired.e_value, impaired.swap.e_value),
        swap_bursts=0,
        witness=Doubt(),
    )


def asked(
    ask: Ask, mine: PlatformMemory, levels: Levels, observed: RoundObservation, about: About
) -> Burst | None:
    """The burst that is asked for, if one can be made that tells more."""
    platform, found = observed.platform, mine.proven
    if not about.may_burst or ask is Ask.NOTHING:
        return None
    if ask is Ask.TEST and mine.episode is not None:
        places = where_names_lead.places(observed)
        return episode_burst(platform, mine.episode, mine, levels, about, places)
    if found is None:
        return None
    if ask is Ask.END:
        return recovery_burst(platform, found, levels, about)
    return _swap_burst(found, levels, observed, about) if turned.swap_may_tell(found) else None


def _own_slowness(found: Score, margin: float) -> Score:
    """A swap that is faster than usual does not make its target slow: while the target keeps to
    its own history, the burst is no evidence against the swap."""
    slowdown = found.slowdown
    if not found.usual or slowdown is None or slowdown > margin or found.swap_wins is None:
        return found
    return replace(found, swap_wins=0, swap_gap_wins=None if found.swap_gap_wins is None else 0)


def evident(mine: PlatformMemory, thresholds: Thresholds) -> bool:
    """Whether a suspicion bears as much evidence as a proof needs, and wants only a basis."""
    return mine.suspected is not None and mine.suspected.e_value >= thresholds.evidence


def _enough(episode: OpenSuspicion, evidence: float, alone: bool) -> bool:
    """This round can add nothing: the evidence is there, and what is missing is another round.
    ``alone``: there is no other address to try, nor a swap that may speak."""
    if episode.one_edge:
        return True
    if episode.led_astray and not episode.elsewhere:
        return False
    strong = sum(w.e_value > 1.0 for w in episode.by_address.values())
    return episode.control.e_value >= evidence and (alone or strong >= 2)


def _swap_may_speak(episode: OpenSuspicion, found: Score) -> bool:
    """The swap has been well in this burst and bears evidence: a few more may tell the name."""
    return found.swap_wins is not None and episode.swap.e_value > 1.0


def _is_slow(now: Contrast | None, about: About) -> bool:
    return now is not None and now.worst > about.thresholds.log_margin


def _swap_burst(
    found: Proven, levels: Levels, observed: RoundObservation, about: About
) -> Burst | None:
    """A burst that may tell the name from the address, of an impairment that has a swap."""
    if found.basis.accuses:
        return None
    made = burst(observed.platform, found.target, found.measure, found.family, levels, about)
    return replace(made, fame=found.names.next_fame) if made.with_swap else None


def _shown_by_burst(
    found: Proven, measured: Score, observed: RoundObservation, about: About
) -> Proven:
    one = as_known(found, shown_by(observed, found, measured))
    return replace(found, shown=added(found.shown, one, about.thresholds.margin))


def watched(found: Proven, seen: Compared, observed: RoundObservation, about: About) -> Proven:
    """What is proven, with what an ordinary round in which it is still so shows of it."""
    now = seen.of(found, observed.family)
    if now is None or not _is_slow(now, about):
        return found
    one = shown(
        observed,
        found.target,
        found.measure,
        normal=now.slowdown if now.usual else None,
        whole=now.whole,
        path=now.path,
    )
    return replace(found, shown=added(found.shown, as_known(found, one), about.thresholds.margin))


def weighed(
    found: Proven, seen: Compared, observed: RoundObservation, about: About, others: Others
) -> Proven:
    """What is proven, with the best basis that it has after an ordinary round.

    While references find it failing or slow, too, or other sites are hit with it, only a swap or a
    resolver's lie says more than that it is so here. A better basis counts in rounds in which it is
    still so here, in the very way that was proven."""
    at = observed.started_at
    from_others = found.basis in (Basis.PLATFORMS, Basis.REFERENCE)
    doubted = found.elsewhere_at == at or others.shared
    goes_on = _is_slow(seen.of(found, observed.family), about)
    found = near_here.noted(found, at, others, about.thresholds, goes_on=goes_on)
    few = goes_on and each_address.too_few(found, at, about.thresholds)
    if doubted or few or own_rate.refuted(found):
        lesser = from_others or (doubted and found.basis is Basis.FORGED)
        return replace(found, basis=found.here, together=()) if lesser else found
    if found.basis.accuses or not goes_on or not near_here.open_to_more(found):
        return found
    if _swap_speaks(found, about.thresholds):
        return _accusing(found)
    gained = near_here.gained(found, at, others, about.thresholds)
    if gained is None:
        return found
    together = others.together if gained is Basis.PLATFORMS else ()
    return replace(found, basis=gained, together=together)


def _swap_speaks(found: Proven, thresholds: Thresholds) -> bool:
    """The swap was well while it was not, and that is no limit on how often a name is asked."""
    enough = found.swap.e_value >= thresholds.evidence
    return enough and not own_rate.proven_by_our_rate(found, Basis.SWAP)


def _better_measured(restriction: Proven, found: Score) -> Proven:
    """By how much it is slowed, once that can be compared with its own history: what was proven
    before that was known left out all that is honest, and is too little to look for the end by."""
    if restriction.usual or not found.usual or found.wins < SHOWN or found.slowdown is None:
        return restriction
    if restriction.factor is None or not isfinite(found.slowdown):
        return restriction
    return replace(restriction, usual=True, factor=exp(found.slowdown))


def _as_usual(found: Score, about: About) -> bool:
    """The target took what it normally takes, as far as that is known."""
    return found.slowdown is not None and found.slowdown <= about.thresholds.log_margin


def _whole(found: Score) -> bool:
    """No more of the target's segments were missing than of others', as far as that is known."""
    return found.gap_wins is None or found.gap_wins <= EACH * EACH / 2


def suspicion(mine: PlatformMemory, *, tested: bool) -> Suspicion:
    """What is thought of a target while nothing is proven; ``tested``: no burst is to follow."""
    episode = mine.suspected
    if episode is None:
        return Suspicion.PATH if mine.path_rounds else Suspicion.NONE
    if episode.one_edge and tested:
        return Suspicion.ONE_EDGE
    return Suspicion.UNDER_TEST
