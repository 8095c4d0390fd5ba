"""Marks of the way that have come or gone since something was proven, and a decoy that is well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.basis import Basis
from probe.model.identity import LegRole
from probe.model.verdict import State
from probe.verdict.basis.marks_turned import BURSTS, LOOK, REST, MarksTurned
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


def looked(seen: MarksSeen | None, failures: tuple[str, ...] = (), *, marked: bool) -> MarksTurned:
    """After bursts that were asked for and show that."""
    found = MarksTurned(LOOK)
    for _ in range(BURSTS):
        found = found.after_burst(seen, failures, marked=marked)
    return found


@pytest.mark.parametrize(
    ("seen", "failures", "gone"),
    [
        (WHOLE, (), True),
        (THERE, (SILENT,) * 3, True),
        (THERE, (), True),
        (LOST, (), False),
        (HELD_UP, (), False),
        (STOPPED, (), False),
        (AWAY, (SILENT,) * 3, False),
        (THERE, ("tls/connection_reset",) * 3, False),
        (None, (SILENT,) * 3, False),
        (UNSTEADY, (), None),
        (None, (), None),
    ],
)
def test_bursts_say_whether_the_mark_is_gone(
    seen: MarksSeen | None, failures: tuple[str, ...], gone: bool | None
) -> None:
    found = looked(seen, failures, marked=True)
    assert found.shown is (gone is True)
    assert found.look is (gone is not False), "what is marked rests"
    assert looked(seen, failures, marked=False).shown is (gone is False)


def test_one_round_without_a_mark_is_no_reason_to_look() -> None:
    found = MarksTurned().after_round(WHOLE, marked=True)
    assert not found.look
    assert found.after_round(WHOLE, marked=True).look
    assert not found.after_round(LOST, marked=True).after_round(WHOLE, marked=True).look


def test_after_a_burst_that_shows_the_mark_the_next_one_waits() -> None:
    """What delays does not show itself in rounds."""
    found = looked(HELD_UP, marked=True)
    for _ in range(REST + LOOK - 1):
        found = found.after_round(WHOLE, marked=True)
        assert not found.look
    assert found.after_round(WHOLE, marked=True).look


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([LOST, WHOLE, HELD_UP, None]))),
    st.booleans(),
)
def test_only_bursts_end_it(told: list[tuple[bool, MarksSeen | None]], marked: bool) -> None:
    found, bursts = MarksTurned(), 0
    for burst, seen in told:
        if burst and found.look:
            found = found.after_burst(seen, (), marked=marked)
            bursts += 1
        else:
            found = found.after_round(seen, marked=marked)
        assert not found.shown or bursts >= BURSTS


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
