"""Rounds whose certificates are wrong in their dates alone."""

from __future__ import annotations

from msgspec.structs import replace

from probe.config import load
from probe.model.failure import Failure
from probe.model.identity import Dates, LegRole, Phase, RoundKind
from probe.model.observation import LegObservation, RoundObservation, TlsFacts
from synth.edges import CALM
from synth.lines import FIBRE
from synth.rounds import Rounds
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
DAY = 86_400.0
X = next(p for p in CONFIG.platforms if p.name == "x")


def wrong(leg: LegObservation, dates: Dates, at: float) -> LegObservation:
    return replace(
        leg,
        failure=Failure(phase=Phase.TLS, reason="ssl_invalid_certificate"),
        tls=TlsFacts(verify_error="certificate has expired", dates=dates, dates_at=at),
        http=None,
        body_bytes=None,
        curve=(),
    )


def a_round(
    dates: Dates,
    at: float,
    *,
    off: float | None = None,
    roles: tuple[LegRole, ...] = (LegRole.TARGET,),
) -> RoundObservation:
    """A round whose legs of ``roles`` met such dates; the controls' clocks are ``off`` seconds
    ahead."""
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN)
    observed = Rounds(CONFIG, world).measure("x", RoundKind.TRANSFER, BEGIN)[0]
    legs = []
    for leg in observed.legs:
        if leg.leg.role in roles:
            leg = wrong(leg, dates, at)
        elif off is not None and leg.http is not None:
            leg = replace(leg, http=replace(leg.http, date=leg.started_at + off))
        legs.append(leg)
    return replace(observed, legs=tuple(legs))
