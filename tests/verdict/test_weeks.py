"""What is not as it was over weeks is not called normal, however used to it one has got."""

from __future__ import annotations

import pytest

from probe.model.identity import LegRole
from probe.model.observation import Leg
from probe.model.verdict import State
from tests.verdict.country import ADDRESSES, WELL, Act, Country, Done, nothing

DAY = 96  # transfer rounds
NEAR = 20.0  # milliseconds, of every site
ELSEWHERE = ("198.18.99.1", "198.18.98.1")


def calm(days: int = 2, **more: object) -> Country:
    country = Country(**more)  # type: ignore[arg-type]
    country.run(days * DAY)
    country.verdicts.clear()
    return country


def delayed(milliseconds: float) -> Act:
    """Every packet to and from the platform's addresses takes so much longer."""
    times = (NEAR + milliseconds) / NEAR
    return lambda leg, address: WELL if leg.role is LegRole.CONTROL else Done(rtt=times)


@pytest.mark.parametrize("milliseconds", [60.0, 184.0, 290.0])
@pytest.mark.parametrize("swaps", [True, False])
def test_a_delay_of_every_packet_is_never_fine(milliseconds: float, swaps: bool) -> None:
    country = calm(swaps=swaps)
    country.act = delayed(milliseconds)
    last = country.run(3 * DAY)
    assert State.OK not in {verdict.state for verdict in country.verdicts}
    assert not any(verdict.restricted for verdict in country.verdicts)
    assert last.reason == "farther_than_before"
    assert f"takes {milliseconds:.0f} ms longer" in last.sentence
    assert "by the same time to each" in last.sentence
    assert "4 other sites do not" in last.sentence


@pytest.mark.parametrize("milliseconds", [60.0, 184.0, 290.0])
@pytest.mark.parametrize("rounds", [12, 48, 192])
def test_a_delay_that_is_over_leaves_nothing(milliseconds: float, rounds: int) -> None:
    country = calm()
    country.act = delayed(milliseconds)
    country.run(rounds)
    country.act = nothing
    country.run(DAY)
    bursts = country.bursts
    country.verdicts.clear()
    country.run(DAY)
    assert {verdict.state for verdict in country.verdicts} == {State.OK}
    assert country.bursts == bursts


def test_more_than_the_earth_is_large_is_no_distance() -> None:
    country = calm()
    country.act = delayed(940.0)
    country.run(DAY)
    assert State.OK not in {verdict.state for verdict in country.verdicts}
    assert {verdict.reason for verdict in country.verdicts} != {"path_changed"}


def test_an_edge_that_can_be_seen_to_have_moved_is_learnt() -> None:
    country = calm()
    country.act = delayed(120.0)
    country.addresses = ELSEWHERE
    country.run(12)
    country.verdicts.clear()
    country.run(DAY)
    assert {verdict.state for verdict in country.verdicts} == {State.OK}


def test_a_line_that_is_farther_from_everybody_is_no_delay_of_one() -> None:
    country = calm()
    country.act = lambda leg, address: Done(rtt=5.0)
    country.run(DAY)
    country.verdicts.clear()
    assert country.run(DAY).state is State.OK


@pytest.mark.parametrize("swaps", [True, False])
def test_what_creeps_in_over_days_is_not_fine(swaps: bool) -> None:
    """By less than the margin in half a day, until it is eight times as slow."""
    country = calm(4, swaps=swaps, addresses=ADDRESSES[:1])
    for step in range(1, 61):
        slow = Done(transfer=8.0 ** (step / 60))
        country.act = lambda leg, address, slow=slow: (  # type: ignore[misc]
            WELL if leg.role is LegRole.CONTROL else slow
        )
        country.run(12)
    assert country.verdicts[-1].state is not State.OK
    country.verdicts.clear()
    country.run(DAY)
    assert State.OK not in {verdict.state for verdict in country.verdicts}


@pytest.mark.parametrize("seed", range(3))
def test_what_cannot_be_proven_is_not_tested_for_ever(seed: int) -> None:
    """Somewhat slower than the margin, on a noisy line, at an address alone."""

    def act(leg: Leg, address: str) -> Done:
        return WELL if leg.role is LegRole.CONTROL else Done(transfer=2.6)

    country = calm(seed=seed, noise=0.3, swaps=False, addresses=ADDRESSES[:1])
    country.act = act
    country.run(3 * DAY)
    bursts, accused = (
        country.bursts,
        country.verdicts[-1].state
        in (
            State.THROTTLED,
            State.IMPAIRED,
        ),
    )
    country.run(DAY)
    assert accused or country.bursts - bursts < DAY / 2
