"""A round is read once: what is read is what the legs and levels say, and nobody reads it again."""

from __future__ import annotations

import ast
from math import inf, isfinite
from pathlib import Path

import pytest

from probe.model.identity import LegRole, Phase
from probe.observe.effort import Measure
from probe.verdict.normal.distance import log_rtt
from probe.verdict.one_round import readings
from probe.verdict.one_round.readings import deviations, giving, log_effort, read
from probe.verdict.remembered.keys import RTT, Series, difference, series
from tests.values import a_round, failed, observed
from tests.verdict.country import WELL, Country, Done

ROOM = Path(readings.__file__).parent
# What reads a leg, and who may: the readings; what was shown to people is told in plain rates,
# and curtains are looked for in these.
READS = {"effort", "log_effort", "log_rtt", "log_distance", "log_gaps"}
READERS = {"readings.py", "distance.py", "shown.py", "pace.py", "curtains.py"}


def test_only_the_readings_read_legs() -> None:
    found = {
        path.name
        for path in ROOM.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and READS & {one.name for one in node.names}
    }
    assert found <= READERS


def test_an_empty_memory_knows_no_normal() -> None:
    found = read(a_round(observed(), observed(LegRole.CONTROL, owner="debian")), {})
    for leg in found.legs:
        for measure in Measure:
            assert leg.expected(measure) is None
            assert leg.level(measure) is leg.kept(measure) is None
        assert leg.usual_rtt is None
    assert deviations(found.legs, Measure.TRANSFER) == []


def test_a_failure_is_infinite_gives_nothing_and_deviates_from_nothing() -> None:
    found = read(a_round(failed(Phase.CONNECT, "connection_reset")), {})
    (leg,) = found.legs
    assert leg.log(Measure.HANDSHAKE) == inf
    assert leg.failed
    assert giving(found.legs) == []
    assert leg.efforts[Measure.HANDSHAKE].deviation is None


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_is_what_the_legs_and_levels_say(seed: int) -> None:
    country = Country(seed=seed)
    country.act = lambda leg, at: Done(transfer=3.0) if leg.role is LegRole.TARGET else WELL
    country.run(12)
    seen, levels = country.a_round(), country.memory.levels
    found, family = read(seen, levels), seen.family.value
    assert [leg.seen for leg in found.legs] == list(seen.legs)
    known = 0
    for leg in found.legs:
        assert leg.rtt == log_rtt(leg.seen)
        assert leg.far == levels.get(series(leg.seen, RTT, family))
        for measure in Measure:
            key = Series(family, leg.leg.role, *leg.endpoint, measure).key
            assert leg.log(measure) == log_effort(leg.seen, measure)
            assert leg.kept(measure) == levels.get(key)
            beyond = leg.efforts[measure].beyond_swap
            assert beyond is None or beyond == levels[difference(leg.seen, measure, family)]
            level, value = leg.level(measure), leg.log(measure)
            if level is not None and value is not None and isfinite(value):
                known += 1
                assert leg.expected(measure) == level.expected(seen.started_at)
                assert leg.efforts[measure].deviation == value - level.expected(seen.started_at)
    assert known
