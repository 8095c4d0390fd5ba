"""What a reference would make no accusation of says so, for whoever adds up vantages."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.identity import LegRole
from probe.model.observation import Leg
from probe.model.verdict import NEAR_HERE, RESTRICTED, State
from tests.verdict.country import ADDRESSES, WELL, Act, Country, Done
from tests.verdict.test_basis import CALM, RESET, SILENT, TROUBLES, everywhere

ROUNDS = 12


def at_one(done: Done) -> Act:
    """It happens at one of its addresses."""

    def act(leg: Leg, address: str) -> Done:
        return done if leg.role is not LegRole.CONTROL and address == ADDRESSES[0] else WELL

    return act


def each_its_own(leg: Leg, address: str) -> Done:
    """One address is dead, and another refuses to go on."""
    if leg.role is LegRole.CONTROL:
        return WELL
    return SILENT if address == ADDRESSES[0] else RESET


ACTS: dict[str, Act] = {
    **{f"{name}, everywhere": everywhere(done) for name, done in TROUBLES.items()},
    **{f"{name}, at one address": at_one(done) for name, done in TROUBLES.items()},
    "slow, and its packets are lost": everywhere(Done(transfer=12.0, lost=12)),
    "slow, over a way that loses and delays nothing": everywhere(Done(transfer=12.0, lost=0)),
    "twice as slow": everywhere(Done(transfer=3.0)),
    "two troubles at two addresses": each_its_own,
}


def _run(act: Act, seed: int, *, vouched: bool) -> Country:
    country = Country(seed, swaps=False, vouched=vouched)
    country.run(CALM)
    country.verdicts.clear()
    country.act = act
    country.run(ROUNDS)
    return country


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_a_finding_makes_no_more_of_it_than_the_verdict_would(act: Act) -> None:
    """The same rounds, seen by a daemon with a reference of its own and by one without."""
    for seed in (1, 2):
        alone, told = (_run(act, seed, vouched=vouched) for vouched in (False, True))
        for one, other in zip(alone.verdicts, told.verdicts, strict=True):
            assert one.state not in RESTRICTED
            if one.state is State.IMPAIRED and other.state in (State.IMPAIRED, *RESTRICTED):
                assert one.reason == ("" if other.state in RESTRICTED else NEAR_HERE)


def test_both_are_said() -> None:
    said = {
        name: _run(act, 1, vouched=False).verdicts[-1]
        for name, act in ACTS.items()
        if name.startswith(("silent, everywhere", "slow, "))
    }
    assert said["silent, everywhere"].reason == ""
    assert said["slow, over a way that loses and delays nothing"].reason == NEAR_HERE
    assert {one.reason for one in said.values() if one.state is State.IMPAIRED} == {"", NEAR_HERE}


def test_what_is_stored_of_older_versions_is_not_known_to_be_more() -> None:
    country = _run(everywhere(SILENT), 1, vouched=False)
    mine = country.memory.platform("x")
    assert mine.proven is not None
    assert mine.proven.by_reference
    older = replace(mine, proven=replace(mine.proven, by_reference=False))
    country.memory = replace(country.memory, platforms={"x": older})
    assert country.run(1).reason == ""  # the next round knows
