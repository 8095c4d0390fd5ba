"""What leaves this machine of a round, in files and answers that people hand on.

A round is full of what somebody else wrote: links of pages, addresses and names out of DNS, words
of certificates and of failures. Any of it may name the probe, and in a form that no filter knows.
So this is a list of what may be written, field by field (``RULES``): a field of text that is not in
it is emptied, and each rule keeps only what it knows to be harmless. Numbers are written as they
are (docs/security.md says what that means).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeVar

import msgspec

from probe.measure.tls.alerts import ALERTS, OTHER
from probe.model.burst import Burst
from probe.model.certificate_words import certificate_words
from probe.model.failure import Failure
from probe.model.observation import (
    DnsAnswer,
    DnsObservation,
    HttpFacts,
    Leg,
    LegObservation,
    RoundObservation,
    SkippedLeg,
    TlsFacts,
)
from probe.model.stored import StoredRound
from probe.publish.privacy.configured_names import NO_HOST, SCRUBBED, Named

_TLS_VERSIONS = frozenset({"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
_PROTOCOLS = frozenset({"h2", "h3", "http/1.1", "http/1.0"})
_HTTP_VERSIONS = frozenset({"1.0", "1.1", "2", "3"})
# Names of IANA's registries, as OpenSSL and dnspython write them.
_CIPHER = re.compile(r"[A-Z][A-Z0-9_]{2,40}(?:-[A-Z0-9]{2,10})*")
_RCODE = re.compile(r"[A-Z]{3,12}|RCODE[0-9]{1,4}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ISSUER = re.compile(r"[0-9a-f]{4}")
# What ``Addresses`` itself writes.
_CUT = re.compile(r"[0-9a-f.:]{2,39}/[0-9]{1,3}#[0-9]{1,5}")

# So much of an address that is not known to be a server's is written, in bits.
KEPT_BITS = {4: 16, 6: 32}
# Blocks that no public host is in: which one it was is told, where in it is not.
_BLOCKS = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
_MOST_KNOWN = 100_000

T = TypeVar("T")
FieldRule = Callable[["Scrubber", Any], Any]


class Addresses:
    """Which addresses are those of servers that the configuration names.

    An address is written whole if the configuration has it, if a certificate held there for a
    configured name, or if a resolver said it over DNS over HTTPS, where nobody on the way can
    answer. Any other one was said by whoever answered (a portal, an injector, the home's router)
    and may be the probe's own: only its network is written, with a number that tells it from others
    of the same network. ``every``: all are written.
    """

    def __init__(self, named: Named, *, every: bool = False) -> None:
        self._every = every
        self._proven = set(named.addresses)
        self._numbers: dict[str, int] = {}

    def learn(self, observed: RoundObservation) -> None:
        """Take up what a round proves."""
        if len(self._proven) > _MOST_KNOWN:
            return
        for leg in observed.every_leg:
            if leg.address is not None and leg.tls is not None and leg.tls.verify_error == "":
                self._proven.add(leg.address)
        for dns in observed.dns:
            if dns.transport == "https" and dns.failure is None:
                self._proven.update(a for answer in dns.answers for a in answer.addresses)

    def written(self, text: str) -> str:
        """``text``, or its network."""
        if self._every or not text or text in self._proven or _CUT.fullmatch(text):
            return text
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return SCRUBBED
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if str(address) in self._proven:
            return text
        if address.is_loopback or address.is_unspecified:
            return str(address)
        number = self._numbers.get(str(address))
        if number is None:
            # Beyond this many they are one.
            number = min(len(self._numbers) + 1, _MOST_KNOWN - 1)
            if number < _MOST_KNOWN - 1:
                self._numbers[str(address)] = number
        return f"{_network(address)}#{number}"


def _network(address: IPv4Address | IPv6Address) -> str:
    for block in _BLOCKS:
        if address.version == block.version and address in block:
            return str(block)
    return str(ip_network((address, KEPT_BITS[address.version]), strict=False))


class Scrubber:
    """Makes rounds fit to be handed on. Rounds come in the order of time, as what an earlier one
    has proven of an address holds for the later ones. Idempotent."""

    def __init__(self, named: Named, *, every_address: bool = False) -> None:
        self.named = named
        self.addresses = Addresses(named, every=every_address)
        self._legs: dict[Leg, Leg] = {}
        self.unnamed = 0
        """Legs to hosts that the configuration does not name at all."""

    def stored(self, stored: StoredRound) -> StoredRound:
        """``stored`` without what others may have said about the probe. What was said of it, the
        verdict, is made of numbers and of the configuration's words only."""
        observed = self.round(stored.observed)
        return (
            stored
            if observed is stored.observed
            else StoredRound(observed=observed, verdict=stored.verdict)
        )

    def round(self, observed: RoundObservation) -> RoundObservation:
        """The same of a round alone."""
        self.addresses.learn(observed)
        return self._clean(observed)

    def leg(self, leg: Leg) -> Leg:
        """The same of a leg's declaration. Few are declared, again and again."""
        found = self._legs.get(leg)
        if found is None:
            if len(self._legs) > 2_000:
                self._legs.clear()
            found = self._legs[leg] = self._clean(leg)
        self.unnamed += found.connect_to == NO_HOST
        return found

    def _clean(self, value: T) -> T:
        changed: dict[str, Any] = {}
        of: Any = type(value)
        for name, rule in _plan(of):
            was = getattr(value, name)
            if was is None:
                continue
            now = (
                tuple([rule(self, one) for one in was])
                if isinstance(was, tuple)
                else rule(self, was)
            )
            if now != was:
                changed[name] = now
        return msgspec.structs.replace(value, **changed) if changed else value  # type: ignore[type-var]


def _keep(scrubber: Scrubber, value: T) -> T:
    """The configuration's words, our own, or a closed set."""
    return value


def _empty(scrubber: Scrubber, value: str) -> str:
    return ""


def _inside(scrubber: Scrubber, value: T) -> T:
    return scrubber._clean(value)


def _of(words: frozenset[str]) -> FieldRule:
    return lambda scrubber, value: value if value in words else ""


def _like(form: re.Pattern[str]) -> FieldRule:
    return lambda scrubber, value: value if form.fullmatch(value) else ""


def _host(scrubber: Scrubber, value: str) -> str:
    return scrubber.named.host(value)


def _written(scrubber: Scrubber, value: str) -> str:
    return scrubber.addresses.written(value)


RULES: Mapping[type, Mapping[str, FieldRule]] = {
    RoundObservation: {
        "id": _keep,
        "vantage": _keep,
        "platform": _keep,
        "legs": _inside,
        "skipped": _inside,
        "dns": _inside,
        "beside": _inside,
        "burst": _inside,
    },
    LegObservation: {
        "leg": lambda scrubber, leg: scrubber.leg(leg),
        "address": _written,
        "failure": _inside,
        "tls": _inside,
        "http": _inside,
        "seen_names": _keep,
    },
    SkippedLeg: {"leg": lambda scrubber, leg: scrubber.leg(leg), "reason": _keep},
    Leg: {
        "owner": _keep,
        "target": _keep,
        "connect_to": _host,
        "port": lambda scrubber, number: scrubber.named.port(number),
        "url": lambda scrubber, url: scrubber.named.url(url),
        "sni": _host,
        "certificate_name": _host,
        "also_certified": _host,
        "candidate": _keep,
        "operator": _keep,
        "http_versions": _keep,
        "prober": _keep,
        "pin": _keep,
    },
    # It quotes the system, and in old rounds libraries, which quote the far end.
    Failure: {"reason": _keep, "detail": _empty},
    TlsFacts: {
        "version": _of(_TLS_VERSIONS),
        "alpn": _of(_PROTOCOLS),
        "cipher": _like(_CIPHER),
        "certificate_sha256": _like(_SHA256),
        "issuer": _like(_ISSUER),
        "verify_error": lambda scrubber, said: certificate_words(said),
        "alert": _of(ALERTS | {OTHER, ""}),
    },
    HttpFacts: {"version": _of(_HTTP_VERSIONS)},
    DnsObservation: {
        "name": _host,
        "resolver": _keep,
        "transport": _keep,
        "answers": _inside,
        "failure": _inside,
    },
    DnsAnswer: {"rcode": _like(_RCODE), "addresses": _written},
    Burst: {"target": _keep, "controls": _keep, "address": _written, "joint": _keep, "over": _keep},
}
"""What is done with each field that can hold a text or what holds one; a test sees that none is
missing."""


@cache
def _plan(of: type) -> tuple[tuple[str, FieldRule], ...]:
    rules = RULES[of]
    fields = msgspec.structs.fields(of)
    return tuple(
        (field.name, rules.get(field.name, _empty))
        for field in fields
        if rules.get(field.name) is not _keep and (field.name in rules or may_hold_text(field.type))
    )


def may_hold_text(kind: Any) -> bool:
    """Whether a value of this type can be a text that is of no closed set."""
    return _holds_text(msgspec.inspect.type_info(kind))


def _holds_text(found: msgspec.inspect.Type) -> bool:
    if isinstance(found, msgspec.inspect.UnionType):
        return any(map(_holds_text, found.types))
    if isinstance(found, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        return _holds_text(found.item_type)
    if isinstance(found, msgspec.inspect.DictType):
        return _holds_text(found.key_type) or _holds_text(found.value_type)
    return isinstance(found, msgspec.inspect.StrType | msgspec.inspect.AnyType)
