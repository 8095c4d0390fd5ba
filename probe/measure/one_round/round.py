"""One round: the legs of one platform from one vantage, in turn, back to back, in random order."""

from __future__ import annotations

import asyncio
import random as random_module
import time
from collections.abc import Sequence
from functools import partial
from random import Random

from probe.config.amount import controls_asked
from probe.config.definition import Definition
from probe.config.probers import used
from probe.config.schema import Config, VantageConfig
from probe.measure.bursts.bursts import Bursts
from probe.measure.bursts.experiments import Experiments
from probe.measure.connection.both_clocks import ClockReading
from probe.measure.connection.lookout import Lookout
from probe.measure.names.drawn_names import one_any_answer
from probe.measure.names.round_names import Names, measure_names, resolver_works
from probe.measure.objects.objects_in_use import ObjectsInUse
from probe.measure.one_leg.beside import made_beside
from probe.measure.one_round.asker import Asker
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.far_ends import FarEnds
from probe.measure.one_round.fewer_legs import FewerLegs
from probe.measure.one_round.legs import (
    Endpoint,
    connect_name,
    deadline_seconds,
    declare,
    draw_controls,
    host_name,
    in_order,
    round_cap,
)
from probe.measure.tls.trust import Trust
from probe.model.identity import FIRST_PROBER, Family, LegRole, RoundKind
from probe.model.observation import (
    DnsObservation,
    Leg,
    LegObservation,
    RoundObservation,
    SkippedLeg,
)


class Rounds:
    """Makes rounds as the configuration says, ``bursts`` and ``experiments``. ``state`` outlives a
    reload, and so does the ``lookout`` of a process that makes several rounds at once."""

    def __init__(
        self,
        config: Config,
        trust: Trust,
        state: BetweenRounds,
        *,
        random: Random | None = None,
        lookout: Lookout | None = None,
    ) -> None:
        self._settings = config.settings
        self._trust = trust
        self._state = state
        self._random = random or random_module.SystemRandom()
        self._far_ends = FarEnds(config, self._random)
        self._asker = Asker(
            trust,
            state,
            targets=self._far_ends.targets,
            page_seconds=float(config.settings.legs.transfer_deadline),
            lookout=lookout,
        )
        self._endpoints = ObjectsInUse(
            state, self._asker, targets=self._far_ends.targets, random=self._random
        )
        self._fewer = FewerLegs(self._random)
        parts = (self._settings, self._far_ends, self._endpoints, self._asker, self._random)
        self.bursts = Bursts(*parts)
        self.experiments = Experiments(*parts)

    async def measure(
        self,
        *,
        platform: str,
        vantage: str,
        kind: RoundKind,
        family: Family,
        most_legs: int | None = None,
    ) -> RoundObservation:
        """One round, of ``most_legs`` at most. Whatever the network does is in the observation."""
        via, began = self._far_ends.vantages[vantage], ClockReading.now()
        names = Names(self._settings, via, family, self._random)
        seconds = deadline_seconds(kind, self._settings.legs)
        drawn = self._drawn_controls(via, family, kind)
        few = self._settings.schedule.controls
        legs, objectless = await self._declare(
            self._far_ends.platforms[platform], via, drawn[:few], kind, names
        )
        controls = self._endpoints.of(via, *self._far_ends.controls)
        legs = (*legs, *self._beside(legs, via, controls, kind))
        further, without = await self._further(via, drawn[few:], names)
        legs, objectless = (*legs, *further), (*objectless, *without)
        legs = self._far_ends.drawn(one_any_answer(legs, self._random))
        legs, left_out = self._fewer.of(vantage, legs, most_legs)
        resolutions = await names.resolve(leg.connect_to for leg in legs)
        neutral = {leg.connect_to for leg in legs if leg.role is LegRole.CONTROL}
        dns = asyncio.gather(
            measure_names(
                resolutions,
                settings=self._settings,
                via=via,
                family=family,
                trust=None if kind is RoundKind.LIGHT else self._trust,
                neutral=neutral,
            ),
            resolver_works(
                resolutions,
                settings=self._settings,
                via=via,
                family=family,
                neutral=neutral,
                random=self._random,
            ),
        )
        try:
            order = in_order(legs, self._random)
            made, skipped = await self._asker.legs(
                order, resolutions, via, seconds, family, sparing=True
            )
            self._state.heard(vantage, family, made)
            answers, works = await dns
        finally:
            dns.cancel()
            # Cancelled and never awaited it would complain, in the log of each stop amid a round.
            await asyncio.gather(dns, return_exceptions=True)
        return self._observation(
            began,
            platform=platform,
            vantage=vantage,
            kind=kind,
            family=family,
            made=made,
            skipped=(*objectless, *left_out, *skipped),
            names=names,
            answers=answers,
            resolver_works=works,
        )

    async def visit(
        self, definition: Definition, *, vantage: str, family: Family
    ) -> RoundObservation:
        """Ask every endpoint of one platform or control for what a transfer round asks, by every
        prober that is set.

        This is how an operator finds out which URLs still give what we expect.
        """
        via, kind, began = self._far_ends.vantages[vantage], RoundKind.TRANSFER, ClockReading.now()
        names = Names(self._settings, via, family, self._random)
        endpoints = [
            await self._endpoints.looked_for(endpoint, via, names)
            for endpoint in self._endpoints.of(via, definition)
        ]
        legs, objectless = declare(
            endpoints, [], kind, legs=self._settings.legs, beacon=self._settings.beacon
        )
        legs = self._far_ends.drawn((*legs, *self._beside(legs, via, (), kind)))
        resolutions = await names.resolve(leg.connect_to for leg in legs)
        seconds = deadline_seconds(kind, self._settings.legs)
        order = in_order(legs, self._random)
        made, skipped = await self._asker.legs(order, resolutions, via, seconds, family)
        return self._observation(
            began,
            platform=definition.name,
            vantage=vantage,
            kind=kind,
            family=family,
            made=made,
            skipped=(*objectless, *skipped),
            names=names,
        )

    def _observation(
        self,
        began: ClockReading,
        *,
        platform: str,
        vantage: str,
        kind: RoundKind,
        family: Family,
        made: Sequence[LegObservation],
        skipped: tuple[SkippedLeg, ...],
        names: Names,
        answers: Sequence[DnsObservation] = (),
        resolver_works: bool | None = None,
    ) -> RoundObservation:
        now = ClockReading.now()
        return RoundObservation(
            id=f"{self._random.getrandbits(64):016x}",
            vantage=vantage,
            platform=platform,
            kind=kind,
            family=family,
            started_at=began.wall,
            duration_seconds=began.seconds_to(now),
            legs=tuple(leg for leg in made if leg.leg.prober == FIRST_PROBER),
            skipped=skipped,
            dns=(*names.lookups, *answers),
            beside=tuple(leg for leg in made if leg.leg.prober != FIRST_PROBER),
            clock_stepped=began.stepped_until(now),
            page_wire_bytes=names.page_wire_bytes,
            resolver_works=resolver_works,
        )

    def _drawn_controls(
        self, via: VantageConfig, family: Family, kind: RoundKind
    ) -> tuple[Endpoint, ...]:
        """Of a round. When none answered in the one before it, more are asked: whether it is the
        line that is dead or cut off from most, they tell, not the few that were drawn."""
        silent = self._state.silent(via.name, family)
        return draw_controls(
            self._endpoints.of(via, *self._far_ends.controls),
            controls_asked(self._settings.schedule, silent=silent),
            read_bytes=round_cap(kind, self._settings.legs),
            has_tokens=partial(self._has_tokens, via),
            random=self._random,
        )

    async def _declare(
        self,
        platform: Definition,
        via: VantageConfig,
        controls: Sequence[Endpoint],
        kind: RoundKind,
        names: Names,
    ) -> tuple[tuple[Leg, ...], tuple[SkippedLeg, ...]]:
        targets = self._endpoints.of(via, platform)
        return declare(
            [await self._endpoints.looked_for(endpoint, via, names) for endpoint in targets],
            [await self._endpoints.looked_for(endpoint, via, names) for endpoint in controls],
            kind,
            legs=self._settings.legs,
            beacon=self._settings.beacon,
        )

    async def _further(
        self, via: VantageConfig, controls: Sequence[Endpoint], names: Names
    ) -> tuple[tuple[Leg, ...], tuple[SkippedLeg, ...]]:
        """Light legs to controls, over TCP alone."""
        found = [await self._endpoints.looked_for(endpoint, via, names) for endpoint in controls]
        return declare((), found, RoundKind.LIGHT, legs=self._settings.legs, beacon=None)

    def _beside(
        self, legs: Sequence[Leg], via: VantageConfig, controls: Sequence[Endpoint], kind: RoundKind
    ) -> tuple[Leg, ...]:
        """The legs that other probers make as well."""
        made: list[Leg] = []
        for prober in used(self._settings):
            if via.proxy is None or prober.through_proxy:
                made += made_beside(
                    prober,
                    legs,
                    controls,
                    kind,
                    speaks={
                        key for key, one in self._far_ends.targets.items() if prober.speaks(one)
                    },
                    settings=self._settings.legs,
                    random=self._random,
                )
        return tuple(made)

    def _has_tokens(self, via: VantageConfig, endpoint: Endpoint) -> bool:
        if endpoint.object is None:
            return True
        url = endpoint.object.url
        return self._state.budget.has(
            via.name,
            connect_name(endpoint.target, url),
            time.monotonic(),
            name=host_name(endpoint.target, url),
        )
