"""Names of one round: where each leads, and what every resolver says about it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from probe.config.probers import NAME_PROBERS
from probe.config.schema import Settings, VantageConfig
from probe.measure.names.dns import measure_dns
from probe.measure.names.host_files import resolv_conf
from probe.measure.names.host_lookup import host_lookups
from probe.measure.names.resolvers import (
    SYSTEM,
    Resolver,
    host_and_port,
    resolvers,
    static_addresses,
)
from probe.measure.names.special_addresses import is_nowhere
from probe.measure.one_leg.failures import TIMEOUT
from probe.measure.one_leg.prober import asks
from probe.measure.tls.trust import Trust
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import DnsObservation

_NO_ANSWER = Failure(phase=Phase.RESOLVE, reason="dns_no_answer")
_NOWHERE = Failure(
    phase=Phase.RESOLVE, reason="dns_bogon_error", detail="an address of this very host, or none"
)
# What a resolver that is out of order says, or does not say, of any name that it has to ask for.
_TROUBLE = frozenset({TIMEOUT, "dns_servfail_error", "dns_refused_error", "dns_server_misbehaving"})
_TOLD = frozenset({"dns_nxdomain_error", "dns_no_answer"})


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
        self.family = family
        self._random = random
        self._known: dict[str, Resolution] = {}
        self._lookups: list[DnsObservation] = []
        self.page_wire_bytes = 0
        """Bytes of fetching pages on which links were looked for in this round."""
        self.page_seconds = 0.0
        """For how long they were looked up and fetched: a page that hangs must not keep a round
        from what it is for."""

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
                self.family,
                timeout_seconds=float(self._settings.dns.deadline),
                via=self._via,
            )
            if not self._settings.dns.allow_private:
                lookups = tuple(map(_without_nowhere, lookups))
            self._lookups.extend(lookups)
            self._known.update((lookup.name, self._heard(lookup)) for lookup in lookups)
        return {name: self._known[name] for name in wanted}

    def _unasked(self, name: str) -> Resolution | None:
        """Where ``name`` leads without anybody being asked."""
        if is_address(name):
            return Resolution(address=name)
        pinned = static_addresses(self._settings.resolve, name, self.family)
        if pinned is not None:
            return self._choose(pinned, seconds=None)
        return None if self._via.proxy is None else Resolution()

    def _heard(self, lookup: DnsObservation) -> Resolution:
        if lookup.failure is not None:
            return Resolution(seconds=lookup.seconds, failure=lookup.failure)
        addresses = [address for answer in lookup.answers for address in answer.addresses]
        if not self._settings.dns.allow_private:
            addresses = [one for one in addresses if not _leads_nowhere(lookup.name, one)]
        return self._choose(tuple(addresses), seconds=lookup.seconds)

    def _choose(self, addresses: tuple[str, ...], *, seconds: float | None) -> Resolution:
        # Any record, not the first: over the rounds each one is seen, and legs record which it was.
        if not addresses:
            return Resolution(seconds=seconds, failure=_NO_ANSWER)
        return Resolution(address=self._random.choice(addresses), seconds=seconds)


def _leads_nowhere(name: str, address: str) -> bool:
    """Whether ``address`` is this host itself, or nobody, although ``name`` is a public one."""
    return is_nowhere(address) and f".{name.lower()}".rstrip(".").split(".")[-1] != "localhost"


def _without_nowhere(lookup: DnsObservation) -> DnsObservation:
    """A look-up that leads nowhere is a failure: a leg would go to this host itself."""
    found = [address for answer in lookup.answers for address in answer.addresses]
    if not found or not all(_leads_nowhere(lookup.name, address) for address in found):
        return lookup
    return replace(lookup, failure=_NOWHERE)


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
    neutral: Collection[str] = (),
) -> tuple[DnsObservation, ...]:
    """Ask every resolver for every name, on the wire; what is not asked in light rounds only when
    given ``trust``. ``neutral``
    are those of the names that nobody has a reason to answer falsely.

    Through a proxy there is no UDP, so nothing is measured there.
    """
    if via.proxy is not None:
        return ()
    wanted = sorted({name for name in names if not is_address(name)})
    asked = resolvers(settings.dns, nameservers=via.nameservers)
    found: list[DnsObservation] = []
    for prober in NAME_PROBERS:
        if trust is None and not prober.every_round:
            continue
        answers = await asyncio.gather(
            *(
                asks(prober)(name, family, resolver, via=via, trust=trust, dns=settings.dns)
                for resolver in asked
                if resolver.transport == prober.transport
                for name in wanted
            )
        )
        found += (one for several in answers for one in several)
    return through_translator(tuple(found), neutral)


def through_translator(
    found: tuple[DnsObservation, ...], neutral: Collection[str]
) -> tuple[DnsObservation, ...]:
    """Acquit answers that lead through the network's own NAT64: an IPv6 address that is none of the
    public Internet (RFC 8215's prefix, a unique-local one) is honest if a resolver gives one with
    the same first 48 bits for a ``neutral`` name."""
    prefixes = {
        _prefix(address)
        for one in found
        if one.name in neutral and one.family is Family.IPV6
        for address in _addresses(one)
    }

    def acquitted(one: DnsObservation) -> bool:
        return (
            one.family is Family.IPV6
            and one.failure is not None
            and one.failure.reason == "dns_bogon_error"
            and all(_prefix(address) in prefixes for address in _addresses(one))
            and not any(is_nowhere(address) for address in _addresses(one))
        )

    return tuple(replace(one, failure=None) if acquitted(one) else one for one in found)


def _prefix(address: str) -> int:
    return int(ip_address(address)) >> 80


def _addresses(found: DnsObservation) -> tuple[str, ...]:
    return tuple(address for answer in found.answers for address in answer.addresses)


async def resolver_works(
    resolutions: Mapping[str, Resolution],
    *,
    settings: Settings,
    via: VantageConfig,
    family: Family,
    neutral: Collection[str],
    random: Random,
) -> bool | None:
    """Whether the host's resolver gives any word on a name that it cannot remember: one below a
    ``neutral`` name, drawn at random. ``None``: there was no reason to ask.

    A resolver that has lost its way out still answers what it remembers. Then a platform's short-
    lived name fails while controls are fine, and nobody lies. Any definite answer will do: that the
    name does not exist, as a rule.
    """
    failures = [one.failure for one in resolutions.values() if one.failure is not None]
    nameservers = via.nameservers or resolv_conf().nameservers
    if via.proxy is not None or not nameservers:
        return None
    if not any(failure.reason in _TROUBLE for failure in failures):
        return None
    address, port = host_and_port(nameservers[0])
    resolver = Resolver(name=SYSTEM, transport="udp", address=address, port=port)
    below = [f"{random.getrandbits(48):012x}.{name}" for name in neutral if not is_address(name)]
    found = await asyncio.gather(
        *(
            measure_dns(
                name,
                family,
                resolver,
                via=via,
                deadline_seconds=float(settings.dns.deadline),
                linger_seconds=0.0,
                allow_private=True,
            )
            for name in below
        )
    )
    told = [one.failure is None or one.failure.reason in _TOLD for each in found for one in each]
    return any(told) if told else None
