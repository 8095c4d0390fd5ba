"""One round: the legs of one platform from one vantage, serial, back to back, in random order."""

from __future__ import annotations

import asyncio
import random as random_module
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from urllib.parse import urlsplit

from probe.config.definition import Definition
from probe.config.schema import Config, VantageConfig
from probe.measure.discover import PAGE_BYTES, discover
from probe.measure.leg import measure_leg
from probe.measure.legs import (
    Endpoint,
    connect_name,
    deadline_seconds,
    declare,
    declare_burst,
    draw_burst_controls,
    draw_controls,
    round_cap,
)
from probe.measure.names import Names, Resolution, measure_names
from probe.measure.objects import after_leg, after_page, object_now, page_due
from probe.measure.page import Page, fetch_page
from probe.measure.quic_legs import QUIC, over_quic
from probe.measure.state import State
from probe.measure.trust import Trust
from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase, RoundKind
from probe.model.observation import (
    Clock,
    Leg,
    LegObservation,
    RoundObservation,
    SkippedLeg,
)
from probe.schedule.budget import is_exempt

# The wall clock is slewed by at most 500 ppm; what moves more during a round is a step.
STEP_SECONDS = 0.5
_PLATFORM_NAME = frozenset({LegRole.TARGET, LegRole.DECOY})
_OWN_OBJECT = frozenset({LegRole.TARGET, LegRole.CONTROL})


class Rounds:
    """Makes rounds as the configuration says. ``state`` outlives a reload of it."""

    def __init__(
        self, config: Config, trust: Trust, state: State, *, random: Random | None = None
    ) -> None:
        self._settings = config.settings
        self._trust = trust
        self._state = state
        self._random = random or random_module.SystemRandom()
        self._platforms = {definition.name: definition for definition in config.platforms}
        self._controls = config.controls
        self._vantages = {vantage.name: vantage for vantage in config.settings.vantages}
        self._targets = {
            (definition.name, target.name): target
            for definition in (*config.platforms, *config.controls)
            for target in definition.targets
        }

    async def measure(
        self, *, platform: str, vantage: str, kind: RoundKind, family: Family
    ) -> RoundObservation:
        """One round. Whatever the network does is in the observation."""
        via = self._vantages[vantage]
        began, offset, started_at = time.monotonic(), _clock_offset(), time.time()
        names = Names(self._settings, via, family, self._random)
        seconds = deadline_seconds(kind, self._settings.legs)
        legs, objectless = await self._declare(self._platforms[platform], via, kind, names)
        legs = (*legs, *self._over_quic(legs, via, self._endpoints(via, *self._controls)))
        resolutions = await names.resolve(leg.connect_to for leg in legs)
        dns = asyncio.ensure_future(
            measure_names(
                resolutions,
                settings=self._settings,
                via=via,
                family=family,
                trust=None if kind is RoundKind.LIGHT else self._trust,
            )
        )
        try:
            made, skipped = await self._make(legs, resolutions, via, seconds, family)
            answers = await dns
        finally:
            dns.cancel()
        return RoundObservation(
            id=f"{self._random.getrandbits(64):016x}",
            vantage=vantage,
            platform=platform,
            kind=kind,
            family=family,
            started_at=started_at,
            duration_seconds=time.monotonic() - began,
            legs=tuple(leg for leg in made if leg.leg.transport != QUIC),
            skipped=(*objectless, *skipped),
            dns=(*names.lookups, *answers),
            quic=tuple(leg for leg in made if leg.leg.transport == QUIC),
            clock_stepped=abs(_clock_offset() - offset) >= STEP_SECONDS,
            page_wire_bytes=names.page_wire_bytes,
        )

    async def burst(self, burst: Burst, *, platform: str, vantage: str) -> RoundObservation:
        """Many legs of one target and of controls, in one random order, as the verdict planned it.

        A burst is made whole or not at all: if a host's budget does not suffice, every leg is
        skipped. Names are resolved anew, unless the plan names the address.
        """
        via, family = self._vantages[vantage], burst.family
        began, offset, started_at = time.monotonic(), _clock_offset(), time.time()
        names = Names(self._settings, via, family, self._random)
        legs = self._burst_legs(burst, platform, via)
        resolutions = await names.resolve(leg.connect_to for leg in legs)
        if burst.address:
            pinned = {leg.connect_to for leg in legs if leg.role is not LegRole.CONTROL}
            resolutions |= {name: Resolution(address=burst.address) for name in pinned}
        made: tuple[LegObservation, ...] = ()
        skipped = tuple(SkippedLeg(leg=leg, reason="host_budget") for leg in legs)
        if self._affordable(legs, resolutions, via):
            made, skipped = await self._make(legs, resolutions, via, burst.deadline_seconds, family)
        return RoundObservation(
            id=f"{self._random.getrandbits(64):016x}",
            vantage=vantage,
            platform=platform,
            kind=RoundKind.BURST,
            family=family,
            started_at=started_at,
            duration_seconds=time.monotonic() - began,
            legs=made,
            skipped=skipped,
            dns=names.lookups,
            clock_stepped=abs(_clock_offset() - offset) >= STEP_SECONDS,
            burst=burst,
        )

    def unmade(self, burst: Burst, *, platform: str, vantage: str) -> RoundObservation:
        """The burst that the data budget refused: every leg of it is skipped."""
        legs = self._burst_legs(burst, platform, self._vantages[vantage])
        return RoundObservation(
            id=f"{self._random.getrandbits(64):016x}",
            vantage=vantage,
            platform=platform,
            kind=RoundKind.BURST,
            family=burst.family,
            started_at=time.time(),
            duration_seconds=0.0,
            legs=(),
            skipped=tuple(SkippedLeg(leg=leg, reason="data_budget") for leg in legs),
            burst=burst,
        )

    def _burst_legs(self, burst: Burst, platform: str, via: VantageConfig) -> tuple[Leg, ...]:
        targets = [
            endpoint
            for endpoint in self._endpoints(via, self._platforms[platform])
            if endpoint.target.name == burst.target
        ]
        controls = draw_burst_controls(
            self._endpoints(via, *self._controls), burst, random=self._random
        )
        return declare_burst(targets, controls, burst, legs=self._settings.legs)

    def _affordable(
        self, legs: Sequence[Leg], resolutions: Mapping[str, Resolution], via: VantageConfig
    ) -> bool:
        """Whether every host may be asked as often as the burst needs."""
        wanted = Counter(
            leg.connect_to for leg in legs if not is_exempt(resolutions[leg.connect_to].address)
        )
        now = time.monotonic()
        return all(
            self._state.budget.has(via.name, host, now, legs=count)
            for host, count in wanted.items()
        )

    async def visit(
        self, definition: Definition, *, vantage: str, family: Family
    ) -> tuple[tuple[LegObservation, ...], tuple[SkippedLeg, ...]]:
        """Ask every endpoint of one platform or control for what a transfer round asks, over QUIC
        too where that is set.

        This is how an operator finds out which URLs still give what we expect.
        """
        via, kind = self._vantages[vantage], RoundKind.TRANSFER
        names = Names(self._settings, via, family, self._random)
        endpoints = [
            await self._with_object(endpoint, via, names)
            for endpoint in self._endpoints(via, definition)
        ]
        legs, objectless = declare(
            endpoints, [], kind, legs=self._settings.legs, beacon=self._settings.beacon
        )
        legs = (*legs, *self._over_quic(legs, via, ()))
        resolutions = await names.resolve(leg.connect_to for leg in legs)
        seconds = deadline_seconds(kind, self._settings.legs)
        made, skipped = await self._make(legs, resolutions, via, seconds, family)
        return made, (*objectless, *skipped)

    async def _declare(
        self, platform: Definition, via: VantageConfig, kind: RoundKind, names: Names
    ) -> tuple[tuple[Leg, ...], tuple[SkippedLeg, ...]]:
        legs = self._settings.legs
        targets = self._endpoints(via, platform)
        controls = draw_controls(
            self._endpoints(via, *self._controls),
            self._settings.schedule.controls,
            read_bytes=round_cap(kind, legs),
            has_tokens=partial(self._has_tokens, via),
            random=self._random,
        )
        return declare(
            [await self._with_object(endpoint, via, names) for endpoint in targets],
            [await self._with_object(endpoint, via, names) for endpoint in controls],
            kind,
            legs=legs,
            beacon=self._settings.beacon,
        )

    def _over_quic(
        self, legs: Sequence[Leg], via: VantageConfig, controls: Sequence[Endpoint]
    ) -> tuple[Leg, ...]:
        """The legs that are made over QUIC as well; a proxy carries none."""
        if not self._settings.quic or via.proxy is not None:
            return ()
        speaks = {key for key, target in self._targets.items() if target.quic}
        return over_quic(
            legs,
            controls,
            speaks=speaks,
            settings=self._settings.legs,
            random=self._random,
        )

    def _endpoints(self, via: VantageConfig, *definitions: Definition) -> list[Endpoint]:
        now = time.monotonic()
        return [
            Endpoint(
                definition=definition,
                target=target,
                object=object_now(
                    target, self._state.memory(via.name, definition.name, target.name), now
                ),
            )
            for definition in definitions
            for target in definition.targets
        ]

    def _has_tokens(self, via: VantageConfig, endpoint: Endpoint) -> bool:
        if endpoint.object is None:
            return True
        host = connect_name(endpoint.target, endpoint.object.url)
        return self._state.budget.has(via.name, host, time.monotonic())

    async def _with_object(self, endpoint: Endpoint, via: VantageConfig, names: Names) -> Endpoint:
        """The endpoint with its object looked for, when its page is due."""
        owner, target = endpoint.definition.name, endpoint.target
        memory = self._state.memory(via.name, owner, target.name)
        if target.discover is None or not page_due(target, memory, time.monotonic()):
            return endpoint
        link = await discover(
            target.discover,
            partial(self._fetch, via, names),
            hosts=(*endpoint.definition.hosts, *target.discover.hosts),
        )
        now = time.monotonic()
        memory = after_page(memory, link if isinstance(link, str) else None, now)
        self._state.remember(via.name, owner, target.name, memory)
        return Endpoint(
            definition=endpoint.definition, target=target, object=object_now(target, memory, now)
        )

    async def _fetch(self, via: VantageConfig, names: Names, url: str) -> Page | Failure:
        host = urlsplit(url).hostname or ""
        resolution = (await names.resolve([host]))[host]
        if resolution.failure is not None:
            return resolution.failure
        if not self._may_ask(host, resolution, via):
            return Failure(
                phase=Phase.RESOLVE, reason="interrupted", detail="the host's budget is spent"
            )

        def count(size: int) -> None:
            names.page_wire_bytes += size

        return await fetch_page(
            url,
            address=resolution.address,
            via=via,
            trust=self._trust,
            deadline_seconds=float(self._settings.legs.transfer_deadline),
            max_bytes=PAGE_BYTES,
            count=count,
        )

    def _may_ask(self, host: str, resolution: Resolution, via: VantageConfig) -> bool:
        return is_exempt(resolution.address) or self._state.budget.take(
            via.name, host, time.monotonic()
        )

    async def _make(
        self,
        legs: Sequence[Leg],
        resolutions: Mapping[str, Resolution],
        via: VantageConfig,
        leg_seconds: float,
        family: Family,
    ) -> tuple[tuple[LegObservation, ...], tuple[SkippedLeg, ...]]:
        made: list[LegObservation] = []
        skipped: list[SkippedLeg] = []
        for leg in self._random.sample(legs, len(legs)):
            resolution = resolutions[leg.connect_to]
            if resolution.failure is not None:
                if family is Family.IPV6 and resolution.failure.reason == "dns_no_answer":
                    # Many hosts have no AAAA record; of those an IPv6 round has nothing to say.
                    skipped.append(SkippedLeg(leg=leg, reason="no_address"))
                else:
                    made.append(_unresolved(leg, resolution, len(made)))
            elif not self._may_ask(leg.connect_to, resolution, via):
                skipped.append(SkippedLeg(leg=leg, reason="host_budget"))
            else:
                made.append(await self._make_one(leg, resolution, via, leg_seconds, len(made)))
        return tuple(made), tuple(skipped)

    async def _make_one(
        self, leg: Leg, resolution: Resolution, via: VantageConfig, leg_seconds: float, order: int
    ) -> LegObservation:
        ledger, address = self._state.ledger, resolution.address
        seen = () if address is None else ledger.seen(via.name, address)
        if address is not None and leg.role in _PLATFORM_NAME:
            ledger.note(via.name, address, leg.owner)
        if leg.transport == QUIC and address is not None:
            # Only where it is wanted: aioquic costs memory and start-up time.
            from probe.measure.quic import measure_quic

            return await measure_quic(
                leg,
                address=address,
                via=via,
                trust=self._trust,
                deadline_seconds=leg_seconds,
                order=order,
                resolve_seconds=resolution.seconds,
                seen_names=seen,
            )
        observed = await measure_leg(
            leg,
            address=address,
            via=via,
            trust=self._trust,
            deadline_seconds=leg_seconds,
            order=order,
            resolve_seconds=resolution.seconds,
            seen_names=seen,
        )
        self._learn(observed, via)
        return observed

    def _learn(self, observed: LegObservation, via: VantageConfig) -> None:
        leg, now = observed.leg, time.monotonic()
        if observed.http is not None and observed.http.retry_after_seconds is not None:
            until = now + observed.http.retry_after_seconds
            self._state.budget.close(via.name, leg.connect_to, now, until)
        if leg.role in _OWN_OBJECT:
            target = self._targets[leg.owner, leg.target]
            memory = self._state.memory(via.name, leg.owner, leg.target)
            after = after_leg(target, memory, observed.failure, now)
            self._state.remember(via.name, leg.owner, leg.target, after)


def _unresolved(leg: Leg, resolution: Resolution, order: int) -> LegObservation:
    seconds = resolution.seconds or 0.0
    return LegObservation(
        leg=leg,
        order=order,
        started_at=time.time(),
        duration_seconds=seconds,
        clock=Clock.LOOP,
        phases={} if resolution.seconds is None else {Phase.RESOLVE: seconds},
        failure=resolution.failure,
    )


def _clock_offset() -> float:
    return time.time() - time.monotonic()
