"""Which legs of a round are made once more by another prober than TCP. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random

from msgspec.structs import replace

from probe.config.probers import Prober
from probe.config.schema import LegsConfig
from probe.measure.legs import Endpoint, declare
from probe.model.identity import LegRole, RoundKind
from probe.model.observation import Leg

_OWN = frozenset({LegRole.TARGET, LegRole.CONTROL})


def made_beside(
    prober: Prober,
    legs: Sequence[Leg],
    controls: Sequence[Endpoint],
    *,
    speaks: Collection[tuple[str, str]],
    settings: LegsConfig,
    random: Random,
) -> tuple[Leg, ...]:
    """The targets and controls of ``legs`` that ``prober`` can reach, as legs of its own.

    ``speaks`` are the owners and targets that it can. A target is never alone: if it can reach no
    drawn control, one of ``controls`` that it can is added. Nothing when there is no target.
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
    return tuple(replace(prober.leg(leg, light), prober=prober.name) for leg in chosen)
