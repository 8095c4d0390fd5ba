"""A history of a few rounds: what is learnt in a bad hour must not accuse anybody in the next."""

from __future__ import annotations

import pytest

from probe.model.identity import LegRole
from probe.model.verdict import State
from probe.observe.effort import Measure
from tests.verdict.country import Country, Done, nothing

SEVEN = ("debian", "jquery", "kernel", "amazon", "microsoft", "ubuntu", "videolan")


def young(seed: int, calm: int) -> Country:
    """A country in which each of seven controls has been met once or twice, or never."""
    country = Country(seed, noise=0.15, line=0.15, swaps=seed % 2 == 0, controls=SEVEN)
    country.run(calm)
    country.verdicts.clear()
    return country


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.parametrize("calm", [4, 6, 8])
def test_a_line_that_becomes_slow_before_its_controls_are_known_accuses_nobody(
    seed: int, calm: int
) -> None:
    country = young(seed, calm)
    country.act = lambda leg, address: Done(handshake=3.0, transfer=8.0)
    country.run(14)
    others = [v for v in country.verdicts if v.state not in (State.OK, State.DEGRADED)]
    assert [v.rule_id for v in others if v.rule_id != "unknown.slow-unproven"] == []
    assert len(others) <= 1  # the first slow round, before anything tells that it is the line


def test_a_line_that_stays_slow_from_the_second_round_on_becomes_normal() -> None:
    country = young(1, 2)
    country.act = lambda leg, address: Done(transfer=8.0)
    country.run(20)
    assert not known_controls(country)
    country.run(40)
    assert known_controls(country) >= 5
    assert {v.state for v in country.verdicts} == {State.OK}
    country.act = lambda leg, address: (
        Done(transfer=64.0) if leg.role is LegRole.TARGET else Done(transfer=8.0)
    )
    assert country.run(3).state is State.IMPAIRED


@pytest.mark.parametrize("seed", range(8))
def test_a_line_is_well_again_as_soon_as_the_platform_is_whoever_the_controls_are(
    seed: int,
) -> None:
    country = young(seed, 6)
    country.act = lambda leg, address: Done(handshake=8.0, transfer=8.0)
    country.run(12)
    country.act = nothing
    assert country.run(1).state is State.OK


def known_controls(country: Country) -> int:
    """Controls that have a history of reads."""
    return sum(
        level.known
        for key, level in country.memory.levels.items()
        if f"|{LegRole.CONTROL}|" in key and key.endswith(f"|{Measure.TRANSFER}")
    )
