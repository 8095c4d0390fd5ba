"""Which legs of a round are made once more by another prober than TCP. Pure.

They cost what legs over TCP cost, and the same hosts pay: a share of the light rounds has them
(``Prober.light_share``), of one target; a share of the rounds that read reads over it as well
(``read_share``). A long round has none, but one upload as long as it reads.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random

from msgspec.structs import replace

from probe.config.probers import Prober
from probe.config.schema import LegsConfig
from probe.measure.one_round.legs import Endpoint, declare, round_cap
from probe.model.identity import Compares, LegRole, RoundKind
from probe.model.observation import Leg


def made_beside(
    prober: Prober,
    legs: Sequence[Leg],
    controls: Sequence[Endpoint],
    kind: RoundKind,
    *,
    speaks: Collection[tuple[str, str]],
    settings: LegsConfig,
    random: Random,
) -> tuple[Leg, ...]:
    """The targets, swaps and controls of ``legs`` that ``prober`` can reach, as legs of its own.

    ``speaks`` are the owners and targets that it can. A target is never alone: if it can reach no
    drawn control, one of ``controls`` that it can is added. Nothing when there is no target.
    """
    share = _share(prober, kind)
    if not share or (share < 1.0 and random.random() >= share):
        return ()
    light = int(settings.light_bytes)
    able = [leg for leg in legs if (leg.owner, leg.target) in speaks]
    own = [leg for leg in able if _of_platform(prober, leg)]
    targets = sorted({leg.target for leg in own if leg.role is LegRole.TARGET})
    if not targets:
        return ()
    if kind is not RoundKind.TRANSFER:
        targets = [random.choice(targets)]
    own = [leg for leg in own if leg.target in targets]
    chosen = [leg for leg in able if leg.role is LegRole.CONTROL]
    if not chosen:
        chosen = _another(controls, speaks, settings, random)
    if prober.direction == "up":
        size = round_cap(kind, settings)
        bodies = (replace(leg, max_bytes=size) for leg in (*own, *chosen))
        return tuple(replace(prober.leg(leg, light), prober=prober.name) for leg in bodies)
    reads = not prober.only_reads and random.random() < prober.read_share
    size = _to_read(own) if reads else 0
    chosen = [_reading(leg, size, controls, light) for leg in chosen]
    compared = not chosen or any(leg.compares is Compares.GOODPUT for leg in chosen)
    if not (size and compared):
        own = [_light(leg, light) for leg in own]
    return tuple(replace(prober.leg(leg, light), prober=prober.name) for leg in (*own, *chosen))


def _share(prober: Prober, kind: RoundKind) -> float:
    """Of the rounds of a kind, those in which ``prober`` makes legs."""
    match kind:
        case RoundKind.LIGHT:
            return prober.light_share
        case RoundKind.LONG:
            return 1.0 if prober.direction == "up" else 0.0
        case _:
            return prober.read_share if prober.only_reads else 1.0


def _of_platform(prober: Prober, leg: Leg) -> bool:
    """It is a target's, or a swap's that ``prober`` makes."""
    return leg.role is LegRole.TARGET or (leg.role is LegRole.SWAP and prober.swaps(leg))


def _another(
    controls: Sequence[Endpoint],
    speaks: Collection[tuple[str, str]],
    settings: LegsConfig,
    random: Random,
) -> list[Leg]:
    """A control that is none of the round's."""
    able = [
        control
        for control in controls
        if control.object is not None and (control.definition.name, control.target.name) in speaks
    ]
    if not able:
        return []
    drawn = [random.choice(able)]
    return list(declare((), drawn, RoundKind.LIGHT, legs=settings, beacon=None)[0])


def _light(leg: Leg, light: int) -> Leg:
    """It reads nothing that is compared."""
    if leg.compares is not Compares.GOODPUT:
        return leg
    return replace(
        leg, compares=Compares.HANDSHAKE, min_bytes=0, max_bytes=light, range_bytes=light
    )


def _to_read(legs: Sequence[Leg]) -> int:
    """So much is read of all that are compared; 0: nothing is."""
    return min((leg.max_bytes for leg in legs if leg.compares is Compares.GOODPUT), default=0)


def _reading(leg: Leg, size: int, controls: Sequence[Endpoint], light: int) -> Leg:
    """A control's leg that reads so much, if its object has it."""
    readable = {
        (one.definition.name, one.target.name): one.readable_bytes
        for one in controls
        if one.object is not None
    }
    if not size or readable.get((leg.owner, leg.target), 0) < size:
        return _light(leg, light)
    return replace(leg, compares=Compares.GOODPUT, min_bytes=size, max_bytes=size, range_bytes=size)
