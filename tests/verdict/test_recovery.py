"""The end of a restriction, where the line is noisy and what is normal is badly known."""

from __future__ import annotations

import pytest

from probe.model.identity import LegRole, RoundKind
from probe.model.verdict import State
from tests.verdict.country import LONG_READ, READ, Act, Country, Done, nothing

FEW = 4


def slowed(times: float, read: int) -> Act:
    """Reads of the platform's object, from ``read`` bytes on, take so many times as long."""
    return lambda leg, address: (
        Done(transfer=times)
        if leg.role is LegRole.TARGET and leg.range_bytes >= read and leg.target == "object"
        else Done()
    )


def play(country: Country, kind: RoundKind, rounds: int) -> list[State]:
    """What is said in ``rounds`` rounds, of which long ones are every third."""
    return [
        country.run(
            1, kind if n % 3 == 0 or kind is RoundKind.TRANSFER else RoundKind.TRANSFER
        ).state
        for n in range(rounds)
    ]


def proven(seed: int, noise: float, kind: RoundKind, times: float) -> Country:
    """A country in which few rounds of ``kind`` were seen before the object was restricted, and in
    which that is said now."""
    country = Country(seed, noise=noise)
    country.run(10)
    for _ in range(FEW):
        country.run(1, kind)
        country.run(2)
    country.act = slowed(times, LONG_READ if kind is RoundKind.LONG else READ)
    assert State.THROTTLED in play(country, kind, 40)
    return country


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("kind", [RoundKind.TRANSFER, RoundKind.LONG])
def test_a_restriction_that_is_over_is_not_claimed_for_long(
    kind: RoundKind, noise: float, seed: int
) -> None:
    country = proven(seed, noise, kind, 12.0)
    country.act = nothing
    assert State.THROTTLED not in play(country, kind, 48)[36:]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("times", [6.0, 12.0])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_a_restriction_that_goes_on_is_claimed_as_long(
    noise: float, times: float, seed: int
) -> None:
    country = Country(seed, noise=noise)
    country.run(40)
    country.act = slowed(times, READ)
    said = play(country, RoundKind.TRANSFER, 200)
    assert State.THROTTLED in said[:12]
    assert set(said[said.index(State.THROTTLED) :]) == {State.THROTTLED}


@pytest.mark.parametrize("seed", range(8))
def test_a_restriction_that_becomes_milder_goes_on(seed: int) -> None:
    """Half of the slowdown is gone, but the target is not as usual."""
    country = Country(seed, noise=0.1)
    country.run(40)
    country.act = slowed(12.0, READ)
    assert country.run(6).state is State.THROTTLED
    country.act = slowed(3.0, READ)
    assert set(play(country, RoundKind.TRANSFER, 100)) == {State.THROTTLED}


@pytest.mark.parametrize("seed", range(12))
def test_a_swap_of_which_little_is_known_proves_no_less_than_one_of_which_nothing_is(
    seed: int,
) -> None:
    country = Country(seed, noise=0.5)
    country.run(10)
    for _ in range(FEW):
        country.run(1, RoundKind.LONG)
        country.run(2)
    country.act = slowed(12.0, LONG_READ)
    assert State.THROTTLED in play(country, RoundKind.LONG, 12)
