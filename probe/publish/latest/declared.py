"""What a configuration declares, for looking up what a result belongs to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from probe.config.candidates import candidates_of
from probe.config.definition import Definition
from probe.config.hosts import covers
from probe.config.probers import NAME_PROBERS
from probe.config.schema import Config, VantageConfig
from probe.model.identity import LegRole, Vantage
from probe.model.observation import DnsObservation, Leg, RoundObservation
from probe.publish.latest.snapshot import DnsKey, LegKey, Owner, RatioKey

SYSTEM_RESOLVER = "system"
# The host's own look-ups, a second question where an answer was too long, and what the table has.
TRANSPORTS = frozenset({"host", "tcp", *(prober.transport for prober in NAME_PROBERS)})


class Declared:
    """The names that a configuration allows to become label values."""

    def __init__(self, config: Config) -> None:
        self.config = config
        settings = config.settings
        self.vantages = tuple(_vantage(v, settings.country) for v in settings.vantages)
        self.slots = frozenset((v.name, p.name) for v in self.vantages for p in config.platforms)
        self._vantage_names = frozenset(v.name for v in self.vantages)
        self._platforms = {p.name: p for p in config.platforms}
        self._owners = {
            Owner(name=definition.name, is_control=is_control): definition
            for is_control, definitions in ((False, config.platforms), (True, config.controls))
            for definition in definitions
        }
        self._targets = frozenset(
            (owner, target.name)
            for owner, definition in self._owners.items()
            for target in definition.targets
        )
        self._entries = {
            owner: tuple(dict.fromkeys((*_hosts(definition), *self._beacon(owner))))
            for owner, definition in self._owners.items()
        }
        self._resolvers = frozenset(
            {SYSTEM_RESOLVER, *(resolver.name for resolver in settings.dns.resolvers)}
        )

    def has_vantage(self, name: str) -> bool:
        """Whether ``name`` is a configured vantage."""
        return name in self._vantage_names

    def has_leg(self, key: LegKey) -> bool:
        """Whether ``key`` names a configured vantage and target."""
        return key.vantage in self._vantage_names and (key.owner, key.target) in self._targets

    def has_ratio(self, key: RatioKey) -> bool:
        """Whether ``key`` names a configured vantage, platform and target."""
        known = (Owner(name=key.platform), key.target) in self._targets
        return known and key.vantage in self._vantage_names

    def has_dns(self, key: DnsKey) -> bool:
        """Whether ``key`` names a configured vantage, resolver and host name."""
        return (
            key.vantage in self._vantage_names
            and key.resolver in self._resolvers
            and key.transport in TRANSPORTS
            and key.name in self._entries.get(key.owner, ())
        )

    def leg_key(self, observed: RoundObservation, leg: Leg) -> LegKey:
        """The name of a leg of ``observed``."""
        return LegKey(
            vantage=observed.vantage,
            owner=Owner(name=leg.owner, is_control=leg.role is LegRole.CONTROL),
            target=leg.target,
            role=leg.role,
            family=observed.family,
            prober=leg.prober,
        )

    def controls_of(self, observed: RoundObservation) -> tuple[str, ...]:
        """The configured controls that were fine in a round."""
        fine = {leg.leg.owner for leg in observed.by_role(LegRole.CONTROL) if leg.ok}
        return tuple(c.name for c in self.config.controls if c.name in fine)

    def dns_key(self, observed: RoundObservation, dns: DnsObservation) -> DnsKey | None:
        """The name of a DNS measurement; ``None`` if nothing declares what was asked for."""
        for owner in self._asked_by(observed.platform):
            entry = _entry(self._entries.get(owner, ()), dns.name)
            if entry is not None:
                return DnsKey(
                    vantage=observed.vantage,
                    owner=owner,
                    name=entry,
                    family=dns.family,
                    resolver=dns.resolver,
                    transport=dns.transport,
                )
        return None

    def _asked_by(self, platform: str) -> Iterable[Owner]:
        """Who may have asked in a round of ``platform``: itself first, then the controls."""
        yield Owner(name=platform)
        yield from (owner for owner in self._owners if owner.is_control)

    def _beacon(self, owner: Owner) -> tuple[str, ...]:
        beacon = self.config.settings.beacon
        return (beacon,) if beacon is not None and not owner.is_control else ()


def _vantage(vantage: VantageConfig, country: str) -> Vantage:
    return Vantage(
        name=vantage.name,
        country=vantage.country or country,
        asn=vantage.asn,
        access=vantage.access,
        role=vantage.role,
        upstream=vantage.upstream or "",
    )


def _hosts(definition: Definition) -> Iterable[str]:
    """Every host name that a definition's legs and discoveries may ask for, or its ``*.`` entry."""
    yield from definition.hosts
    for target in (one for of in definition.targets for one in candidates_of(of)):
        if target.url is not None:
            yield urlsplit(target.url).hostname or ""
        if target.connect_to is not None:
            yield target.connect_to
        if target.discover is not None:
            for page in (target.discover.page, *target.discover.pages):
                yield urlsplit(page).hostname or ""
            yield from target.discover.hosts


def _entry(entries: tuple[str, ...], name: str) -> str | None:
    """The entry that declares ``name``: itself if it is there, else the wildcard above it."""
    plain = name.lower().rstrip(".")
    if plain in entries:
        return plain
    return next((entry for entry in entries if covers((entry,), plain)), None)
