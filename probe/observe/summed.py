"""From a round to its summary."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from probe.model.identity import LegRole, RoundKind
from probe.model.observation import LegObservation, RoundObservation
from probe.model.round_summary import (
    PlottedSeries,
    RoundSummary,
    RoundTraits,
    SummedRound,
    TransportSummary,
)
from probe.model.stored import StoredRound
from probe.observe.goodput import goodput, handshake_seconds

_MEASURES = ("goodput", "handshake")


def summary_of(stored: StoredRound) -> RoundSummary:
    """What a report needs of ``stored``. What it counts and how is part of what is kept
    (``SUMMARY_FORM``)."""
    observed, verdict = stored.observed, stored.verdict
    # How fast reads of an experiment are follows from what it tries.
    tells = observed.kind is not RoundKind.EXPERIMENT
    legs = [leg for leg in observed.legs if tells and leg.leg.role is not LegRole.DECOY]
    # Also those that failed: whether a leg has a number differs from round to round.
    of = sorted({_of(leg) for leg in legs})
    place = {key: 2 * number for number, key in enumerate(of)}
    traits = RoundTraits(
        vantage=observed.vantage,
        platform=observed.platform,
        kind=observed.kind,
        series=tuple(
            PlottedSeries(role=role, target=target, measure=measure)
            for role, target in of
            for measure in _MEASURES
        ),
        rules_version=verdict.rules_version,
        tls_stack=verdict.tls_stack,
        state=verdict.state,
        provisional=verdict.provisional,
        method=verdict.method,
        trigger=verdict.trigger,
        signature=verdict.signature,
        phase=verdict.phase,
        target=verdict.target,
    )
    return RoundSummary(
        traits=traits,
        started_at=observed.started_at,
        at=verdict.at,
        since=verdict.since,
        holds_seconds=verdict.holds_seconds,
        tested_bytes=verdict.tested_bytes,
        legs=len(observed.counted_legs),
        swaps=len(observed.by_role(LegRole.SWAP)),
        wire_bytes=sum(
            (leg.wire_bytes_sent or 0) + (leg.wire_bytes_received or 0)
            for leg in observed.every_leg
        ),
        factor=verdict.factor,
        e_value=verdict.e_value,
        numbers=tuple(
            (place[_of(leg)] + measure, value)
            for leg in legs
            for measure, value in enumerate(_values(observed, leg))
            if value
        ),
        controls=tuple(sorted({leg.leg.owner for leg in observed.by_role(LegRole.CONTROL)})),
        may_claim=verdict.may_claim,
        may_not_claim=verdict.may_not_claim,
        back=verdict.back,
        curtains=verdict.curtains,
        over=tuple(
            TransportSummary(
                transport=one.transport,
                state=one.state,
                at=one.at,
                since=one.since,
                holds_until=one.holds_until,
            )
            for one in verdict.over
            if one.of_its_own
        ),
        law=verdict.law,
    )


def summed(rounds: Iterable[StoredRound]) -> Iterable[SummedRound]:
    """Rounds with their summaries."""
    for stored in rounds:
        yield SummedRound(summary_of(stored), partial(_observed, stored))


def _observed(stored: StoredRound) -> RoundObservation:
    return stored.observed


def _of(leg: LegObservation) -> tuple[LegRole, str]:
    """All controls are one series."""
    role = leg.leg.role
    return role, "" if role is LegRole.CONTROL else leg.leg.target


def _values(observed: RoundObservation, leg: LegObservation) -> tuple[float | None, float | None]:
    """Goodput and handshake time, as far as it has them."""
    # The first bytes of a light round tell about the round trip, not about the rate.
    rate = None if observed.kind is RoundKind.LIGHT else goodput(leg)
    return rate, handshake_seconds(leg)
