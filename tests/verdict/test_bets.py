"""The bets: fair under the shuffle, whatever the legs were."""

from __future__ import annotations

from itertools import combinations
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.verdict.burst.bets import BRAVE, CAREFUL, CAREFUL_OF_SIX, EACH, Wealth, wins

VALUES = st.lists(
    st.floats(min_value=-20, max_value=20) | st.just(inf), min_size=2 * EACH, max_size=2 * EACH
)


def shuffles(values: list[float]) -> list[int]:
    """Pairs won by every choice of three of the six values."""
    found = []
    for chosen in combinations(range(2 * EACH), EACH):
        mine = [values[i] for i in chosen]
        theirs = [values[i] for i in range(2 * EACH) if i not in chosen]
        found.append(wins(mine, theirs))
    return found


# Assignments of 3 of 6 places by the number U of pairs won: 20 in all.
ASSIGNMENTS = (1, 1, 2, 3, 3, 3, 3, 2, 1, 1)


def test_the_null_distribution_is_what_counting_gives() -> None:
    counted = shuffles([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert tuple(counted.count(u) for u in range(10)) == ASSIGNMENTS


@pytest.mark.parametrize("bets", [BRAVE, CAREFUL])
def test_a_bet_is_worth_its_stake(bets: tuple[float, ...]) -> None:
    expectation = sum(b * n for b, n in zip(bets, ASSIGNMENTS, strict=True)) / sum(ASSIGNMENTS)
    assert expectation == pytest.approx(1.0)
    assert list(bets) == sorted(bets)


@pytest.mark.parametrize("mine", [2, 3])
def test_so_is_one_on_three_legs_against_two(mine: int) -> None:
    drawn = list(combinations(range(5), mine))
    won = [wins(own, sorted(set(range(5)) - set(own))) for own in drawn]
    assert sum(CAREFUL_OF_SIX[u] for u in won) / len(won) == pytest.approx(1.0)
    assert list(CAREFUL_OF_SIX) == sorted(CAREFUL_OF_SIX)


@given(VALUES)
def test_no_six_values_make_the_bets_favourable(values: list[float]) -> None:
    for bets in (BRAVE, CAREFUL):
        won = [bets[u] for u in shuffles(values)]
        assert sum(won) / len(won) <= 1.0 + 1e-9


def test_what_is_missing_or_tied_wins_nothing() -> None:
    assert wins([], [1.0, 2.0, 3.0]) == 0
    assert wins([2.0], [1.0, 1.0, 1.0]) == 3
    assert wins([inf, inf, inf], [inf, inf, inf]) == 0
    assert wins([inf, inf, inf], [1.0, 2.0, 3.0]) == 9


@given(st.lists(st.integers(0, 9), max_size=30))
def test_wealth_never_starts_below_one(history: list[int]) -> None:
    wealth = Wealth()
    for won in history:
        wealth = wealth.after(won)
    assert wealth.after(9).e_value >= Wealth().after(9).e_value


@given(st.lists(st.integers(0, 9), max_size=10), st.integers(0, 8))
def test_more_pairs_are_never_less_evidence(history: list[int], won: int) -> None:
    wealth = Wealth()
    for each in history:
        wealth = wealth.after(each)
    assert wealth.after(won + 1).e_value >= wealth.after(won).e_value
