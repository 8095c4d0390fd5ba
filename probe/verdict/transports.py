"""What is so over each transport, and of what is sent, joined into what people meet. Pure.

The state of a platform is that of what comes down over TCP. Each other transport that is judged,
and what goes up, adds a finding of its own (``TransportFinding``), and the sentence says of it what
people would want to know: that it is proven to be slow or failing, that it is under test, or that
it is spared while TCP is not; and what their programs do then.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.model.verdict import (
    AILING,
    Method,
    State,
    TransportFinding,
    Verdict,
)
from probe.observe.effort import gave
from probe.verdict.about import Lane

SILENT_FOR_ALL = "silent_for_all"
"""The reason where nobody at all answers over a transport: that is the line's."""
_LAYERS = frozenset({Method.TCP, Method.TLS, Method.HTTP})


def finding_of(lane: Lane, verdict: Verdict, seen: RoundObservation) -> TransportFinding:
    """``verdict``, which was given over ``lane`` after the round ``seen`` of its legs, as a
    finding."""
    silent = verdict.state is State.OFFLINE
    return TransportFinding(
        transport=lane.prober,
        state=verdict.state,
        rule_id=verdict.rule_id,
        sentence=_nobody(verdict, seen) if silent else verdict.sentence,
        at=verdict.at,
        since=verdict.since,
        reason=SILENT_FOR_ALL if silent else verdict.reason,
        provisional=verdict.provisional,
        basis=verdict.basis,
        method=_method(lane, verdict.method),
        trigger=verdict.trigger,
        signature=verdict.signature,
        phase=verdict.phase,
        factor=verdict.factor,
        e_value=verdict.e_value,
        target=verdict.target,
        measure=verdict.measure,
        evidence=verdict.evidence,
        holds_seconds=verdict.holds_seconds,
        direction=lane.direction,
        law=verdict.law,
        vouches=verdict.vouches,
        learnt_while=verdict.learnt_while,
    )


def _method(lane: Lane, found: Method | None) -> Method | None:
    """The layer of what fails: over another transport than TCP that is the transport."""
    return Method.QUIC if lane.direction == "down" and found in _LAYERS else found


def _nobody(verdict: Verdict, seen: RoundObservation) -> str:
    """The sentence for a transport over which hardly anybody answers."""
    controls = seen.by_role(LegRole.CONTROL)
    silent = sum(not gave(leg) for leg in controls)
    title = verdict.sentence.partition(":")[0]
    return (
        f"{title}: no answer, and none from {silent} of {len(controls)} other sites that were "
        "asked so: that is this line's own, and no matter of the platform."
    )


def joined(verdict: Verdict, findings: Iterable[TransportFinding]) -> Verdict:
    """``verdict``, which is TCP's, with what is so over other transports."""
    found = tuple(findings)
    told = [words for one in found if (words := _told(verdict, one))]
    return replace(verdict, over=found, sentence=" ".join((verdict.sentence, *told)))


def _told(verdict: Verdict, one: TransportFinding) -> str:
    """What the platform's sentence says of a finding; empty: nothing that people would miss."""
    if not one.of_its_own:
        return ""
    if one.state is State.WITHHELD:
        return one.sentence  # it was answered, so no program tries anything else
    if one.state in AILING:
        return f"{one.sentence} {_fallback(verdict) if one.direction == 'down' else _down(verdict)}"
    if one.provisional and one.state is State.UNKNOWN:
        return one.sentence
    # Whoever is led astray gets no further over any transport.
    spared = one.state is State.OK and verdict.proven and verdict.method is not Method.DNS
    if spared and one.direction == "up":
        # Slowed requests carry hardly anything: only what is sent at length says so.
        return f"{one.sentence} What is slowed or fails is what comes down."
    return f"{one.sentence} Whoever uses that is spared." if spared else ""


def _down(verdict: Verdict) -> str:
    """How what comes down is, beside uploads that are slow or fail."""
    if verdict.state is State.OK:
        return "What comes down from it is not: nothing was found wrong there."
    if verdict.state in AILING:
        return "What comes down from it is told of by itself, by evidence of its own."
    return "Of what comes down from it nothing is proven now."


def _fallback(verdict: Verdict) -> str:
    """What programs do where another transport fails, and what they meet then."""
    if verdict.state is State.OK:
        return "Browsers and apps fall back to TCP, over which nothing was found wrong."
    if verdict.state in AILING:
        return "Browsers and apps fall back to TCP, and meet what is said of it here."
    return "Browsers and apps fall back to TCP, of which nothing is proven now."
