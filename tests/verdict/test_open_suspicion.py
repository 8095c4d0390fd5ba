"""When it is not one address alone, and a proof that waits for no further burst."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import Family, LegRole
from probe.model.observation import Leg
from probe.model.verdict import Method, State
from probe.observe.effort import Measure
from probe.verdict.basis.way_marks import WayMarks
from probe.verdict.burst.bets import Wealth
from probe.verdict.one_round.first_ones import FirstOnes
from probe.verdict.remembered.memory import OpenSuspicion
from probe.verdict.suspected.open_suspicion import Others, basis, proven
from probe.verdict.thresholds import DEFAULT
from tests.verdict.country import WELL, Country, Done

AT = 1_700_000_000.0
FOUR = tuple(f"198.18.0.{n}" for n in range(1, 5))


def worth(value: float) -> Wealth:
    return Wealth(value, value, value)


def rests_on(values: tuple[float, ...], *, rounds: int = 2, known: int = 4) -> Basis | None:
    """The basis of what bears the whole evidence, of it ``values`` at each address."""
    episode = OpenSuspicion(
        target="object",
        measure=Measure.TRANSFER,
        family=Family.IPV4,
        onset_at=AT,
        last_at=AT,
        rounds=rounds,
        control=worth(60_000.0),
        by_address={f"198.18.0.{n}": worth(value) for n, value in enumerate(values)},
        slow_logs=(2.0, 2.0),
        slow_legs=6,
    )
    return basis(episode, AT + 600.0, known, DEFAULT, Others())


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((221.0, 221.0), Basis.ADDRESSES),
        ((221.0, 221.0, 0.02, 0.02), Basis.ADDRESSES),
        ((221.0, 14.6, 14.6), Basis.ADDRESSES),
        ((14.6, 14.6, 14.6, 14.6), Basis.ADDRESSES),
        ((9e9, 14.6), None),
        ((9e9, 14.6, 0.02), None),
        ((9e9, 1.8, 1.8, 1.8), None),
        ((14.6, 14.6), None),
        ((9e9,), None),
    ],
)
def test_it_is_not_one_address_alone(values: tuple[float, ...], found: Basis | None) -> None:
    assert rests_on(values) is found
    assert rests_on(values, rounds=1) is None


@given(st.lists(st.floats(min_value=0.01, max_value=1e6), min_size=1, max_size=6))
def test_whichever_address_is_left_out_the_others_bear_enough(values: list[float]) -> None:
    if rests_on(tuple(values)) is None:
        return
    for out in range(len(values)):
        left = [v for n, v in enumerate(values) if n != out and v > 1.0]
        assert prod(left) >= 0.99 * DEFAULT.address_evidence


@pytest.mark.parametrize(
    ("values", "alike", "addresses"),
    [
        ((60_000.0, 150.0), 2, 2),
        ((60_000.0, 1.7), 2, 1),  # the second was unlucky once
        ((60_000.0, 150.0), 1, 1),  # the second is slow, and does not fail
        ((60.0, 50.0, 40.0), 3, 3),
        ((60_000.0, 1.7, 1.7), 3, 1),
    ],
)
def test_what_is_proven_counts_the_addresses_that_bear_it(
    values: tuple[float, ...], alike: int, addresses: int
) -> None:
    """More than one would let a reference accuse somebody of it later."""
    places = tuple(f"198.18.0.{n}" for n in range(len(values)))
    episode = OpenSuspicion(
        target="object",
        measure=Measure.HANDSHAKE,
        family=Family.IPV4,
        onset_at=AT - 7_200.0,
        last_at=AT,
        rounds=2,
        control=worth(60_000.0),
        by_address=dict(zip(places, map(worth, values), strict=True)),
        failures=("tls/connection_reset",) * 6,
        failed_how=dict.fromkeys(places[:alike], ("tls/connection_reset",)),
        slow_at=places[alike:],
    )
    assert proven(episode, Basis.DURATION, AT, DEFAULT, Others()).addresses == addresses


@pytest.mark.parametrize(
    ("logs", "usual", "rounds", "minutes"),
    [
        ((2.3, 2.1, 2.4, 2.2), True, 3, 10),
        ((2.3, 2.1, 2.4, 2.2), True, 2, 60),  # one round and a pause are no duration
        ((2.3, 2.1, 2.4, 2.2), False, 3, 60),  # nobody knows how it was
        ((2.3, 0.4, 2.4, 2.2), True, 3, 60),  # one burst was as usual
        ((0.9, 1.0, 1.1, 1.0), True, 3, 60),
        ((), True, 3, 60),  # segments are missing
    ],
)
def test_what_is_plain_at_the_only_address_is_told_before_an_hour(
    logs: tuple[float, ...], usual: bool, rounds: int, minutes: int
) -> None:
    episode = at_one_address(
        rounds=rounds, slow_logs=logs, slow_legs=12, usual=usual, whole_logs=(1.0,)
    )
    assert told_after(episode) == minutes


def test_what_an_hour_may_tell_better_is_waited_for() -> None:
    """Marks of the way, which are not there yet, or other addresses at which it may be so."""
    episode = at_one_address(slow_logs=(2.3, 2.1, 2.4, 2.2), slow_legs=12, usual=True)
    assert told_after(episode) == 10
    assert told_after(replace(episode, suspects=(("object", FOUR[0]), ("page", FOUR[1])))) == 60
    assert told_after(replace(episode, way=WayMarks(told=6))) == 60


@pytest.mark.parametrize(
    ("first", "rounds", "minutes"),
    [
        (FirstOnes(failed=3, at=Method.TCP, foremost=3), 3, 60),  # elsewhere too, perhaps
        (FirstOnes(failed=3, at=Method.TCP, foremost=3), 2, 60),
        (FirstOnes(failed=3, well=2, at=Method.TCP, foremost=3), 3, 60),  # a limit, perhaps
        (FirstOnes(), 3, 60),
    ],
)
def test_what_fails_is_not_told_before_an_hour(first: FirstOnes, rounds: int, minutes: int) -> None:
    episode = at_one_address(
        measure=Measure.HANDSHAKE,
        rounds=rounds,
        failures=("connect/timeout",) * 6,
        first_ones=first,
    )
    assert told_after(episode) == minutes


def at_one_address(**more: Any) -> OpenSuspicion:
    """A suspicion of which all evidence is at the first of the addresses."""
    episode = OpenSuspicion(
        target="object",
        measure=Measure.TRANSFER,
        family=Family.IPV4,
        onset_at=AT,
        last_at=AT,
        rounds=3,
        control=worth(60_000.0),
        by_address={FOUR[0]: worth(60_000.0)},
    )
    return replace(episode, **more)


def told_after(episode: OpenSuspicion) -> int:
    """Minutes until it may be said to be so here."""
    found = (m for m in range(0, 61, 5) if basis(episode, AT + 60.0 * m, 1, DEFAULT, Others()))
    return next(found)


def test_a_second_slow_round_proves_what_a_budget_keeps_from_being_tested_again() -> None:
    country = Country(swaps=False, addresses=FOUR)
    country.run(24)
    country.act = slow
    assert country.run(1).reason == "suspected"
    country.spent = True
    assert country.run(1).state is State.IMPAIRED


def test_a_budget_that_is_spent_proves_nothing_by_itself() -> None:
    country = Country(swaps=False, addresses=FOUR)
    country.run(24)
    country.act, country.spent = slow, True
    for _ in range(12):
        assert country.run(1).reason == "out_of_budget"


def slow(leg: Leg, address: str) -> Done:
    return Done(transfer=12.0) if leg.role is LegRole.TARGET else WELL
