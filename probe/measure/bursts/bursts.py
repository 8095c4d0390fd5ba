"""Bursts: many legs of one target of each platform that is suspected, and of controls, in one
random order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from random import Random

from probe.config.schema import Settings, VantageConfig
from probe.measure.bursts.burst_parts import BurstPart, legs_of, paid, parts_of, views
from probe.measure.bursts.joint_burst import as_one, joined, operators_abroad
from probe.measure.connection.both_clocks import ClockReading
from probe.measure.names.round_names import Names, Resolution
from probe.measure.objects.objects_in_use import ObjectsInUse
from probe.measure.one_round.asker import Asker
from probe.measure.one_round.far_ends import FarEnds
from probe.measure.one_round.legs import (
    Endpoint,
    burst_deadline_seconds,
    burst_reads,
    draw_burst_controls,
)
from probe.model.burst import PlannedBurst
from probe.model.identity import FIRST_PROBER, RoundKind
from probe.model.observation import (
    LegObservation,
    RoundObservation,
    SkippedLeg,
)


class Bursts:
    """Makes bursts as the verdict planned them."""

    def __init__(
        self,
        settings: Settings,
        far_ends: FarEnds,
        endpoints: ObjectsInUse,
        asker: Asker,
        random: Random,
    ) -> None:
        self._settings = settings
        self._far_ends = far_ends
        self._endpoints = endpoints
        self._asker = asker
        self._random = random

    def joined(self, planned: Sequence[PlannedBurst], *, vantage: str) -> tuple[PlannedBurst, ...]:
        """The first of ``planned``, and those of the others that can be made with it in one."""
        via = self._far_ends.vantages[vantage]
        abroad = operators_abroad(self._far_ends.controls)
        return joined(planned, partial(self._reads, via), abroad)

    async def made(
        self, planned: Sequence[PlannedBurst], *, vantage: str
    ) -> tuple[RoundObservation, ...]:
        """What the burst of all ``planned`` saw, for each of them.

        The part of a platform is made whole or not at all: if a host's budget does not suffice,
        every leg of it is skipped, and the others are made. Names are resolved anew, unless a plan
        names the address.
        """
        via, began = self._far_ends.vantages[vantage], ClockReading.now()
        planned = as_one(planned)
        burst = planned[0].burst
        names = Names(self._settings, via, burst.family, self._random)
        parts = self._parts(planned, via)
        resolutions = await names.resolve(leg.connect_to for part in parts for leg in part.legs)
        pinned = {
            one.platform: Resolution(address=one.burst.address)
            for one in planned
            if one.burst.address
        }
        made = paid(
            parts,
            lambda legs: self._asker.affords(legs, resolutions, via, pinned=pinned),
        )
        order = legs_of(made)
        seen: tuple[LegObservation, ...] = ()
        skipped: tuple[SkippedLeg, ...] = ()
        if order:
            seen, skipped = await self._asker.legs(
                self._random.sample(order, len(order)),
                resolutions,
                via,
                burst_deadline_seconds(burst, self._settings.legs),
                burst.family,
                planned_seconds=burst.deadline_seconds,
                pinned=pinned,
            )
        now = ClockReading.now()
        return tuple(
            RoundObservation(
                id=f"{self._random.getrandbits(64):016x}",
                vantage=vantage,
                platform=view.platform,
                kind=RoundKind.BURST,
                family=burst.family,
                started_at=began.wall,
                duration_seconds=began.seconds_to(now),
                legs=view.legs if burst.prober == FIRST_PROBER else (),
                skipped=view.skipped,
                dns=view.dns,
                beside=() if burst.prober == FIRST_PROBER else view.legs,
                clock_stepped=began.stepped_until(now),
                burst=view.burst,
            )
            for view in views(parts, made, seen, skipped, names.lookups)
        )

    def unmade(self, planned: PlannedBurst, *, vantage: str) -> RoundObservation:
        """The burst that the data budget refused: every leg of it is skipped."""
        (part,) = self._parts([planned], self._far_ends.vantages[vantage])
        return RoundObservation(
            id=f"{self._random.getrandbits(64):016x}",
            vantage=vantage,
            platform=planned.platform,
            kind=RoundKind.BURST,
            family=planned.burst.family,
            started_at=time.time(),
            duration_seconds=0.0,
            legs=(),
            skipped=tuple(SkippedLeg(leg=leg, reason="data_budget") for leg in part.legs),
            burst=planned.burst,
        )

    def _target(self, via: VantageConfig, planned: PlannedBurst) -> list[Endpoint]:
        platform = self._far_ends.platforms[planned.platform]
        return [
            endpoint
            for endpoint in self._endpoints.of(via, platform)
            if endpoint.target.name == planned.burst.target
        ]

    def _reads(self, via: VantageConfig, planned: PlannedBurst) -> int:
        return burst_reads(self._target(via, planned), planned.burst)

    def _parts(self, planned: Sequence[PlannedBurst], via: VantageConfig) -> tuple[BurstPart, ...]:
        """One for each of ``planned``, which are compared with the same control legs."""
        controls = draw_burst_controls(
            self._endpoints.of(via, *self._far_ends.controls),
            planned[0].burst,
            random=self._random,
        )
        return parts_of(
            planned,
            partial(self._target, via),
            controls,
            self._far_ends.drawn,
            legs=self._settings.legs,
        )
