"""What each platform has in a burst, before and after it is made. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import LegsConfig
from probe.measure.one_round.legs import Endpoint, declare_burst
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import LegRole
from probe.model.observation import DnsObservation, Leg, LegObservation, SkippedLeg


class BurstPart(Struct, frozen=True):
    """What one platform has in a burst: its ``own`` legs, and the ``controls`` that they and those
    of all other platforms are compared with."""

    planned: PlannedBurst
    own: tuple[Leg, ...]
    controls: tuple[Leg, ...]

    @property
    def legs(self) -> tuple[Leg, ...]:
        """All that the platform's test needs."""
        return (*self.own, *self.controls)


class BurstView(Struct, frozen=True, kw_only=True):
    """What was seen of one platform, and of the controls."""

    platform: str
    burst: Burst
    legs: tuple[LegObservation, ...]
    skipped: tuple[SkippedLeg, ...]
    dns: tuple[DnsObservation, ...]


def parts_of(
    planned: Sequence[PlannedBurst],
    targets: Callable[[PlannedBurst], Sequence[Endpoint]],
    controls: Sequence[Endpoint],
    drawn: Callable[[Sequence[Leg]], tuple[Leg, ...]],
    *,
    legs: LegsConfig,
) -> tuple[BurstPart, ...]:
    """One for each of ``planned``. ``drawn`` gives legs their names."""
    parts = []
    for one in planned:
        declared = declare_burst(targets(one), controls, one.burst, legs=legs)
        parts.append(
            BurstPart(
                one,
                drawn([leg for leg in declared if leg.role is not LegRole.CONTROL]),
                tuple(leg for leg in declared if leg.role is LegRole.CONTROL),
            )
        )
    return tuple(parts)


def paid(
    parts: Sequence[BurstPart], affords: Callable[[Sequence[Leg]], bool]
) -> tuple[BurstPart, ...]:
    """The first of ``parts`` that ``affords`` lets make together: each whole or not at all."""
    made: tuple[BurstPart, ...] = ()
    for part in parts:
        if part.legs and affords(legs_of((*made, part))):
            made = (*made, part)
    return made


def legs_of(parts: Sequence[BurstPart]) -> list[Leg]:
    """The legs of one burst: those of each platform, and the controls' once."""
    if not parts:
        return []
    return [*(leg for part in parts for leg in part.own), *parts[0].controls]


def views(
    parts: Sequence[BurstPart],
    made: Sequence[BurstPart],
    legs: Sequence[LegObservation],
    skipped: Sequence[SkippedLeg],
    lookups: Sequence[DnsObservation],
) -> tuple[BurstView, ...]:
    """What was seen, for each of ``parts``, of which ``made`` were made."""
    joint = tuple(part.planned.platform for part in made) if len(made) > 1 else ()
    bearer = made[0] if made else parts[0]
    return tuple(
        BurstView(
            platform=part.planned.platform,
            burst=replace(part.planned.burst, joint=joint if part in made else ()),
            legs=_legs_seen(part, legs, bears=part is bearer) if part in made else (),
            skipped=_legs_skipped(part, skipped, made=part in made),
            dns=_lookups_of(part, lookups, bears=part is bearer),
        )
        for part in parts
    )


def _legs_seen(
    part: BurstPart, made: Sequence[LegObservation], *, bears: bool
) -> tuple[LegObservation, ...]:
    """Those of ``made`` that say something of the platform. Unless it ``bears`` what the controls
    cost, their bytes stand elsewhere."""
    found = []
    for leg in made:
        if leg.leg.role is not LegRole.CONTROL:
            if leg.leg.owner == part.planned.platform:
                found.append(leg)
        elif bears:
            found.append(leg)
        else:
            found.append(replace(leg, wire_bytes_sent=None, wire_bytes_received=None))
    return tuple(found)


def _legs_skipped(
    part: BurstPart, skipped: Sequence[SkippedLeg], *, made: bool
) -> tuple[SkippedLeg, ...]:
    if not made:
        return tuple(SkippedLeg(leg=leg, reason="host_budget") for leg in part.legs)
    return tuple(
        one
        for one in skipped
        if one.leg.role is LegRole.CONTROL or one.leg.owner == part.planned.platform
    )


def _lookups_of(
    part: BurstPart, lookups: Sequence[DnsObservation], *, bears: bool
) -> tuple[DnsObservation, ...]:
    """The look-ups of the platform's names, and of the controls' if it ``bears`` their cost."""
    wanted = {leg.connect_to for leg in (part.legs if bears else part.own)}
    return tuple(one for one in lookups if one.name in wanted)
