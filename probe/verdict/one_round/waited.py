"""Whether what is silent, or stops, was waited for as long as is configured. Pure.

Legs are waited for by what controls take (``schedule/leg_patience.py``): on a fast line some
seconds. A server near here that is slow itself may take longer than that to answer, or pause for
longer in the midst of a body. Nothing distinguishes it from one that is cut off but waiting. So a
suspicion that rests on silences or stops asks for one burst that waits as long as is configured
before anybody is accused, on what others see, of what may be a slow server's doing. If something
comes late in that one, what was seen before was our own impatience, and is forgotten.
"""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.burst import Burst
from probe.model.observation import RoundObservation
from probe.model.verdict import Signature
from probe.observe.effort import SILENCES, Measure
from probe.verdict.about import About
from probe.verdict.basis.way_marks import WayMarks
from probe.verdict.burst.bets import EACH
from probe.verdict.burst.score import Score
from probe.verdict.ladder.shown import Shown
from probe.verdict.remembered.memory import OpenSuspicion, Proven

_FROM_OTHERS = frozenset({Basis.PLATFORMS, Basis.REFERENCE})
"""These accuse of what a slow server may do as well. A swap that is well meanwhile rules it out."""


def longest(measure: Measure, about: About) -> float:
    """As long as a leg that is compared in ``measure`` is waited for at most (seconds)."""
    return {
        Measure.HANDSHAKE: about.light_deadline,
        Measure.TRANSFER: about.transfer_deadline,
        Measure.LONG: about.long_deadline,
    }[measure]


def hasty(episode: OpenSuspicion) -> bool:
    """It rests on silences or stops that no burst has waited out yet."""
    return _rests_on_silence(episode) and not episode.outwaited


def as_patient(made: Burst, episode: OpenSuspicion, about: About) -> Burst:
    """``made``, the next burst of ``episode``: one that waits as long as is configured, if that is
    still to be done, or if something has come late in such a one."""
    if not (hasty(episode) or episode.late):
        return made
    return replace(made, deadline_seconds=longest(episode.measure, about))


def waited_out(
    before: OpenSuspicion,
    episode: OpenSuspicion,
    found: Score,
    observed: RoundObservation,
    about: About,
) -> OpenSuspicion:
    """``episode``, which ``before`` has become by one more burst that found ``found``."""
    burst = observed.burst
    if burst is None or burst.deadline_seconds < longest(episode.measure, about):
        return episode
    silent = sum(how in SILENCES for how in found.failures)
    stopped = found.marks is not None and found.marks.stopped
    if 2 * silent > EACH or found.signature is Signature.CUTOFF or stopped:
        return replace(episode, outwaited=True)
    if not hasty(before) or found.failures:
        return episode
    return replace(
        episode,
        late=True,
        failures=(),
        slow_legs=found.slow_legs,
        signatures=(found.signature,),
        way=WayMarks().after(found.marks),
        shown=episode.shown[-1:],
    )


def lesser(rests_on: Basis | None, episode: OpenSuspicion, here: Basis | None) -> Basis | None:
    """``rests_on``, or ``here`` where it would accuse of what was not waited for."""
    return here if rests_on in _FROM_OTHERS and hasty(episode) else rests_on


def marked(found: Proven, episode: OpenSuspicion) -> Proven:
    """``found``, which ``episode`` has proven, with what is known of its silences."""
    return replace(found, hasty=hasty(episode), late=episode.late)


def as_known(found: Proven, one: Shown | None) -> Shown | None:
    """``one``, what a round or burst showed of ``found``: no stop, if what stopped came later."""
    return replace(one, stopped=0) if one is not None and found.late else one


def _rests_on_silence(episode: OpenSuspicion) -> bool:
    silent = sum(how in SILENCES for how in episode.failures)
    if 2 * silent > len(episode.failures) + min(episode.slow_legs, len(episode.failures)):
        return True
    stops = sum(one is Signature.CUTOFF for one in episode.signatures)
    return 2 * stops > len(episode.signatures) or episode.way.by_stops_alone
