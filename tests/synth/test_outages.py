"""A platform's own outage accuses nobody, in the whole daemon: schedule, budgets, bursts."""

from __future__ import annotations

import pytest

from probe.model.verdict import State
from synth.outage_play import OPERATORS, Watch, played
from synth.outages import Outage

# Said of nobody, and not yet said to be so here.
UNDECIDED = (Outage.HALF_SILENT,)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("outage", Outage)
def test_nobody_is_accused_for_an_outage_that_nobody_else_looks_at(
    outage: Outage, operator: str
) -> None:
    during, after = played(outage, operator)
    assert not [v.sentence for v in (*during, *after) if v.restricted]
    states = {v.state for v in during}
    if outage is Outage.ERRORS:
        assert State.DOWN in states
    elif outage not in UNDECIDED:
        assert State.IMPAIRED in states, states
    assert State.OK in {v.state for v in after}


@pytest.mark.parametrize("outage", [Outage.SILENT, Outage.SLOW, Outage.OTHER_CERTIFICATE])
def test_nor_for_one_that_a_reference_meets_too(outage: Outage) -> None:
    during, after = played(outage, "meta", watch=Watch(honest=1))
    assert not [v.sentence for v in (*during, *after) if v.restricted]
    said = {v.reason for v in during}
    assert said & {"fails_elsewhere_too", "slow_elsewhere_too"}


@pytest.mark.parametrize("says", [State.OK, State.DOWN])
@pytest.mark.parametrize("outage", [Outage.SILENT, Outage.SLOW])
def test_nor_where_one_of_three_references_is_broken_or_lies(outage: Outage, says: State) -> None:
    during, after = played(outage, "x", watch=Watch(honest=2, always=(says,)))
    assert not [v.sentence for v in (*during, *after) if v.restricted]
    said = {v.reason for v in during}
    assert said & {"fails_elsewhere_too", "slow_elsewhere_too"}


def test_of_a_reference_that_fell_silent_nothing_follows() -> None:
    during, after = played(Outage.SILENT, "x", watch=Watch(silent=1))
    assert not [v.sentence for v in (*during, *after) if v.restricted]
    assert State.IMPAIRED in {v.state for v in during}
