"""Reading on what an engine recorded, with a clock that is not always right."""

from __future__ import annotations

import pytest

from probe.config.schema import NationConfig
from probe.hub.ledger import PublicIncident, Reached
from probe.hub.read_on import SILENT_STEPS, gone_on, read_on
from probe.model.finding import Ending, Finding
from probe.nation.sight import GRID_SECONDS
from tests.hub.recorded import engine_of, series_of
from tests.hub.test_publish import TITLES, played
from tests.hub.test_recorded_findings import LOOKING

NOW = 1_800_000_000.0
LAST = int(NOW // GRID_SECONDS)
WEEK = 7 * 1_440
EVERY = 5
Kept = dict[str, PublicIncident]


class Reader:
    """Turns of publishing, one in five minutes, of an engine whose clock is right."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings, self.kept = findings, Kept()
        self.reached = Reached(step=LAST - 200)
        self.found: tuple[Finding, ...] = ()

    def turn(self, true: int, clock: int) -> None:
        """At the step ``true``, when the clock says ``clock``."""
        self.reached, silent = gone_on(self.reached, clock, clock - WEEK)
        asked = range(min(self.reached.step + 1, clock), clock + 1)
        there = [f for f in self.findings if round(f.at / GRID_SECONDS) in asked]
        there = [f for f in there if f.at <= true * GRID_SECONDS]
        asks = engine_of(series_of(there), LOOKING)
        self.reached, changed, self.found = read_on(
            self.reached, clock, asks, NationConfig(), TITLES, self.kept, silent
        )
        self.kept |= changed


def read_all(findings: list[Finding]) -> Kept:
    reader = Reader(findings)
    for step in range(LAST - 100, LAST + 1, EVERY):
        reader.turn(step, step)
    return reader.kept


@pytest.mark.parametrize("leap", [-WEEK, 60, 10 * 1_440, 90 * 1_440])
@pytest.mark.parametrize("begins", [-95, -50, -30])
def test_a_clock_that_leaps_ends_no_incident_and_skips_nothing(leap: int, begins: int) -> None:
    """For half an hour it is wrong; before the onset, while it goes on, near its end."""
    findings = played(NOW)
    honest, reader = read_all(findings), Reader(findings)
    assert len(honest) == 1
    for step in range(LAST - 100, LAST + 1, EVERY):
        wrong = begins <= step - LAST < begins + 30
        reader.turn(step, step + leap if wrong else step)
    (one,), (other,) = reader.kept.values(), honest.values()
    assert one.incident.ending is other.incident.ending
    assert (one.incident.id, one.incident.since) == (other.incident.id, other.incident.since)
    assert one.incident.severity == pytest.approx(other.incident.severity)
    assert reader.reached.step == LAST
    assert [f.at for f in reader.found] == [NOW // GRID_SECONDS * GRID_SECONDS] * len(reader.found)


def test_silence_of_all_ends_an_incident_by_and_by() -> None:
    findings = [f for f in played(NOW) if f.at < NOW - 40 * GRID_SECONDS]
    reader = Reader(findings)
    for step in range(LAST - 100, LAST + 1_500, EVERY):
        reader.turn(step, step)
    (one,) = reader.kept.values()
    assert one.incident.ending is Ending.NO_DATA


def test_no_more_silence_counts_than_a_turn_may_bring() -> None:
    reader = Reader(played(NOW))
    reader.turn(LAST, LAST + 90 * 1_440)
    assert reader.reached.step <= LAST + 90 * 1_440 - WEEK + SILENT_STEPS
