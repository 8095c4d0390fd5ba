"""Two address families: each has its own addresses, its own way, and is judged by itself."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase, RoundKind
from probe.model.observation import Leg, LegObservation, RoundObservation, SkippedLeg
from probe.model.verdict import State
from probe.verdict.line.families import TITLES, works
from probe.verdict.remembered.memory import Memory
from tests.verdict.country import (
    ADDRESSES,
    CONTROLS,
    INTERVAL,
    Act,
    Country,
    Done,
    about_x,
    facts,
)

ALSO_IPV6 = ("2001:db8:1::1", "2001:db8:2::1")
ROUNDS = 48
HOLDS = 2.5 * INTERVAL
DEAD = Done(fails=Failure(phase=Phase.CONNECT, reason="network_unreachable"))


class DualStack(Country):
    """Families take turns from round to round; a burst has the one that it asks for."""

    def __init__(self, seed: int = 3) -> None:
        super().__init__(
            seed,
            swaps=False,
            vouched=True,
            about=about_x(families=tuple(Family), controls=facts(CONTROLS)),
        )
        self.dead: set[Family] = set()
        self.absent: set[Family] = set()
        self.family = Family.IPV4
        self.of = {Family.IPV4: self.addresses, Family.IPV6: ALSO_IPV6}
        self.rounds = 0
        self.mixed = 0

    def _play(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        self.rounds += burst is None
        family = list(Family)[self.rounds % 2] if burst is None else burst.family
        if burst is not None and burst.address:
            self.mixed += burst.address not in self.of[family]
        self.addresses, self.family = self.of[family], family
        made = replace(super()._play(legs, kind, burst), family=family, holds_seconds=HOLDS)
        if family not in self.absent:
            return made
        left = tuple(one for one in made.legs if one.leg.role is LegRole.CONTROL)
        gone = tuple(SkippedLeg(leg=x.leg, reason="no_address") for x in made.legs if x not in left)
        return replace(made, legs=left, skipped=gone)

    def _observe(self, leg: Leg, order: int, address: str, state: float) -> LegObservation:
        usual = self.act
        if self.family in self.dead:
            self.act = lambda leg, at: DEAD
        made = super()._observe(leg, order, address, state)
        self.act = usual
        return made

    def says(self, rounds: int) -> list[tuple[str, str]]:
        """State and reason after each of so many rounds."""
        self.verdicts.clear()
        self.run(rounds)
        return [(v.state.value, v.reason) for v in self.verdicts]


OK, OFFLINE = ("ok", ""), ("offline", "nothing_answers")
UNHEARD = ("unknown", "family_silent")


@pytest.mark.parametrize("family", list(Family))
def test_a_family_that_is_dead_from_the_start_is_no_state_of_a_platform(family: Family) -> None:
    for first in (0, 1):
        country = DualStack()
        country.rounds, country.dead = first, {family}
        said = country.says(24)
        begun = [state for state in said if state in (UNHEARD, ("unknown", "family_dead"))]
        assert OFFLINE not in said
        assert len(begun) <= 2
        assert set(said[4:]) == {OK}
        assert works(country.memory, tuple(Family)) == {one: one is not family for one in Family}


@pytest.mark.parametrize("family", list(Family))
def test_one_that_dies_later_and_comes_back_is_told_of_the_line_alone(family: Family) -> None:
    country = DualStack()
    country.run(2 * ROUNDS)
    began = country.verdicts[-1].since
    for _ in range(2):
        country.dead = {family}
        said = country.says(25)
        assert said.count(OK) >= len(said) - 1, said
        assert {*said} <= {OK, UNHEARD}
        assert works(country.memory, tuple(Family))[family] is False
        country.dead = set()
        assert country.says(9) == [OK] * 9
        assert works(country.memory, tuple(Family)) == dict.fromkeys(Family, True)
    assert country.bursts == 0
    assert country.verdicts[-1].since >= began


@pytest.mark.parametrize("before", [set(), {Family.IPV6}, {Family.IPV4}])
def test_a_line_is_offline_when_every_family_is_silent(before: set[Family]) -> None:
    country = DualStack()
    country.run(ROUNDS)
    country.dead = before
    country.run(ROUNDS)
    country.dead = set(Family)
    said = country.says(10)
    assert set(said[2:]) == {OFFLINE}, said
    assert set(said[:2]) <= {OK, UNHEARD, OFFLINE}
    country.dead = before
    assert set(country.says(10)[2:]) == {OK}


def test_a_single_family_that_is_silent_is_a_line_that_is_offline() -> None:
    country = DualStack()
    country.of[Family.IPV6] = country.of[Family.IPV4]
    country.about = about_x(families=(Family.IPV4,), controls=facts(CONTROLS))
    country.dead = set(Family)
    assert country.says(1) == [OFFLINE]
    # Nor does one that is never asked keep the others waiting.
    country.about = about_x(families=tuple(Family), controls=facts(CONTROLS))
    country.dead = {Family.IPV4}
    country.memory = Memory()
    for _ in range(4):
        country.rounds = 1  # an even turn comes next
        said = country.says(1)
    assert said == [OFFLINE]


def test_what_is_proven_goes_on_over_the_family_that_dies() -> None:
    for dead in Family:
        country = DualStack()
        country.run(2 * ROUNDS)
        country.act = to(country.of[Family.IPV4], DEAD)
        assert country.run(ROUNDS // 2).state is State.BLOCKED
        since = country.verdicts[-1].since
        country.dead = {dead}
        country.says(ROUNDS // 4)
        assert {v.state for v in country.verdicts} == {State.BLOCKED}, dead
        assert {v.since for v in country.verdicts} == {since}


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("done", ["fails", "slow"])
def test_what_is_met_over_one_family_alone_is_said_to_be(family: Family, done: str) -> None:
    """As in Russia in 2024: over IPv4 it is blocked, over IPv6 it is free."""
    other = next(one for one in Family if one is not family)
    for vouched in (True, False):
        country = DualStack()
        country.vouched = vouched
        country.run(2 * ROUNDS)
        country.act = to(country.of[family], DEAD if done == "fails" else Done(transfer=12.0))
        last = country.run(ROUNDS // 2)
        assert last.state is (
            State.IMPAIRED if not vouched else State.BLOCKED if done == "fails" else State.THROTTLED
        )
        assert f"over {TITLES[family]}" in last.sentence
        assert f"Over {TITLES[other]} it is fine." in last.sentence
        country.act = to((*ADDRESSES, *ALSO_IPV6), DEAD)
        assert "it is fine." not in country.run(6).sentence.replace("outside the country it is", "")


def test_an_outage_is_found_beside_a_dead_family() -> None:
    country = DualStack()
    country.dead = {Family.IPV6}
    country.run(ROUNDS)
    country.act = to(ADDRESSES, Done(status=503))
    country.says(8)
    assert country.says(4)[-1] == ("down", "server_error")


@pytest.mark.parametrize("family", list(Family))
def test_a_platform_without_an_address_in_one_family_is_what_the_other_shows(
    family: Family,
) -> None:
    country = DualStack()
    country.absent = {family}
    said = country.says(ROUNDS)
    assert set(said[1:]) == {OK}
    assert said[0] in (OK, ("unknown", "no_address"))


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
