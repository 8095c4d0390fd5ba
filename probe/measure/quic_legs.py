"""Which legs of a round are made over QUIC as well. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random

from msgspec.structs import replace

from probe.config.schema import LegsConfig
from probe.measure.legs import Endpoint, declare
from probe.model.identity import Compares, LegRole, RoundKind
from probe.model.observation import Leg

QUIC = "quic"
_OWN = frozenset({LegRole.TARGET, LegRole.CONTROL})


def over_quic(
    legs: Sequence[Leg],
    controls: Sequence[Endpoint],
    *,
    speaks: Collection[tuple[str, str]],
    settings: LegsConfig,
    random: Random,
) -> tuple[Leg, ...]:
    """The targets and controls of ``legs`` that speak QUIC, as legs of their own.

    ``speaks`` are the owners and targets that do. A target is never alone: if no drawn control
    speaks QUIC, one of ``controls`` that does is added. Nothing when no target does.
    """
    chosen = [leg for leg in legs if leg.role in _OWN and (leg.owner, leg.target) in speaks]
    if not any(leg.role is LegRole.TARGET for leg in chosen):
        return ()
    if not any(leg.role is LegRole.CONTROL for leg in chosen):
        able = [
            control
            for control in controls
            if control.object is not None
            and (control.definition.name, control.target.name) in speaks
        ]
        if able:
            drawn = [random.choice(able)]
            chosen += declare((), drawn, RoundKind.LIGHT, legs=settings, beacon=None)[0]
    light = int(settings.light_bytes)
    return tuple(
        replace(
            leg,
            transport=QUIC,
            compares=Compares.HANDSHAKE,
            http_versions=("h3",),
            min_bytes=0,
            max_bytes=light,
            range_bytes=light,
        )
        for leg in chosen
    )
