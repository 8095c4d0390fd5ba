"""Marks of the way that have come or gone since something was proven, and a decoy that is well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.basis import Basis
from probe.model.identity import LegRole
from probe.model.verdict import State
from probe.verdict.basis.doubt import BURSTS, LOOK, REST, Doubt, lost_more, marked
from probe.verdict.basis.way_marks import MarksSeen
from tests.verdict.country import Country, Done, nothing

CALM = 24
SILENT = "transfer/generic_timeout_error"
LOST, WHOLE = MarksSeen(lost=9, late=0), MarksSeen(lost=0, late=0)
HELD_UP = MarksSeen(lost=0, late=9)
STOPPED = MarksSeen(lost=0, late=0, lost_of=0, stopped=True)
THERE = MarksSeen(lost=0, late=0, lost_of=0, there=True)
AWAY = MarksSeen(lost=0, late=0, lost_of=0, there=False)
UNSTEADY = MarksSeen(lost=0, late=0, late_of=0)


def looked(otherwise: bool | None) -> Doubt:
    """After bursts that were asked for and show that."""
    found = Doubt(LOOK)
    for _ in range(BURSTS):
        found = found.after_burst(otherwise)
    return found


@pytest.mark.parametrize(
    ("seen", "failures", "by_the_way"),
    [
        (WHOLE, (), False),
        (THERE, (SILENT,) * 3, False),
        (THERE, (), False),
        (LOST, (), True),
        (HELD_UP, (), True),
        (STOPPED, (), True),
        (AWAY, (SILENT,) * 3, True),
        (THERE, ("tls/connection_reset",) * 3, True),
        (None, (SILENT,) * 3, True),
        (UNSTEADY, (), None),
        (None, (), None),
    ],
)
def test_a_burst_says_whether_the_way_did_it(
    seen: MarksSeen | None, failures: tuple[str, ...], by_the_way: bool | None
) -> None:
    assert marked(seen, failures) is by_the_way


def test_a_round_says_whether_more_was_lost() -> None:
    assert lost_more(LOST)
    assert lost_more(WHOLE) is False
    assert lost_more(None) is None


def test_bursts_decide_and_what_is_refuted_rests() -> None:
    assert looked(True).by_bursts
    assert looked(None) == Doubt(LOOK)
    assert not looked(False).look


def test_one_round_is_no_reason_to_look() -> None:
    assert not Doubt().after_round(True).look
    assert Doubt().after_round(True).after_round(True).look
    assert not Doubt().after_round(True).after_round(False).after_round(True).look
    assert Doubt(1, 1).after_round(None) == Doubt(1, 1)


def test_after_a_burst_that_refutes_it_the_next_one_waits() -> None:
    """What delays does not show itself in rounds."""
    found = looked(False)
    for _ in range(REST + LOOK - 1):
        found = found.after_round(True)
        assert not found.look
    assert found.after_round(True).look


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([True, False, None]))))
def test_only_bursts_in_a_row_end_it(told: list[tuple[bool, bool | None]]) -> None:
    found, in_a_row = Doubt(), 0
    for burst, otherwise in told:
        if burst and found.look:
            found = found.after_burst(otherwise)
            in_a_row = 0 if otherwise is False else in_a_row + (otherwise is True)
        else:
            found = found.after_round(otherwise)
            in_a_row = 0 if otherwise is False else in_a_row
        assert not found.by_bursts or in_a_row >= BURSTS


def test_a_decoy_that_is_well_while_the_target_stays_slow_accuses_no_more() -> None:
    slow = Done(handshake=8.0, transfer=8.0)
    both = (LegRole.TARGET, LegRole.DECOY)
    country = Country(swaps=False, decoys=True)
    country.run(CALM)
    country.act = lambda leg, address: slow if leg.role in both else nothing(leg, address)
    assert country.run(4).basis is Basis.DECOY
    country.act = lambda leg, address: slow if leg.role is LegRole.TARGET else nothing(leg, address)
    said = [country.run(1) for _ in range(8)]
    assert all(one.basis is not Basis.DECOY for one in said[4:])
    assert said[-1].state is State.IMPAIRED
