"""What the look-ups of a round say: where a name leads, where else it may lead, and whom to
believe.

An answer is judged by what the answered address does, never by whether resolvers agree: content
networks answer differently on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping

from probe.model.identity import LegRole, Phase
from probe.model.observation import RoundObservation
from probe.verdict.episode import ASTRAY
from probe.verdict.memory import MOST_ADDRESSES

HOST = "host"


def hosts(observed: RoundObservation) -> dict[str, str]:
    """Which name each target connects to."""
    return {leg.leg.target: leg.leg.connect_to for leg in observed.by_role(LegRole.TARGET)}


def addresses(
    known: Mapping[str, tuple[str, ...]], observed: RoundObservation
) -> dict[str, tuple[str, ...]]:
    """The latest addresses of each name: those that were reached first, then those that any
    resolver gave. An address that failed under a false certificate is not the platform's and is
    left out."""
    false = {
        leg.address
        for leg in observed.by_role(LegRole.TARGET)
        if leg.failure is not None and leg.failure.reason in ASTRAY
    }
    after = dict(known)
    for leg in observed.by_role(LegRole.TARGET):
        name = leg.leg.connect_to
        found = [leg.address] if leg.ok and leg.address else []
        for asked in observed.dns:
            if asked.name == name and asked.failure is None and asked.family is observed.family:
                found += [a for answer in asked.answers for a in answer.addresses]
        found += after.get(name, ())
        kept = [address for address in dict.fromkeys(found) if address not in false]
        after[name] = tuple(kept[:MOST_ADDRESSES])
    return after


def led_astray(
    observed: RoundObservation, target: str, known: Mapping[str, tuple[str, ...]]
) -> bool:
    """Whether the host's resolver gave nothing for the target, or a place that is not the
    platform's, while another place is known that may be.

    A place is another's if it shows a false certificate; if it is silent or resets, only when
    several answers contradicted each other, or no other resolver gave any of its addresses.
    """
    for leg in observed.by_role(LegRole.TARGET):
        if leg.leg.target != target or leg.failure is None:
            continue
        name = leg.leg.connect_to
        others = [address for address in known.get(name, ()) if address != leg.address]
        if not others:
            return False
        if leg.failure.phase is Phase.RESOLVE:
            return True
        if leg.failure.reason in ASTRAY:
            return leg.failure.phase is Phase.TLS
        if leg.failure.phase in (Phase.CONNECT, Phase.TLS):
            return _contradicted(observed, name)
    return False


def _contradicted(observed: RoundObservation, name: str) -> bool:
    asked = [one for one in observed.dns if one.name == name]
    if any(one.conflicting for one in asked):
        return True
    own = {a for one in asked if one.transport == HOST for x in one.answers for a in x.addresses}
    other = [
        {a for x in one.answers for a in x.addresses}
        for one in asked
        if one.transport != HOST and one.resolver != "system" and one.failure is None
    ]
    return len(other) >= 2 and bool(own) and not any(own & theirs for theirs in other)


def others_answer(observed: RoundObservation) -> bool:
    """A resolver other than the host's own gave an answer."""
    return any(
        one.failure is None and one.transport != HOST and one.resolver != "system"
        for one in observed.dns
    )
