"""What bursts do without, so that a host's 30 legs an hour last until it is known."""

from __future__ import annotations

import pytest

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase, RoundKind
from probe.model.observation import Leg, RoundObservation
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.burst.bets import Wealth
from probe.verdict.burst.frugal import needs_swap
from probe.verdict.remembered.memory import OpenSuspicion
from tests.verdict.country import Act, Country, Done

SLOW = Done(transfer=20.0)
SILENT = Failure(phase=Phase.TLS, reason="generic_timeout_error")


class Recording(Country):
    """Which keeps the bursts that were asked for. ``poor``: the platform's hosts have never as many
    legs left as a burst with a swap takes."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.asked: list[Burst] = []
        self.poor = False

    def a_burst(self, burst: Burst) -> RoundObservation:
        self.asked.append(burst)
        self.spent = self.poor and burst.with_swap
        return super().a_burst(burst)


def by_address(leg: Leg, _: str) -> Done:
    """Whatever goes to the platform's addresses."""
    return SLOW if leg.role in (LegRole.TARGET, LegRole.SWAP) else Done()


def by_name(leg: Leg, _: str) -> Done:
    """Whatever says the platform's name."""
    return SLOW if leg.role is LegRole.TARGET else Done()


def bursts_of(act: Act, seed: int) -> list[Burst]:
    """What is asked for in the first two rounds of ``act``, after calm ones."""
    country = Recording(seed)
    country.run(12)
    country.act = act
    country.asked.clear()
    country.run(2)
    assert country.verdicts[-1].state in (State.IMPAIRED, State.THROTTLED)
    return country.asked


@pytest.mark.parametrize("seed", range(8))
def test_what_is_slow_by_address_costs_its_host_few_legs(seed: int) -> None:
    tested = [burst for burst in bursts_of(by_address, seed) if burst.address]
    assert len(tested) >= 4
    assert sum(burst.with_swap for burst in tested) == 2
    assert [burst.with_swap for burst in tested] == sorted(
        (burst.with_swap for burst in tested), reverse=True
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_swap_that_is_well_is_tested_until_it_has_told(seed: int) -> None:
    assert all(burst.with_swap for burst in bursts_of(by_name, seed))


@pytest.mark.parametrize(
    ("slow", "fast", "clean", "evidence", "needed"),
    [
        (0, 0, False, 1.0, True),
        (1, 0, False, 1.0, True),
        (1, 0, True, 1.0, True),
        (2, 0, False, 1.0, False),
        (2, 1, False, 1.0, True),
        (2, 0, False, 16.0, True),
        (0, 2, False, 1.0, True),
    ],
)
def test_it_is_left_out_once_it_was_slow_as_well(
    *, slow: int, fast: int, clean: bool, evidence: float, needed: bool
) -> None:
    held = OpenSuspicion(
        target="object",
        measure=Measure.TRANSFER,
        family=Family.IPV4,
        onset_at=0.0,
        last_at=0.0,
        swap_slow=slow,
        swap_fast=fast,
        clean_slow=clean,
        swap=Wealth(brave=evidence, careful=evidence, gaps=evidence),
    )
    assert needs_swap(held) is needed


def slow_handshakes(target: str, *, fails: bool = False) -> Act:
    """With one of the platform's names."""

    def act(leg: Leg, _: str) -> Done:
        if leg.role is not LegRole.TARGET or leg.target != target:
            return Done()
        return Done(fails=SILENT) if fails else Done(handshake=30.0)

    return act


def after_light_round(act: Act, seed: int) -> list[Burst]:
    """What is asked for after a round that read nothing, with calm ones before."""
    country = Recording(seed)
    country.run(12)
    country.act = act
    country.asked.clear()
    country.run(1, RoundKind.LIGHT)
    return country.asked


@pytest.mark.parametrize("seed", range(4))
def test_what_is_slow_or_fails_is_tested_at_once(seed: int) -> None:
    """After a round that read nothing as well, each burst with its swap: else evidence against the
    controls alone comes first, and proves less than is so."""
    for act in (slow_handshakes("object"), slow_handshakes("object", fails=True)):
        asked = after_light_round(act, seed)
        assert len(asked) >= 2
        assert all(burst.with_swap for burst in asked[:2])


@pytest.mark.parametrize("seed", range(4))
def test_a_host_that_cannot_pay_for_the_swap_is_tested_without(seed: int) -> None:
    country = Recording(seed)
    country.run(12)
    country.act, country.poor = by_name, True
    country.asked.clear()
    assert country.run(2).state is State.IMPAIRED
    refused = [burst for burst in country.asked if burst.with_swap]
    assert len(refused) == 2  # one in each round
    assert len(country.asked) - len(refused) >= 4


@pytest.mark.parametrize("seed", range(4))
def test_a_host_that_can_pay_for_nothing_is_said_to_be_spared(seed: int) -> None:
    country = Country(seed)
    country.run(12)
    country.act, country.spent = by_name, True
    assert country.run(2).reason == "out_of_budget"
    assert country.bursts == 4  # with its swap and without, in each round
