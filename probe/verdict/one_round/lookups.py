"""What the look-ups of a round say about what is remembered: pure steps, as in ``rounds.py``.

The judgement itself is ``forged_answer.py``'s.
"""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import LegRole, Phase
from probe.model.observation import RoundObservation
from probe.verdict.basis import forged_answer
from probe.verdict.basis.forged_answer import KnownPlaces
from probe.verdict.one_round import where_names_lead
from probe.verdict.remembered.apart import Led
from probe.verdict.remembered.memory import MOST_ADDRESSES, PlatformMemory

UNSTEADY_SECONDS = 86_400.0
"""So long a resolver that failed and was well in one and the same round is taken for one that fails
now and then: a forwarder in trouble keeps no hours. What it says of a name (that there is none, an
address) still counts."""


def leads(mine: PlatformMemory, observed: RoundObservation) -> dict[str, Led]:
    """What the look-up of each target was, as far as there is something to say. ``mine``: after the
    round was noted."""
    return forged_answer.leads(observed, _known(mine, observed.started_at))


def noted(mine: PlatformMemory, observed: RoundObservation) -> PlatformMemory:
    """``mine``, knowing when the host's resolver failed a look-up last and was well on the wire in
    the same round."""
    at, before = observed.started_at, mine.unsteady_at
    unresolved = [
        leg.leg.target
        for leg in observed.by_role(LegRole.TARGET)
        if leg.failure is not None and leg.failure.phase is Phase.RESOLVE
    ]
    known = _known(mine)
    failed = any(forged_answer.exonerated(observed, target, known) for target in unresolved)
    # A clock that was set back leaves no end in the future.
    return replace(mine, unsteady_at=at if failed else min(before, at))


def _known(mine: PlatformMemory, at: float = 0.0) -> KnownPlaces:
    well_at = map(where_names_lead.network_of, () if mine.holder is None else mine.holder.well_at)
    return KnownPlaces(
        addresses=mine.addresses,
        encrypted=mine.encrypted,
        reached=frozenset((*mine.reached, *well_at)),
        unsteady=mine.unsteady_at > 0.0 and at - mine.unsteady_at <= UNSTEADY_SECONDS,
    )


def exonerating(mine: PlatformMemory, observed: RoundObservation) -> PlatformMemory:
    """``mine`` without what rests on answers of a resolver that gave a good one in this round, on
    the wire; and knowing whether it is still the home alone that leads astray. After the round was
    noted."""
    episode, proven, known = mine.episode, mine.proven, _known(mine)
    if (
        episode is not None
        and episode.led_astray
        and episode.family is observed.family
        and forged_answer.exonerated(observed, episode.target, known)
    ):
        episode = None
    if proven is not None and proven.basis is Basis.DNS and proven.family is observed.family:
        if forged_answer.exonerated(observed, proven.target, known):
            proven = None
        elif proven.at_home and is_astray(mine, observed, proven.target):
            proven = replace(proven, at_home=forged_answer.at_home(observed, proven.target))
    return replace(mine, episode=episode, proven=proven)


def is_astray(mine: PlatformMemory, observed: RoundObservation, target: str) -> bool:
    """Whether somebody led the host astray about ``target``."""
    return leads(mine, observed).get(target) is Led.ASTRAY


def own_words(before: tuple[str, ...], observed: RoundObservation, target: str) -> tuple[str, ...]:
    """``before``, and what the host's own resolver gave on the wire in this round."""
    words = (*before, *forged_answer.own_words(observed, target))
    return tuple(dict.fromkeys(words))[-MOST_ADDRESSES:]
