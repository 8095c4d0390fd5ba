"""What bursts do to a suspicion and to a restriction, and when to ask for one.

Pure steps; ``decide.py`` puts them in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isfinite

from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.observation import RoundObservation
from probe.model.verdict import State
from probe.verdict import names
from probe.verdict.about import About
from probe.verdict.episode import after_burst, basis, proven
from probe.verdict.facts import Elsewhere, Suspicion, elsewhere
from probe.verdict.memory import Episode, PlatformMemory, Proven
from probe.verdict.normal import Levels
from probe.verdict.plan import episode_burst, recovery_burst
from probe.verdict.rank import Wealth
from probe.verdict.rounds import Compared, comparison_of, waits_for_long
from probe.verdict.score import Score

# A reference vantage that is out of order must not silence the others for ever.
AWAIT_ROUNDS = 4
# Rounds that read between two long recovery bursts, which cost megabytes.
LONG_WAIT = 2
# A restriction is not claimed any more once so many rounds have tested it and found the target as
# usual; one between them that showed it halves their number. On a line whose normal is badly known
# its end cannot be proven, nor can that it goes on; what proved it would show again while it did.
QUIET_ROUNDS = 8
# Pairs lost, of nine, that show it.
SHOWN = 8


def plan_after_round(
    mine: PlatformMemory,
    seen: Compared,
    levels: Levels,
    observed: RoundObservation,
    about: About,
) -> Burst | None:
    """The burst that an ordinary round asks for, if any."""
    if not about.may_burst or observed.clock_stepped:
        return None
    if mine.proven is not None:
        now = comparison_of(mine.proven, seen, observed)
        again = waits_for_long(mine.proven, observed) and mine.proven.waited >= LONG_WAIT
        if again or (now is not None and now.worst <= about.thresholds.log_margin):
            return recovery_burst(observed.platform, mine.proven, levels, about)
        return None
    if mine.episode is None or mine.episode.bursts:
        return None
    if (
        comparison_of(mine.episode, seen, observed) is None
        and mine.episode.last_at != observed.started_at
    ):
        return None
    return episode_burst(
        observed.platform, mine.episode, mine, levels, about, names.places(observed)
    )


def test(
    mine: PlatformMemory,
    found: Score,
    levels: Levels,
    observed: RoundObservation,
    about: About,
    together: Sequence[str],
) -> tuple[PlatformMemory, Burst | None]:
    """A burst of a suspicion: more evidence, a proof, or the end of it. ``together``: platforms of
    other operators that are slowed since the same time."""
    if mine.episode is None or not found.complete:
        return mine, None
    thresholds = about.thresholds
    episode = after_burst(mine.episode, observed, _own_slowness(found, thresholds.log_margin))
    evidence = max(episode.control.e_value, episode.swap.e_value)
    if evidence <= 1.0 and not episode.elsewhere:
        # Nothing is left of it but, perhaps, one address that is slow: chance, or over, or an edge.
        return replace(mine, episode=episode if episode.one_edge else None), None
    at = observed.started_at
    places = names.places(observed)
    known = len(mine.addresses.get(places.get(episode.target, ""), ()))
    rests_on = basis(episode, at, known, thresholds, together)
    if rests_on and not _awaits_reference(episode, rests_on, about):
        restriction = proven(episode, rests_on, at, together)
        return replace(mine, episode=None, proven=restriction), None
    mine = replace(mine, episode=episode)
    if episode.bursts >= thresholds.bursts_per_round or _enough(episode, thresholds.evidence):
        return mine, None
    return mine, episode_burst(observed.platform, episode, mine, levels, about, places)


def _own_slowness(found: Score, margin: float) -> Score:
    """A swap that is faster than usual does not make its target slow: while the target keeps to
    its own history, the burst is no evidence against the swap."""
    slowdown = found.slowdown
    if not found.usual or slowdown is None or slowdown > margin or found.swap_wins is None:
        return found
    return replace(found, swap_wins=0)


def _enough(episode: Episode, evidence: float) -> bool:
    """This round can add nothing: the evidence is there, and what is missing is another round."""
    if episode.one_edge:
        return True
    if episode.led_astray and not episode.elsewhere:
        return False
    strong = sum(w.e_value > 1.0 for w in episode.by_address.values())
    return episode.control.e_value >= evidence and strong >= 2


def _awaits_reference(episode: Episode, rests_on: str, about: About) -> bool:
    if rests_on in ("swap", "dns") or not about.has_references:
        return False
    news = [v for v in about.references if v.at >= episode.onset_at]
    if elsewhere(news) is not Elsewhere.NOBODY_LOOKED:
        return False
    return episode.rounds < AWAIT_ROUNDS


def recover(
    mine: PlatformMemory,
    restriction: Proven,
    found: Score,
    levels: Levels,
    observed: RoundObservation,
    about: About,
) -> tuple[PlatformMemory, Burst | None]:
    """A burst against "still slowed"."""
    if not found.complete:
        return mine, None
    restriction = _better_measured(restriction, found)
    wealth = restriction.recovery.after(found.recovered)
    tried = restriction.recovery_bursts + 1
    over = wealth.e_value <= 1.0 or tried >= about.thresholds.bursts_per_round
    if found.wins >= SHOWN:
        quiet = restriction.quiet // 2  # what goes on shows again and again, chance once
    else:
        quiet = restriction.quiet + (over and _as_usual(found, about))
    if wealth.e_value >= about.thresholds.recovery_evidence or quiet >= QUIET_ROUNDS:
        return replace(mine, proven=None, episode=None, state=State.UNKNOWN), None
    restriction = replace(
        restriction,
        recovery=Wealth() if wealth.e_value <= 1.0 else wealth,
        recovery_bursts=0 if over else tried,
        quiet=quiet,
        waited=0,
        seen_at=observed.started_at,
    )
    mine = replace(mine, proven=restriction)
    return mine, None if over else recovery_burst(observed.platform, restriction, levels, about)


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


def suspicion(
    mine: PlatformMemory, about: About, *, tested: bool, together: Sequence[str] = ()
) -> Suspicion:
    """What is thought of a target while nothing is proven; ``tested``: no burst is to follow."""
    episode = mine.episode
    if episode is None:
        return Suspicion.PATH if mine.path_rounds else Suspicion.NONE
    if episode.one_edge and tested:
        return Suspicion.ONE_EDGE
    known = len(episode.by_address)
    rests_on = basis(episode, episode.last_at, known, about.thresholds, together)
    if rests_on and _awaits_reference(episode, rests_on, about):
        return Suspicion.AWAITED
    return Suspicion.UNDER_TEST
