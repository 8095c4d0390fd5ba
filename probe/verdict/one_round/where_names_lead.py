"""What the look-ups of a round say: where a name leads, and where else it may lead.

Whom to believe: ``forged_answer.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network

from probe.model.identity import LegRole
from probe.model.observation import Place, RoundObservation
from probe.observe.effort import OF_A_CERTIFICATE, sound
from probe.verdict.remembered.keys import FamilyKey, family_key
from probe.verdict.remembered.memory import MOST_ADDRESSES, MOST_NETWORKS

HOST = "host"
HTTPS = "https"
# What a resolver says, or the place that it leads to shows, when it leads astray.
ASTRAY = OF_A_CERTIFICATE | {
    "dns_nxdomain_error",
    "dns_no_answer",
    "dns_refused_error",
    "dns_servfail_error",
    "dns_bogon_error",
}


def places(observed: RoundObservation) -> dict[str, FamilyKey]:
    """Under which key the addresses of each target are found, whether or not a budget forbade its
    legs."""
    legs = [*(one.leg for one in observed.legs), *(one.leg for one in observed.skipped)]
    return {
        leg.target: family_key(observed.family, leg.connect_to)
        for leg in legs
        if leg.role is LegRole.TARGET
    }


def addresses(
    known: Mapping[FamilyKey, tuple[str, ...]], observed: RoundObservation
) -> dict[FamilyKey, tuple[str, ...]]:
    """The latest addresses of each name: those that were reached first, then those that any
    resolver gave. An address that failed under a false certificate is not the platform's and is
    left out, and so is one that only the probe's own hosts file gives: no leg goes there for it."""
    false = {
        leg.address
        for leg in observed.by_role(LegRole.TARGET)
        if leg.failure is not None and leg.failure.reason in ASTRAY and not sound(leg)
    }
    after = dict(known)
    for leg in observed.by_role(LegRole.TARGET):
        name = leg.leg.connect_to
        found = [leg.address] if leg.ok and leg.address else []
        for asked in observed.dns:
            if asked.place is Place.FILE or asked.failure is not None:
                continue
            if asked.name == name and asked.family is observed.family:
                found += [a for answer in asked.answers for a in answer.addresses]
        key = family_key(observed.family, name)
        found += after.get(key, ())
        kept = [address for address in dict.fromkeys(found) if address not in false]
        after[key] = tuple(kept[:MOST_ADDRESSES])
    return after


def encrypted(
    known: Mapping[FamilyKey, tuple[str, ...]], observed: RoundObservation
) -> dict[FamilyKey, tuple[str, ...]]:
    """The latest addresses of each name that came encrypted, so that nobody on the way could have
    put them into the resolver's mouth. Rounds that ask no such resolver leave them as they were."""
    after = dict(known)
    for asked in observed.dns:
        if asked.transport == HTTPS and asked.failure is None:
            given = [address for answer in asked.answers for address in answer.addresses]
            key = family_key(asked.family, asked.name)
            after[key] = tuple(dict.fromkeys((*given, *after.get(key, ()))))[:MOST_ADDRESSES]
    return after


def reached(known: tuple[str, ...], observed: RoundObservation) -> tuple[str, ...]:
    """The networks in which a target of the platform was ever well, the latest last: under a valid
    certificate, so they are the platform's."""
    found = [
        network
        for leg in observed.by_role(LegRole.TARGET)
        if leg.ok and leg.tls is not None and (network := network_of(leg.address))
    ]
    return tuple(dict.fromkeys(reversed((*known, *found))))[:MOST_NETWORKS][::-1]


@lru_cache(maxsize=1_024)  # a round asks for the same few addresses dozens of times
def network_of(address: str | None) -> str:
    """The /24 or /48 that ``address`` is in, the smallest that are announced to the world; empty
    for no address."""
    if address is None:
        return ""
    try:
        ip = ip_address(address)
    except ValueError:
        # An export has left of it no more than that.
        return address
    return str(ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def others_answer(observed: RoundObservation) -> bool:
    """A resolver other than the host's own gave an answer."""
    return any(
        one.failure is None and one.transport != HOST and one.resolver != "system"
        for one in observed.dns
    )
