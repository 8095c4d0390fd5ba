"""Rounds of the real measuring room over far ends of the world of numbers, in virtual time.

What a leg, a look-up and a page meet comes from ``synth``; who makes them, in which order, in whose
turn on the line, for how long each is waited for and what a host's budget allows is the product's
own. A leg takes as long in virtual time as it says. To be used by programs only, which import
``benchmarks.virtual_time`` first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from benchmarks.virtual_time import CLOCK
from lab.world.content import PAGES
from probe.config.definition import Discovery
from probe.config.schema import VantageConfig
from probe.measure.http import page
from probe.measure.names import round_names
from probe.measure.names.round_names import Resolution
from probe.measure.objects import discover
from probe.measure.one_leg.pulse import NANOSECONDS, Pulse, Signs
from probe.measure.one_round import asker
from probe.measure.one_round import round as round_module
from probe.measure.one_round.leg_waits import LegWaits
from probe.model.failure import Failure
from probe.model.identity import Compares, Family, LegRole, Phase
from probe.model.observation import DnsObservation, Leg, LegObservation
from probe.schedule.leg_patience import LegPatience
from synth.exchange import TIMEOUT
from synth.world import World

PHASES = (Phase.CONNECT, Phase.TLS, Phase.REDIRECT, Phase.PROCESSING, Phase.TRANSFER)


class FarEnds:
    """What is on the other side of each vantage, by its name."""

    def __init__(self, worlds: Mapping[str, World]) -> None:
        self._worlds = worlds
        self._patience: dict[Pulse, LegPatience] = {}

    def take_the_place(self) -> None:
        """Of the network, for this process."""
        setattr(round_names, "host_lookups", self._lookups)  # noqa: B010
        setattr(round_module, "measure_names", self._measure_names)  # noqa: B010
        setattr(round_module, "resolver_works", _not_asked)  # noqa: B010
        setattr(asker, "measures", lambda prober: self._leg)  # noqa: B010
        setattr(asker, "fetch_page", self._page)  # noqa: B010
        setattr(asker, "LegWaits", partial(_TellingWaits, self._patience))  # noqa: B010
        setattr(discover, "find_links", _links)  # noqa: B010
        # The world's addresses are none of the public Internet, and its hosts have budgets.
        setattr(asker, "is_exempt", lambda address: False)  # noqa: B010

    async def _lookups(
        self, names: Sequence[str], family: Family, *, timeout_seconds: float, via: VantageConfig
    ) -> tuple[DnsObservation, ...]:
        world, at = self._worlds[via.name], CLOCK.true()
        world.begin_round(at)
        found = [world.names.resolve(name, at, trouble=world.resolver_trouble) for name in names]
        await asyncio.sleep(max(led.seconds or 0.0 for led, _ in found))
        return tuple(asked for _, asked in found)

    async def _measure_names(
        self, names: Iterable[str], *, via: VantageConfig, trust: object, **_: object
    ) -> tuple[DnsObservation, ...]:
        world = self._worlds[via.name]
        return world.names.measured(
            names,
            CLOCK.true(),
            doh=trust is not None,
            trouble=world.resolver_trouble,
            offline=world.offline,
        )

    async def _leg(
        self,
        leg: Leg,
        *,
        address: str | None,
        via: VantageConfig,
        deadline_seconds: float,
        order: int,
        resolve_seconds: float | None = None,
        seen_names: tuple[str, ...] = (),
        pulse: Pulse,
        **_: object,
    ) -> LegObservation:
        at = CLOCK.true()
        observed, end = self._worlds[via.name].leg(
            leg,
            Resolution(address=address, seconds=resolve_seconds),
            order=order,
            at=at,
            patience=self._patience.get(pulse) or _only(deadline_seconds),
            seen_names=seen_names,
        )
        try:
            async with asyncio.timeout(deadline_seconds) as deadline:
                pulse.follow(partial(_signs, observed, at), deadline)
                await asyncio.sleep(end - at)
        except TimeoutError:
            return cut(observed, CLOCK.true() - at)
        return observed

    async def _page(
        self,
        url: str,
        *,
        address: str | None,
        via: VantageConfig,
        trust: object,
        deadline_seconds: float,
        max_bytes: int,
        count: Any,
        pulse: Pulse,
        **_: object,
    ) -> page.Page | Failure:
        host = urlsplit(url).hostname or ""
        asked = Leg(
            role=LegRole.CONTROL,
            owner="page",
            target="page",
            connect_to=host,
            port=443,
            url=url,
            sni=host,
            certificate_name=host,
            compares=Compares.HANDSHAKE,
            expect_status=(200,),
            max_bytes=min(max_bytes, len(PAGES[url].whole()) if url in PAGES else max_bytes),
        )
        made = await self._leg(
            asked,
            address=address,
            via=via,
            deadline_seconds=deadline_seconds,
            order=0,
            pulse=pulse,
        )
        count((made.wire_bytes_sent or 0) + (made.wire_bytes_received or 0))
        if made.failure is not None:
            return made.failure
        return page.Page(status=200, url=url, body=url.encode())


class _TellingWaits(LegWaits):
    """Which says for how long a leg that begins is waited for."""

    def __init__(self, told: dict[Pulse, LegPatience], *rule: Any) -> None:
        super().__init__(*rule)
        self._told = told

    @contextmanager
    def waiting(self, pulse: Pulse, read_bytes: int, *, up: bool = False) -> Iterator[None]:
        self._told[pulse] = self.rule.of(read_bytes, up=up)
        try:
            with super().waiting(pulse, read_bytes, up=up):
                yield
        finally:
            del self._told[pulse]


def _only(seconds: float) -> LegPatience:
    return LegPatience(most=seconds, handshake=seconds, body=seconds, silent=seconds)


async def _not_asked(resolutions: Mapping[str, Resolution], **_: object) -> bool | None:
    return None


async def _links(page: str, body: bytes, discovery: Discovery) -> tuple[str, ...] | Failure:
    return (PAGES[page].link,)


def _moments(observed: LegObservation) -> list[tuple[float, int]]:
    """When something came or began, in seconds, and the bytes that had come by then."""
    at, moments = 0.0, [(0.0, 0)]
    for phase in PHASES:
        if phase not in observed.phases:
            continue
        if phase is Phase.PROCESSING:
            moments += [(at + point.seconds, point.bytes) for point in observed.curve]
        at += observed.phases[phase]
        if observed.failure is None or observed.failure.phase is not phase:
            moments.append((at, 0))
    return moments


def _signs(observed: LegObservation, began: float) -> Signs:
    """What ``observed``, which began then, shows of itself now."""
    passed = CLOCK.true() - began
    came = [moment for moment in _moments(observed) if moment[0] <= passed]
    began_ns = (CLOCK.monotonic() - passed) * NANOSECONDS

    def ns(seconds: float) -> int:
        return round(began_ns + seconds * NANOSECONDS)

    def over(*phases: Phase) -> float | None:
        failed = observed.failure.phase if observed.failure else None
        took = [observed.phases.get(phase) for phase in phases]
        known = [one for one in took if one is not None]
        if failed in phases or len(known) < len(phases) or sum(known) > passed:
            return None
        return sum(known)

    connected, asked = over(Phase.CONNECT), over(Phase.CONNECT, Phase.TLS)
    return Signs(
        moved_ns=ns(max(at for at, _ in came)),
        connected_ns=None if connected is None else ns(connected),
        asked_ns=None if asked is None else ns(asked),
        received=max(size for _, size in came),
    )


def cut(observed: LegObservation, seconds: float) -> LegObservation:
    """``observed`` as it is if the leg ends after so long."""
    if seconds >= observed.duration_seconds:
        return observed
    at, phases = 0.0, {}
    if Phase.RESOLVE in observed.phases:
        phases[Phase.RESOLVE] = observed.phases[Phase.RESOLVE]
    last = Phase.CONNECT
    for phase in PHASES:
        if phase in observed.phases and at < seconds:
            last = phase
            phases[phase] = min(observed.phases[phase], seconds - at)
            at += observed.phases[phase]
    asked = sum(observed.phases.get(phase, 0.0) for phase in PHASES[:3])
    curve = tuple(point for point in observed.curve if asked + point.seconds <= seconds)
    reading = last is Phase.TRANSFER
    return replace(
        observed,
        duration_seconds=seconds,
        phases=phases,
        failure=Failure(phase=last, reason=TIMEOUT),
        curve=curve,
        tls=None if last in PHASES[:2] else observed.tls,
        http=observed.http if reading else None,
        body_bytes=min(observed.body_bytes or 0, curve[-1].bytes) if reading and curve else None,
    )
