"""Experiments: reads of one target that find how a throttle works which is proven already.

Nothing is compared, so there is no control and no random order. Every leg is paid out of its host's
budget, and leaves to it what bursts need.
"""

from __future__ import annotations

import asyncio
from random import Random

from probe.config.schema import Settings
from probe.measure.connection.both_clocks import ClockReading
from probe.measure.names.round_names import Names, Resolution
from probe.measure.objects.objects_in_use import ObjectsInUse
from probe.measure.one_round.asker import Asker
from probe.measure.one_round.far_ends import FarEnds
from probe.measure.one_round.legs import declare_experiment
from probe.model.burst import PlannedBurst
from probe.model.identity import FIRST_PROBER, RoundKind
from probe.model.law import Experiment
from probe.model.observation import Leg, LegObservation, RoundObservation, SkippedLeg
from probe.schedule.host_budget import SPARED

# Beyond what an experiment's read may take: its handshake.
HANDSHAKE_SECONDS = 10.0


class Experiments:
    """Makes experiments as the verdict planned them."""

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

    async def made(self, planned: PlannedBurst, *, vantage: str) -> RoundObservation:
        """What the experiment of ``planned`` saw; it is made whole or not at all."""
        via, began = self._far_ends.vantages[vantage], ClockReading.now()
        burst = planned.burst
        assert burst.experiment is not None
        names = Names(self._settings, via, burst.family, self._random)
        legs = self._declared(planned, vantage, burst.experiment)
        resolutions = await names.resolve(leg.connect_to for leg in legs)
        pinned = {planned.platform: Resolution(address=burst.address)} if burst.address else {}
        seen: tuple[LegObservation, ...] = ()
        skipped = tuple(SkippedLeg(leg=leg, reason="host_budget") for leg in legs)
        if legs and self._asker.affords(legs, resolutions, via, pinned=pinned, spare=SPARED):
            experiment, skipped = burst.experiment, ()
            most = experiment.wait_seconds + experiment.deadline_seconds + HANDSHAKE_SECONDS
            for part in _parts(legs, experiment):
                if seen and experiment.pause_seconds:
                    await asyncio.sleep(experiment.pause_seconds)
                made, missing = await self._asker.legs(
                    part,
                    resolutions,
                    via,
                    most,
                    burst.family,
                    planned_seconds=experiment.deadline_seconds,
                    pinned=pinned,
                    at_once=experiment.at_once,
                )
                seen, skipped = (*seen, *made), (*skipped, *missing)
        now, first = ClockReading.now(), burst.prober == FIRST_PROBER
        return RoundObservation(
            id=f"{self._random.getrandbits(64):016x}",
            vantage=vantage,
            platform=planned.platform,
            kind=RoundKind.EXPERIMENT,
            family=burst.family,
            started_at=began.wall,
            duration_seconds=began.seconds_to(now),
            legs=seen if first else (),
            beside=() if first else seen,
            skipped=skipped,
            dns=tuple(names.lookups),
            clock_stepped=began.stepped_until(now),
            burst=burst,
        )

    def _declared(
        self, planned: PlannedBurst, vantage: str, experiment: Experiment
    ) -> tuple[Leg, ...]:
        via = self._far_ends.vantages[vantage]
        for endpoint in self._endpoints.of(via, self._far_ends.platforms[planned.platform]):
            if endpoint.target.name == planned.burst.target:
                return declare_experiment(
                    endpoint,
                    experiment,
                    legs=self._settings.legs,
                    prober=planned.burst.prober,
                )
        return ()


def _parts(legs: tuple[Leg, ...], experiment: Experiment) -> tuple[tuple[Leg, ...], ...]:
    """What is made without a pause between."""
    return (legs[:-1], legs[-1:]) if experiment.pause_seconds else (legs,)
