"""What the look-ups of a round say: where a name leads, where else it may lead, and whom to
believe.

An answer is judged by what the answered address does, never by whether resolvers agree: content
networks answer differently on purpose.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address, ip_network

from probe.model.identity import LegRole, Phase
from probe.model.observation import DnsObservation, RoundObservation
from probe.observe.effort import misdated
from probe.verdict.episode import ASTRAY
from probe.verdict.memory import MOST_ADDRESSES, MOST_NETWORKS, family_key

HOST = "host"
BOGON = "dns_bogon_error"


def places(observed: RoundObservation) -> dict[str, str]:
    """Under which key the addresses of each target are found."""
    return {
        leg.leg.target: family_key(observed.family, leg.leg.connect_to)
        for leg in observed.by_role(LegRole.TARGET)
    }


def addresses(
    known: Mapping[str, tuple[str, ...]], observed: RoundObservation
) -> dict[str, tuple[str, ...]]:
    """The latest addresses of each name: those that were reached first, then those that any
    resolver gave. An address that failed under a false certificate is not the platform's and is
    left out."""
    false = {
        leg.address
        for leg in observed.by_role(LegRole.TARGET)
        if leg.failure is not None and leg.failure.reason in ASTRAY and misdated(leg) is None
    }
    after = dict(known)
    for leg in observed.by_role(LegRole.TARGET):
        name = leg.leg.connect_to
        found = [leg.address] if leg.ok and leg.address else []
        for asked in observed.dns:
            if asked.name == name and asked.failure is None and asked.family is observed.family:
                found += [a for answer in asked.answers for a in answer.addresses]
        key = family_key(observed.family, name)
        found += after.get(key, ())
        kept = [address for address in dict.fromkeys(found) if address not in false]
        after[key] = tuple(kept[:MOST_ADDRESSES])
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


def led_astray(
    observed: RoundObservation,
    target: str,
    known: Mapping[str, tuple[str, ...]],
    ever_reached: Collection[str],
) -> bool:
    """Whether the host's resolver gave nothing for the target, or a place that is not the
    platform's, while another place is known that may be.

    A place is another's if it shows a false certificate; if it is silent or resets, only when
    several answers contradicted each other, one was not of the public Internet, or no other
    resolver gave any of its addresses. Never is one in a network that was ``ever_reached``: a node
    of the operator's own, say, that is out of order and that no other resolver knows.
    """
    for leg in observed.by_role(LegRole.TARGET):
        if leg.leg.target != target or leg.failure is None:
            continue
        name = leg.leg.connect_to
        places = known.get(family_key(observed.family, name), ())
        others = [address for address in places if address != leg.address]
        if not others:
            return False
        if leg.failure.phase is Phase.RESOLVE:
            return True
        if leg.failure.reason in ASTRAY:
            return leg.failure.phase is Phase.TLS
        if leg.failure.phase in (Phase.CONNECT, Phase.TLS):
            return network_of(leg.address) not in ever_reached and _contradicted(observed, name)
    return False


def _contradicted(observed: RoundObservation, name: str) -> bool:
    asked = [one for one in observed.dns if one.name == name]
    if any(one.conflicting for one in asked):
        return True
    own = {a for one in asked if one.transport == HOST for a in _addresses(one)}
    if any(
        one.failure is not None and one.failure.reason == BOGON and own & _addresses(one)
        for one in asked
    ):
        return True
    other = [
        _addresses(one)
        for one in asked
        if one.transport != HOST and one.resolver != "system" and one.failure is None
    ]
    return len(other) >= 2 and bool(own) and not any(own & theirs for theirs in other)


def _addresses(asked: DnsObservation) -> frozenset[str]:
    return frozenset(address for answer in asked.answers for address in answer.addresses)


def others_answer(observed: RoundObservation) -> bool:
    """A resolver other than the host's own gave an answer."""
    return any(
        one.failure is None and one.transport != HOST and one.resolver != "system"
        for one in observed.dns
    )
