"""An incident is not closed for good because somebody set the clock, or the daemon was off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe.config.schema import NationConfig
from probe.model.finding import Ending, FindingKind, Incident, Scope
from probe.nation.incidents import Incidents
from probe.nation.sight import GRID_SECONDS

START, YEAR = 1_700_000_000.0, 365.25 * 86_400.0
THRESHOLDS = NationConfig()
INCIDENT = Incident(
    id="1",
    country="ZZ",
    platform="x",
    kind=FindingKind.RESTRICTED,
    scope=Scope.NATION,
    since=START,
    opened_at=START,
    updated_at=START,
    severity=1.0,
    peak_share=1.0,
    networks=(64_501,),
    sentence="X: restricted.",
)
JUMPS = st.floats(-40 * YEAR, 40 * YEAR)


def silent(
    incidents: Incidents, at: float, seconds: float
) -> tuple[Incidents, float, list[Incident]]:
    """Steps at which nobody says anything."""
    changed: list[Incident] = []
    for _ in range(int(seconds / GRID_SECONDS)):
        at += GRID_SECONDS
        incidents, some = incidents.advance((), at, THRESHOLDS)
        changed += some
    return incidents, at, changed


@given(st.lists(JUMPS, min_size=1, max_size=5))
def test_silence_lasts_as_long_as_it_lasts(jumps: list[float]) -> None:
    incidents, _ = Incidents().resumed([INCIDENT], START)
    at, each = START, (THRESHOLDS.forget - GRID_SECONDS) / (len(jumps) + 1)
    for jump in jumps:
        incidents, at, changed = silent(incidents, at, each)
        assert changed == []
        at += jump
        incidents = incidents.moved(jump)
    incidents, at, changed = silent(incidents, at, each)
    assert changed == []
    _, _, (closed,) = silent(incidents, at, THRESHOLDS.forget)
    assert closed.ending is Ending.NO_DATA


@given(JUMPS)
def test_while_no_daemon_ran_nothing_was_silent(off: float) -> None:
    """However long that was, if the clock is right at all."""
    incidents, _ = Incidents().resumed([INCIDENT], START + off)
    incidents, at, changed = silent(incidents, START + off, THRESHOLDS.forget - GRID_SECONDS)
    assert changed == []
    _, _, (closed,) = silent(incidents, at, 2 * GRID_SECONDS)
    assert closed.ending is Ending.NO_DATA
