"""Rounds to store: like real ones, with numbers of their own."""

from __future__ import annotations

import random

from msgspec.structs import replace

from probe.model.identity import RoundKind
from probe.model.observation import RoundObservation, Sample
from probe.model.stored import StoredRound
from probe.model.verdict import State, Verdict
from synth.shape import config, full_round, verdict_of

CONFIG = config()
START = 1_700_000_000.0


def stored(
    number: int = 0,
    *,
    at: float | None = None,
    platform: str = "x",
    vantage: str = "default",
    kind: RoundKind = RoundKind.LIGHT,
    state: State = State.OK,
    reason: str = "",
) -> StoredRound:
    """The round of that number: every duration is drawn from it."""
    draw = random.Random(number)
    begun = START + 300.0 * number if at is None else at
    controls = ("jquery", "domestic")
    plain = full_round(CONFIG, platform, vantage=vantage, kind=kind, controls=controls)
    observed = replace(
        plain,
        id=f"{number:032x}",
        started_at=begun,
        legs=tuple(
            replace(
                leg,
                started_at=begun + leg.order,
                phases={p: s * draw.lognormvariate(0, 0.3) for p, s in leg.phases.items()},
                curve=()
                if kind is RoundKind.LIGHT
                else tuple(Sample(draw.random(), 1_400 * n) for n in range(45)),
            )
            for leg in plain.legs
        ),
        dns=tuple(replace(dns, seconds=draw.random()) for dns in plain.dns),
    )
    return StoredRound(observed=observed, verdict=said(observed, state, reason))


def said(observed: RoundObservation, state: State, reason: str = "") -> Verdict:
    """A verdict given when the round ended."""
    at = observed.started_at + observed.duration_seconds
    return replace(verdict_of(observed, state, reason=reason), at=at, since=observed.started_at)
