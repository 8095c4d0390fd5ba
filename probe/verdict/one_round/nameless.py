"""A target whose name no resolver knows: it has rotted, and nobody has blocked it. Pure.

A discovered name may never have existed, and a configured one may be given up. Each resolver says
truly then that there is none, which looks like a resolver that lies. What tells them apart is that
a lie is contradicted: by another resolver, by what was heard before, or by one that is asked over
an encrypted way, into whose mouth nobody between can put it. Of a name whose look-up says that
there is none, and for which nobody whom this round asks gives an address, while at least as many
other names of the platform have one:

| known before | what others say | it is |
| --- | --- | --- |
| no address | another resolver: there is none | nameless |
| an address | the encrypted one: there is none | nameless |
| an address | the encrypted one answered before, and is not asked yet | not known yet |
| an address | the encrypted one: an address, or nothing | as every failed look-up |

What is nameless, or not known yet, was not measured: its legs are as if they had been skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from probe.model.identity import LegRole, Phase
from probe.model.observation import DnsObservation, Leg, RoundObservation, SkippedLeg
from probe.verdict.one_round.where_names_lead import HOST, HTTPS
from probe.verdict.remembered.apart import EncryptedWord
from probe.verdict.remembered.keys import FamilyKey, family_key

NO_NAME = "no_name"
"""Why its legs are skipped; not among the reasons that a round is stored with."""
NOT_YET = "name_not_known_yet"
SYSTEM = "system"
_THERE_IS_NONE = frozenset({"dns_nxdomain_error", "dns_no_answer"})


Vanished = Mapping[FamilyKey, EncryptedWord]
"""Names whose look-up says that there is none."""


def vanished(before: Vanished, observed: RoundObservation) -> dict[FamilyKey, EncryptedWord]:
    """``before`` with what one more round or burst says. A name comes off with its address."""
    after = dict(before)
    for name in {leg.leg.connect_to for leg in observed.by_role(LegRole.TARGET)}:
        key, heard = family_key(observed.family, name), _heard(observed, name)
        looked_up = [one for one in heard if one.transport == HOST]
        if any(_gives(one) and one.transport != HTTPS for one in heard):
            after.pop(key, None)
        elif looked_up and all(map(_none, looked_up)):
            word = _word(one for one in heard if one.transport == HTTPS)
            after[key] = word or before.get(key, EncryptedWord.UNHEARD)
    return after


def without_nameless(
    observed: RoundObservation,
    known: Vanished,
    addresses: Mapping[FamilyKey, tuple[str, ...]],
    encrypted: Mapping[FamilyKey, tuple[str, ...]],
) -> RoundObservation:
    """``observed`` with the legs of what is nameless among those that were skipped.

    ``known``: after this round; ``addresses`` and ``encrypted``: what was known of each name before
    it, of any resolver and of encrypted ones.
    """
    asked = {
        leg.leg.connect_to: leg.failure
        for leg in observed.by_role(LegRole.TARGET)
        if leg.leg.owner == observed.platform
    }
    found: dict[str, str] = {}
    for name, failure in asked.items():
        key = family_key(observed.family, name)
        if key in known and failure is not None and failure.phase is Phase.RESOLVE:
            reason = _reason(observed, name, known[key], addresses.get(key), encrypted.get(key))
            if reason:
                found[name] = reason
    if len(found) > _with_address(observed, asked.keys() - found.keys()):
        return observed  # most of its names at once: that is no rot
    if not found:
        return observed
    gone = {
        leg.leg.target: found[leg.leg.connect_to]
        for leg in observed.by_role(LegRole.TARGET)
        if leg.leg.connect_to in found and leg.leg.owner == observed.platform
    }
    kept = tuple(leg for leg in observed.legs if not _is_of(leg.leg, observed, gone))
    left_out = tuple(
        SkippedLeg(leg=leg.leg, reason=gone[leg.leg.target])
        for leg in observed.legs
        if _is_of(leg.leg, observed, gone)
    )
    return replace(observed, legs=kept, skipped=(*observed.skipped, *left_out))


def _reason(
    observed: RoundObservation,
    name: str,
    word: EncryptedWord,
    addresses: tuple[str, ...] | None,
    encrypted: tuple[str, ...] | None,
) -> str:
    if word is EncryptedWord.NONE:
        return NO_NAME
    if word is EncryptedWord.UNHEARD and encrypted:
        return NOT_YET
    heard = _heard(observed, name)
    if addresses or any(map(_gives, heard)):
        return ""
    beyond = [one for one in heard if one.transport != HOST and one.resolver != SYSTEM]
    return NO_NAME if any(map(_none, beyond)) else ""


def _with_address(observed: RoundObservation, names: Iterable[str]) -> int:
    """For how many of ``names`` the host was given an address in this round."""
    heard = (_heard(observed, name) for name in names)
    return sum(any(_gives(one) and one.transport == HOST for one in some) for some in heard)


def _is_of(leg: Leg, observed: RoundObservation, targets: Collection[str]) -> bool:
    return leg.owner == observed.platform and leg.target in targets


def _heard(observed: RoundObservation, name: str) -> list[DnsObservation]:
    return [one for one in observed.dns if one.name == name and one.family is observed.family]


def _gives(one: DnsObservation) -> bool:
    return any(answer.addresses for answer in one.answers)


def _none(one: DnsObservation) -> bool:
    """Whether ``one`` says that there is no such name, or no address of it."""
    if one.failure is None:
        return not _gives(one)
    return one.failure.reason in _THERE_IS_NONE


def _word(secure: Iterable[DnsObservation]) -> EncryptedWord | None:
    """What the encrypted resolvers that this round asked say; ``None``: it asked none."""
    said = [_none(one) for one in secure]
    if not said:
        return None
    return EncryptedWord.NONE if all(said) else EncryptedWord.OTHER
