"""Two troubles of a platform's own, at an address each, are not one thing at two addresses."""

from __future__ import annotations

from collections import Counter

import pytest

from probe.model.basis import Basis
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase
from probe.model.observation import Leg
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.one_round.first_ones import FirstOnes, MetAt
from probe.verdict.remembered.memory import OpenSuspicion
from probe.verdict.suspected.each_address import noted, shut, shut_at
from tests.verdict.country import ADDRESSES, WELL, Act, Country, Done

CONTROLS = ("amazon", "debian", "jquery", "kernel", "microsoft", "ubuntu", "videolan")
ONE, OTHER = ADDRESSES
OTHERS = tuple(f"198.18.0.{n}" for n in range(2, 8))
HOMES = {"page": (ONE,), "object": OTHERS}
FAILS = {
    how: Done(fails=Failure(phase=Phase(how.partition("/")[0]), reason=how.partition("/")[2]))
    for how in (
        "connect/generic_timeout_error",
        "connect/connection_refused",
        "tls/connection_reset",
        "tls/generic_timeout_error",
        "tls/ssl_invalid_certificate",
        "processing/connection_reset",
    )
}
DEAD = FAILS["connect/generic_timeout_error"]


def calm(
    seed: int,
    addresses: tuple[str, ...] = ADDRESSES,
    homes: dict[str, tuple[str, ...]] | None = None,
) -> Country:
    """A country in which a reference finds the platform fine, whatever happens here."""
    country = Country(seed, swaps=False, vouched=True, controls=CONTROLS)
    country.homes = homes or {}
    country.run(24)
    country.verdicts.clear()
    country.addresses = addresses
    return country


def each(one: Done, other: Done) -> Act:
    """What is done at one address, and what at the other."""
    at = {ONE: one, OTHER: other}
    return lambda leg, address: WELL if leg.role is LegRole.CONTROL else at[address]


def limited(country: Country, how: Done) -> Act:
    """One address is dead, and the other takes one connection after a pause, and no more."""
    taken: set[float] = set()

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        if address == ONE:
            return DEAD
        first = country.now not in taken
        taken.add(country.now)
        return WELL if first else how

    return act


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("how", ["connect/connection_refused", "connect/generic_timeout_error"])
def test_a_dead_address_and_a_limit_at_another_accuse_nobody(how: str, seed: int) -> None:
    country = calm(seed, (ONE, ONE, ONE, ONE, OTHER))
    country.act = limited(country, FAILS[how])
    country.run(20)
    assert not [one.sentence for one in country.verdicts if one.restricted]
    assert country.verdicts[-1].state is State.IMPAIRED


@pytest.mark.parametrize("seed", range(6))
def test_nor_does_a_limit_that_another_target_of_the_platform_meets(seed: int) -> None:
    """One target's only address refuses, and the front of all refuses the second connection. At
    some address of the other target no round asks first, and bursts always meet the limit."""
    country = calm(seed, homes=HOMES)
    taken: Counter[float] = Counter()

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        taken[country.now] += 1
        return (
            FAILS["connect/connection_refused"]
            if address == ONE or taken[country.now] > 1
            else WELL
        )

    country.act = act
    country.run(20)
    assert not [one.sentence for one in country.verdicts if one.restricted]
    assert country.verdicts[-1].state is State.IMPAIRED


@pytest.mark.parametrize("seed", range(3))
def test_two_targets_that_are_shut_out_for_whoever_comes_first_do(seed: int) -> None:
    country = calm(seed, homes=HOMES)
    country.act = lambda leg, _: WELL if leg.role is LegRole.CONTROL else DEAD
    country.run(6)
    assert country.verdicts[-1].state is State.BLOCKED


@pytest.mark.parametrize("how", [how for how in FAILS if FAILS[how] is not DEAD])
def test_addresses_that_fail_in_different_ways_accuse_nobody(how: str) -> None:
    country = calm(1)
    country.act = each(DEAD, FAILS[how])
    country.run(12)
    assert not [one.sentence for one in country.verdicts if one.restricted]
    assert country.verdicts[-1].state is State.IMPAIRED


@pytest.mark.parametrize("how", FAILS)
def test_addresses_that_fail_in_one_way_do(how: str) -> None:
    country = calm(1)
    country.act = each(FAILS[how], FAILS[how])
    country.run(4)
    assert country.verdicts[-1].state is State.BLOCKED
    assert country.verdicts[-1].basis is Basis.REFERENCE


def test_who_resets_the_first_and_drops_what_follows_does_so_at_both() -> None:
    country = calm(1)
    told: dict[tuple[str, float], Leg] = {}

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        again = told.setdefault((address, country.now), leg) is not leg
        return FAILS["tls/generic_timeout_error" if again else "tls/connection_reset"]

    country.act = act
    country.run(6)
    assert country.verdicts[-1].state is State.BLOCKED


def test_an_accusation_ends_when_one_of_two_addresses_comes_through() -> None:
    country = calm(1)
    country.act = each(DEAD, DEAD)
    country.run(4)
    assert country.verdicts[-1].state is State.BLOCKED
    country.addresses = (ONE, ONE, OTHER)
    country.act = each(DEAD, WELL)
    country.run(24)
    assert not country.verdicts[-1].restricted


@pytest.mark.parametrize(
    ("failed", "well", "is_shut"),
    [(0, 0, True), (1, 0, True), (0, 1, False), (3, 1, False), (4, 1, True), (9, 4, False)],
)
def test_what_came_through_at_an_address_outweighs_one_failure(
    failed: int, well: int, is_shut: bool
) -> None:
    met = MetAt("page", ONE, failed, well, foremost_well=well, failed_ever=failed)
    assert shut((met,), ONE) is is_shut


@pytest.mark.parametrize(
    ("failed", "foremost_well", "failed_ever", "well", "is_shut"),
    [
        (4, 1, 16, 4, True),  # one in five comes through, whoever is first
        (0, 2, 9, 2, False),  # a limit of one
        (4, 0, 4, 8, False),  # only the first one fails
        (0, 0, 3, 0, True),  # nobody came first
    ],
)
def test_whoever_comes_first_is_held_against_whoever_comes_first(
    failed: int, foremost_well: int, failed_ever: int, well: int, is_shut: bool
) -> None:
    met = MetAt("page", ONE, failed, well, foremost_well=foremost_well, failed_ever=failed_ever)
    assert shut((met,), ONE) is is_shut


def test_one_target_that_is_shut_out_is_enough_for_an_address() -> None:
    met = (MetAt("page", ONE, 0, 8), MetAt("object", ONE, 3, 0))
    assert shut(met, ONE)
    assert shut((), ONE)  # where nobody has asked nothing has come through


@pytest.mark.parametrize(
    ("rounds", "met", "is_shut"),
    [
        (2, (MetAt("page", ONE, 2, 0),), False),
        (3, (MetAt("page", ONE, 2, 0),), True),
        (3, (MetAt("page", ONE, 2, 0), MetAt("page", "198.18.0.8", 0, 1)), False),
        (2, (MetAt("object", "198.18.0.9", 1, 0),), True),
        (9, (MetAt("object", "198.18.0.9", 0, 3),), False),
        (9, (MetAt("object", "198.18.0.9", 1, 3),), False),
        (9, (MetAt("object", "198.18.0.9", 0, 3), MetAt("object", OTHER, 1, 0)), True),
    ],
)
def test_where_nobody_asked_for_another_target_its_other_addresses_tell(
    rounds: int, met: tuple[MetAt, ...], is_shut: bool
) -> None:
    """Of it nothing may be known: then nothing must have come through for anybody."""
    episode = OpenSuspicion(
        target="page",
        measure=Measure.HANDSHAKE,
        family=Family.IPV4,
        onset_at=0.0,
        last_at=0.0,
        first_ones=FirstOnes(failed=rounds),
        met_at=met,
        beside_at={OTHER: "object"},
    )
    assert shut_at(episode, [ONE, OTHER]) == ((ONE, OTHER) if is_shut else (ONE,))


def test_what_fails_without_a_pause_or_after_others_is_not_counted() -> None:
    country = calm(1)
    country.act = each(DEAD, DEAD)
    observed = country.a_round()
    first = min(observed.by_role(LegRole.TARGET), key=lambda leg: leg.order)
    episode = OpenSuspicion(
        target="page",
        measure=Measure.HANDSHAKE,
        family=observed.family,
        onset_at=observed.started_at,
        last_at=observed.started_at,
    )
    for rested in (False, True):
        for met in noted(episode, observed, rested=rested).met_at:
            counts = rested and met.target == first.leg.target
            assert met == MetAt(met.target, met.address, failed=counts, failed_ever=1)
