"""Names of one round: where each leads, and what every resolver says about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import ip_address
from random import Random

from msgspec import Struct

from probe.config.schema import Settings, VantageConfig
from probe.measure.dns import measure_dns
from probe.measure.doh import measure_doh
from probe.measure.host_lookup import host_lookups
from probe.measure.resolvers import resolvers, static_addresses
from probe.measure.trust import Trust
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import DnsObservation

_NO_ANSWER = Failure(phase=Phase.RESOLVE, reason="dns_no_answer")


class Resolution(Struct, frozen=True, kw_only=True):
    """Where a name leads for a whole round: one address, or why there is none.

    ``seconds`` is ``None`` when nobody was asked (a literal or pinned address). Both ``address``
    and ``failure`` are ``None`` when the vantage's proxy resolves by itself.
    """

    address: str | None = None
    seconds: float | None = None
    failure: Failure | None = None


class Names:
    """Resolves the names of one round, each once, as the host itself would; with the vantage's own
    name servers, if it has any."""

    def __init__(
        self, settings: Settings, via: VantageConfig, family: Family, random: Random
    ) -> None:
        self._settings = settings
        self._via = via
        self._family = family
        self._random = random
        self._known: dict[str, Resolution] = {}
        self._lookups: list[DnsObservation] = []
        self.page_wire_bytes = 0
        """Bytes of fetching pages on which links were looked for in this round."""

    @property
    def lookups(self) -> tuple[DnsObservation, ...]:
        """What the host's resolver said, in the order of asking."""
        return tuple(self._lookups)

    async def resolve(self, names: Iterable[str]) -> dict[str, Resolution]:
        """Where each of ``names`` leads. A name is asked for once per round."""
        wanted = sorted(set(names))
        asked = []
        for name in wanted:
            if name in self._known:
                continue
            known = self._unasked(name)
            if known is None:
                asked.append(name)
            else:
                self._known[name] = known
        if asked:
            lookups = await host_lookups(
                asked,
                self._family,
                timeout_seconds=float(self._settings.dns.deadline),
                via=self._via,
            )
            self._lookups.extend(lookups)
            self._known.update((lookup.name, self._heard(lookup)) for lookup in lookups)
        return {name: self._known[name] for name in wanted}

    def _unasked(self, name: str) -> Resolution | None:
        """Where ``name`` leads without anybody being asked."""
        if is_address(name):
            return Resolution(address=name)
        pinned = static_addresses(self._settings.resolve, name, self._family)
        if pinned is not None:
            return self._choose(pinned, seconds=None)
        return None if self._via.proxy is None else Resolution()

    def _heard(self, lookup: DnsObservation) -> Resolution:
        if lookup.failure is not None:
            return Resolution(seconds=lookup.seconds, failure=lookup.failure)
        addresses = tuple(address for answer in lookup.answers for address in answer.addresses)
        return self._choose(addresses, seconds=lookup.seconds)

    def _choose(self, addresses: tuple[str, ...], *, seconds: float | None) -> Resolution:
        # Any record, not the first: over the rounds each one is seen, and legs record which it was.
        if not addresses:
            return Resolution(seconds=seconds, failure=_NO_ANSWER)
        return Resolution(address=self._random.choice(addresses), seconds=seconds)


def is_address(name: str) -> bool:
    """Whether ``name`` is a literal IPv4 or IPv6 address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


async def measure_names(
    names: Iterable[str],
    *,
    settings: Settings,
    via: VantageConfig,
    family: Family,
    trust: Trust | None,
) -> tuple[DnsObservation, ...]:
    """Ask every resolver for every name, on the wire; DoH only when given ``trust``.

    Through a proxy there is no UDP, so nothing is measured there.
    """
    if via.proxy is not None:
        return ()
    wanted = sorted({name for name in names if not is_address(name)})
    deadline = float(settings.dns.deadline)
    linger = float(settings.dns.linger)
    udp, doh = [], []
    for resolver in resolvers(settings.dns, nameservers=via.nameservers):
        for name in wanted:
            if resolver.transport == "udp":
                udp.append(
                    measure_dns(
                        name,
                        family,
                        resolver,
                        via=via,
                        deadline_seconds=deadline,
                        linger_seconds=linger,
                        allow_private=settings.dns.allow_private,
                    )
                )
            elif trust is not None:
                doh.append(
                    measure_doh(
                        name,
                        family,
                        resolver,
                        via=via,
                        trust=trust,
                        deadline_seconds=deadline,
                        allow_private=settings.dns.allow_private,
                    )
                )
    answers = await asyncio.gather(*udp)
    secure = await asyncio.gather(*doh)
    return (*(one for several in answers for one in several), *secure)
