"""A target and its swap: what they differ by is one series, and the path is nobody's doing."""

from __future__ import annotations

from math import log

import pytest

from probe.model.identity import LegRole, RoundKind
from probe.model.observation import Leg
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.burst import next_burst
from probe.verdict.burst.score import Score, score
from probe.verdict.remembered.keys import difference
from tests.verdict.country import WELL, Act, Country, Done


def calm(**more: object) -> Country:
    country = Country(**more)  # type: ignore[arg-type]
    country.run(24)
    country.verdicts.clear()
    return country


def farther(times: float, *, swap: float = 1.0) -> Act:
    """The platform's addresses are so many times as far; ``swap``: its swap reads in so much."""

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        return Done(rtt=times, transfer=swap if leg.role is LegRole.SWAP else 1.0)

    return act


def a_burst(country: Country) -> Score:
    levels, about = country.memory.levels, country.about
    place = country.a_round()
    planned = next_burst.burst("x", "object", Measure.TRANSFER, place.family, levels, about)
    return score(
        country.a_burst(planned), Measure.TRANSFER, levels=levels, thresholds=about.thresholds
    )


@pytest.mark.parametrize("times", [3.0, 8.0])
def test_the_path_is_taken_off_what_a_burst_measures(times: float) -> None:
    country = calm()
    country.act = farther(times)
    found = a_burst(country)
    assert found.usual
    assert found.slowdown is not None
    assert abs(found.slowdown) < log(2.0)
    assert found.swap_slow is False


@pytest.mark.parametrize("seed", range(6))
def test_a_swap_that_becomes_faster_while_the_edge_is_farther_accuses_nobody(seed: int) -> None:
    """The target is slower than ever, for it is farther; its swap was given another file."""
    country = calm(seed=seed)
    country.act = farther(6.0, swap=0.1)
    country.run(12)
    assert not any(verdict.restricted for verdict in country.verdicts)


@pytest.mark.parametrize("faster", [4.0, 20.0])
def test_a_swap_that_becomes_faster_for_good_is_learnt_and_asks_for_no_burst(faster: float) -> None:
    country = calm()
    country.act = farther(1.0, swap=1.0 / faster)
    country.run(96)
    country.verdicts.clear()
    bursts = country.bursts
    country.run(48)
    assert country.bursts == bursts
    assert {verdict.state for verdict in country.verdicts} == {State.OK}
    leg = next(leg for leg in country.a_round().by_role(LegRole.TARGET) if leg.leg.max_bytes > 2e3)
    level = country.memory.levels[difference(leg, Measure.TRANSFER, "ipv4")]
    assert level.known
    assert level.centre > log(2.0)


@pytest.mark.parametrize("seed", range(6))
def test_a_long_read_of_which_nothing_is_known_does_not_keep_the_others_from_being_tested(
    seed: int,
) -> None:
    """One long read a day: it is slow, but by less than is honest without a history."""
    country = calm(seed=seed, swaps=False, noise=0.3)
    country.act = lambda leg, address: (
        Done(transfer=10.0) if leg.role is LegRole.TARGET else Done(transfer=1.0)
    )
    country.run(1, RoundKind.LONG)
    assert country.run(5).state is not State.UNKNOWN
