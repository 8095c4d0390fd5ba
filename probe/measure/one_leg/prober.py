"""What a prober is to the rooms that make rounds: one coroutine, found by the table's line."""

from __future__ import annotations

from functools import cache
from pkgutil import resolve_name
from typing import Protocol

from probe.config.probers import BY_NAME, NAME_PROBERS, NameProber, used
from probe.config.schema import DnsConfig, Settings, VantageConfig
from probe.measure.connection.lookout import Lookout
from probe.measure.names.resolvers import Resolver
from probe.measure.one_leg.pulse import Pulse
from probe.measure.tls.trust import Trust
from probe.model.identity import FIRST_PROBER, Family
from probe.model.observation import DnsObservation, Leg, LegObservation


class Measures(Protocol):
    """Carries ``leg`` out against the literal ``address`` (``None``: the vantage's proxy looks the
    name up), once, within ``deadline_seconds``. ``order`` is its place in the round,
    ``resolve_seconds`` how long the look-up took, ``seen_names`` whose names the address has seen;
    they go into the observation. ``pulse`` is given what says when anything last moved, so that a
    leg that only waits hands its turn on; ``lookout`` is for those who want the kernel's stamps
    amid other work. Raises nothing but cancellation: what the network does is data."""

    async def __call__(
        self,
        leg: Leg,
        *,
        address: str | None,
        via: VantageConfig,
        trust: Trust,
        deadline_seconds: float,
        order: int,
        resolve_seconds: float | None = None,
        seen_names: tuple[str, ...] = (),
        lookout: Lookout | None = None,
        pulse: Pulse | None = None,
    ) -> LegObservation: ...


class Asks(Protocol):
    """Asks ``resolver`` for the addresses of ``name``, once. Raises nothing but cancellation."""

    async def __call__(
        self,
        name: str,
        family: Family,
        resolver: Resolver,
        *,
        via: VantageConfig,
        trust: Trust | None,
        dns: DnsConfig,
    ) -> tuple[DnsObservation, ...]: ...


def measures(name: str) -> Measures:
    """The coroutine of the prober that a leg names. Only now is its module loaded, if it was not
    before (``load``): aioquic, for one, costs memory and start-up time."""
    made: Measures = _found(BY_NAME[name].made_by)
    return made


def asks(prober: NameProber) -> Asks:
    """The coroutine of a prober of names."""
    made: Asks = _found(prober.made_by)
    return made


def load(settings: Settings) -> None:
    """Load all that ``settings`` use. It takes up to half a second in which nothing else goes on,
    so it is done before the first leg."""
    for name in (FIRST_PROBER, *(prober.name for prober in used(settings))):
        measures(name)
    for prober in NAME_PROBERS:
        asks(prober)


_found = cache(resolve_name)
