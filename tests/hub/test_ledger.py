"""What people decide keeps a time that can be, whatever the clock said."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.hub.ledger import FindingsLedger, PublicIncident, Reached
from tests.hub.test_site import HOUR, NOW, incident

YEAR = 366 * 86_400.0


@pytest.mark.parametrize("wrong", [-50 * YEAR, -YEAR, -5 * HOUR, 60.0, YEAR])
def test_what_was_decided_by_a_wrong_clock_is_set_right(wrong: float, tmp_path: Path) -> None:
    ledger = FindingsLedger(tmp_path / "ledger")
    ledger.read_on(Reached(step=1), [PublicIncident(incident=incident())])
    (name,) = [one.incident.id for one in ledger.all()]
    ledger.release(name, NOW + wrong)
    ledger.correct(name, "It was one home.", NOW + wrong)
    # By a clock that is still behind what was measured nothing is changed.
    ledger.set_right(NOW - YEAR)
    assert ledger.one(name).released_at == NOW + wrong
    for now in (NOW, NOW + HOUR, NOW + YEAR):
        ledger.set_right(now)
        one = ledger.one(name)
        expected = NOW if wrong > 0 else one.incident.opened_at
        assert (one.released_at, one.corrections[0].at) == (expected, expected), "once"
    ledger.close()


def test_what_was_decided_by_a_right_clock_stays(tmp_path: Path) -> None:
    ledger = FindingsLedger(tmp_path / "ledger")
    ledger.read_on(Reached(step=1), [PublicIncident(incident=incident())])
    (before,) = ledger.all()
    ledger.set_right(NOW)
    assert ledger.all() == [before], "a draft has no such time"
    ledger.release(before.incident.id, NOW - HOUR)
    ledger.correct(before.incident.id, "It was one home.", NOW - 60.0)
    (said,) = ledger.all()
    ledger.set_right(NOW)
    assert ledger.all() == [said]
    ledger.close()
