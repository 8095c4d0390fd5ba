"""A platform's own outage accuses nobody, in the whole daemon: schedule, budgets, bursts."""

from __future__ import annotations

import pytest

from probe.model.verdict import State
from synth.outage_play import OPERATORS, played
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
    during, after = played(outage, "meta", references=1)
    assert not [v.sentence for v in (*during, *after) if v.restricted]
    said = {v.reason for v in during}
    assert said & {"fails_elsewhere_too", "slow_elsewhere_too"}
