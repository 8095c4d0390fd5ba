"""Who led a leg where it went: a resolver that lies, or this host and this home themselves.

An answer is judged by what the answered address does, and by who else gives it; never by whether
resolvers agree, since content networks answer differently on purpose. What a platform is accused of
must be no act of the probe's own files, of its own look-up, or of a resolver that is merely broken:

| who answered the host | what came | what else is known | it is |
| --- | --- | --- | --- |
| its hosts file | any address | no resolver gives it | ``OWN_FILE`` |
| nobody was asked | | the way to the resolver is closed | ``OWN_LOOKUP`` |
| a resolver | nothing, or a wrong place | asked on the wire it gave another | ``OWN_LOOKUP`` |
| a resolver | SERVFAIL, REFUSED, silence | nor has it a word on fresh names | ``TROUBLE`` |
| one at home | SERVFAIL, silence | none beyond it leaves it open, too | ``TROUBLE`` |
| a resolver | SERVFAIL, REFUSED, silence | that day it was well as well | ``OWN_LOOKUP`` |
| a resolver | nothing, or no public address | another place is known | ``ASTRAY`` |
| a resolver | a place with a false certificate | another place is known | ``ASTRAY`` |
| a resolver | a silent place, new to us | others contradict it (below) | ``ASTRAY`` |
| anybody | anything else | | ``NOTHING`` |

Others contradict a silent place if two answers to one query differ, if no other resolver gives it,
or if all that are not encrypted do and the encrypted one gives another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from msgspec import Struct

from probe.model.identity import LegRole, Phase
from probe.model.observation import DnsObservation, LegObservation, Place, RoundObservation
from probe.observe.effort import sound
from probe.verdict.one_round.where_names_lead import ASTRAY as NOT_THE_PLATFORMS
from probe.verdict.one_round.where_names_lead import HOST, HTTPS, network_of
from probe.verdict.remembered.apart import Led
from probe.verdict.remembered.keys import FamilyKey, family_key

SYSTEM = "system"
BOGON = "dns_bogon_error"
# What is said of a name itself; it takes no trouble of the resolver's.
_NO_ADDRESS = frozenset({"dns_nxdomain_error", "dns_no_answer", BOGON})
# What a resolver that has lost its way out says of any name that it does not remember.
_TROUBLE = frozenset(
    {
        "dns_servfail_error",
        "dns_refused_error",
        "dns_server_misbehaving",
        "dns_reply_with_wrong_query_id",
        "generic_timeout_error",
    }
)
# It left the question open. Who refuses one name answers it, by a list.
_LEFT_OPEN = _TROUBLE - {"dns_refused_error"}


OWN = frozenset({Led.OWN_FILE, Led.OWN_LOOKUP, Led.TROUBLE})
"""Ours, or the home's: the platform's leg says nothing of the platform then."""


class KnownPlaces(Struct, frozen=True, kw_only=True):
    """What is remembered of where names lead: the latest ``addresses`` that any resolver gave and
    those that an ``encrypted`` one did, by family and name; the networks in which the platform was
    ever ``reached``, under its own certificate. ``unsteady``: within a day the host's resolver
    failed a look-up and gave a good answer on the wire in the same round."""

    addresses: Mapping[FamilyKey, tuple[str, ...]]
    encrypted: Mapping[FamilyKey, tuple[str, ...]]
    reached: Collection[str]
    unsteady: bool = False


def led(observed: RoundObservation, leg: LegObservation, known: KnownPlaces) -> Led:
    """What the look-up of a target's ``leg`` was."""
    name = leg.leg.connect_to
    heard = [one for one in observed.dns if one.name == name and one.family is observed.family]
    host = [one for one in heard if one.transport == HOST]
    if not host and not (leg.failure is not None and leg.failure.phase is Phase.RESOLVE):
        # Nobody was asked: a pinned or literal address.
        return Led.NOTHING
    if any(one.place is Place.FILE for one in host):
        return Led.NOTHING if _confirmed(host, heard) else Led.OWN_FILE
    if leg.failure is None or sound(leg):
        return Led.NOTHING
    key = family_key(observed.family, name)
    phase, reason = leg.failure.phase, leg.failure.reason
    wrong_place = phase is Phase.TLS and reason in NOT_THE_PLATFORMS
    if phase not in (Phase.RESOLVE, Phase.CONNECT, Phase.TLS):
        return Led.NOTHING
    if _says_otherwise(heard) or _vouched(heard, key, known):
        if wrong_place and network_of(leg.address) in _given(heard):
            return Led.NOTHING  # the look-up led where the resolver says
        return Led.OWN_LOOKUP if phase is Phase.RESOLVE or wrong_place else Led.NOTHING
    if phase is Phase.RESOLVE:
        if reason not in _NO_ADDRESS and reason not in _TROUBLE:
            return Led.OWN_LOOKUP
        if reason in _TROUBLE and observed.resolver_works is False:
            return Led.TROUBLE
        if reason in _LEFT_OPEN and at_home(observed, leg.leg.target):
            return Led.TROUBLE
        if reason in _TROUBLE and known.unsteady:
            return Led.OWN_LOOKUP
    others = [address for address in known.addresses.get(key, ()) if address != leg.address]
    if not others:
        return Led.NOTHING
    if phase is Phase.RESOLVE or wrong_place:
        return Led.ASTRAY
    if reason in NOT_THE_PLATFORMS or network_of(leg.address) in known.reached:
        return Led.NOTHING
    return Led.ASTRAY if _contradicted(heard, leg.address, key, known) else Led.NOTHING


def leads(observed: RoundObservation, known: KnownPlaces) -> dict[str, Led]:
    """``led`` of each target, as far as there is something to say."""
    found = {leg.leg.target: led(observed, leg, known) for leg in observed.by_role(LegRole.TARGET)}
    return {target: one for target, one in found.items() if one is not Led.NOTHING}


def exonerated(observed: RoundObservation, target: str, known: KnownPlaces) -> bool:
    """Whether the host's own resolver, asked on the wire in this very round, gave a good address
    for ``target``, or another than the host got: nobody is accused of its answers then."""
    for name in {leg.leg.connect_to for leg in _of(observed, target)}:
        heard = [one for one in observed.dns if one.name == name and one.family is observed.family]
        if _says_otherwise(heard) or _vouched(heard, family_key(observed.family, name), known):
            return True
    return False


def own_words(observed: RoundObservation, target: str) -> tuple[str, ...]:
    """The addresses that the host's own resolver gave for ``target`` when it was asked on the wire,
    beside which no other answer came."""
    names = {leg.leg.connect_to for leg in _of(observed, target)}
    heard = [one for one in observed.dns if one.name in names and one.family is observed.family]
    return tuple(dict.fromkeys(chain.from_iterable(map(_addresses, _on_the_wire(heard)))))


def at_home(observed: RoundObservation, target: str) -> bool:
    """Whether the host's resolver may stand in the home, and no resolver beyond it was heard to say
    the same of ``target``."""
    names = {leg.leg.connect_to for leg in _of(observed, target)}
    heard = [one for one in observed.dns if one.name in names and one.family is observed.family]
    own = [one for one in heard if one.resolver == SYSTEM]
    if not any(one.place in (Place.HOST, Place.HOME) for one in own):
        return False
    beyond = [one for one in heard if one.resolver != SYSTEM and one.place is Place.BEYOND]
    plain = [one for one in beyond if _has_a_word(one, observed)]
    return not any(_same_word(mine, other) for mine in own for other in plain)


def _of(observed: RoundObservation, target: str) -> list[LegObservation]:
    return [leg for leg in observed.by_role(LegRole.TARGET) if leg.leg.target == target]


def _addresses(asked: DnsObservation) -> frozenset[str]:
    return frozenset(address for answer in asked.answers for address in answer.addresses)


def _networks(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(map(network_of, addresses))


def _on_the_wire(heard: Iterable[DnsObservation]) -> list[DnsObservation]:
    """What the host's own resolver answered on the wire, where nobody else answered too."""
    return [
        one
        for one in heard
        if one.resolver == SYSTEM
        and one.transport != HOST
        and one.failure is None
        and not one.conflicting
    ]


def _given(heard: Iterable[DnsObservation]) -> frozenset[str]:
    """The networks that the host's own resolver gave on the wire."""
    return _networks(chain.from_iterable(map(_addresses, _on_the_wire(heard))))


def _confirmed(host: Iterable[DnsObservation], heard: Iterable[DnsObservation]) -> bool:
    """Whether a resolver gives an address of the hosts file's as well."""
    filed = _networks(chain.from_iterable(map(_addresses, host)))
    measured = [one for one in heard if one.transport != HOST and one.failure is None]
    return bool(filed & _networks(chain.from_iterable(map(_addresses, measured))))


def _says_otherwise(heard: Collection[DnsObservation]) -> bool:
    """Whether the host's own resolver, asked on the wire, gave an address, but none that it gave
    the host: perhaps another one answered the host, and which of them is right nobody knows."""
    given = _given(heard)
    host = (_addresses(one) for one in heard if one.transport == HOST)
    return bool(given) and not given & _networks(chain.from_iterable(host))


def _vouched(heard: Iterable[DnsObservation], key: FamilyKey, known: KnownPlaces) -> bool:
    """Whether the host's own resolver, asked on the wire in this very round, gave an address in a
    network where the platform was well, or which an encrypted resolver gave too."""
    given = _given(heard)
    return bool(given & (set(known.reached) | _networks(known.encrypted.get(key, ()))))


def _contradicted(
    heard: Collection[DnsObservation], address: str | None, key: FamilyKey, known: KnownPlaces
) -> bool:
    """Whether others say something else than what the host was told: a second answer to the same
    query, a judgement that it is no public server's, every other resolver, or, where all that are
    not encrypted agree, the encrypted one."""
    if any(one.conflicting for one in heard):
        return True
    own = frozenset(chain.from_iterable(_addresses(x) for x in heard if x.transport == HOST))
    if any(
        one.failure is not None and one.failure.reason == BOGON and own & _addresses(one)
        for one in heard
    ):
        return True
    others = [
        one
        for one in heard
        if one.transport != HOST and one.resolver != SYSTEM and one.failure is None
    ]
    plain = [_addresses(one) for one in others if one.transport != HTTPS]
    encrypted = _networks(known.encrypted.get(key, ()))
    if plain and encrypted and all(own & theirs for theirs in plain):
        # All that anybody on the way could have forged says the same, and what nobody could says
        # something else.
        told = _networks(own | frozenset(chain.from_iterable(plain)))
        return not told & encrypted
    theirs = list(map(_addresses, others))
    return len(theirs) >= 2 and bool(own) and not any(own & one for one in theirs)


def _has_a_word(one: DnsObservation, observed: RoundObservation) -> bool:
    """Whether ``one`` says something of its name: its resolver answers at all in this round."""
    if one.answers:
        return True
    return any(
        other.resolver == one.resolver and other.transport == one.transport and other.answers
        for other in observed.dns
    )


def _same_word(mine: DnsObservation, other: DnsObservation) -> bool:
    """Whether another resolver tells what the host's own does: a lie that it could not have from
    the home."""
    if other.conflicting:
        return True
    if other.transport == HTTPS and other.failure is not None:
        return False  # encrypted: whatever failed, nobody has put words into its mouth
    if mine.failure is None or mine.failure.reason == BOGON:
        return bool(_addresses(mine) & _addresses(other))
    if mine.failure.reason in _TROUBLE:
        return other.failure is not None and other.failure.reason in _TROUBLE
    return other.failure is not None and other.failure.reason == mine.failure.reason
