"""Two address families: each has its own addresses, its own way, and is judged by itself."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import Family, LegRole, RoundKind
from probe.model.observation import Leg, RoundObservation
from probe.model.verdict import State
from tests.verdict.country import Act, Country, Done

ALSO_IPV6 = ("2001:db8:1::1", "2001:db8:2::1")
ROUNDS = 48


class DualStack(Country):
    """Families take turns from round to round; a burst has the one that it asks for."""

    def __init__(self, seed: int = 3) -> None:
        super().__init__(seed, swaps=False, vouched=True)
        self.of = {Family.IPV4: self.addresses, Family.IPV6: ALSO_IPV6}
        self.rounds = 0
        self.mixed = 0

    def _play(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        self.rounds += burst is None
        family = list(Family)[self.rounds % 2] if burst is None else burst.family
        if burst is not None and burst.address:
            self.mixed += burst.address not in self.of[family]
        self.addresses = self.of[family]
        return replace(super()._play(legs, kind, burst), family=family)


def to(addresses: tuple[str, ...], done: Done) -> Act:
    return lambda leg, at: done if leg.role is LegRole.TARGET and at in addresses else Done()


@pytest.mark.parametrize("family", list(Family))
def test_what_is_slowed_over_one_family_is_found(family: Family) -> None:
    country = DualStack()
    country.run(2 * ROUNDS)
    country.verdicts.clear()
    country.act = to(country.of[family], Done(transfer=12.0))
    country.run(ROUNDS)
    said = Counter(verdict.state for verdict in country.verdicts)
    assert said[State.THROTTLED] > ROUNDS * 0.8, said
    assert country.bursts
    assert country.mixed == 0
    country.act = to((), Done())
    assert country.run(ROUNDS // 4).state is State.OK


def test_another_way_over_one_family_is_said_of_that_one() -> None:
    country = DualStack()
    country.run(2 * ROUNDS)
    country.act = to(country.of[Family.IPV6], Done(rtt=5.0))
    country.run(ROUNDS)
    country.verdicts.clear()
    country.run(ROUNDS)
    assert {verdict.state for verdict in country.verdicts} == {State.OK, State.UNKNOWN}
    assert {verdict.reason for verdict in country.verdicts} == {"", "farther_than_before"}
