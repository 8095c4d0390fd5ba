"""What holds for the table of scenarios as a whole."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest

from probe.config import load
from probe.config.neutral import neutral_names
from probe.model.verdict import State
from scenarios.lines import LINES
from scenarios.model import ABROAD, ACCUSING, HOME, NEIGHBOUR, Range, Scenario, exactly
from scenarios.ranges import LISTED
from scenarios.rows import Row
from scenarios.table import EVERY_ONE
from tests.every import for_every

each = for_every(EVERY_ONE, lambda scenario: scenario.id)

SHIPPED = {platform.name for platform in load(None, {}).platforms}


def ranges(value: object) -> list[Range]:
    """Every range in a value."""
    if isinstance(value, Range):
        return [value]
    if isinstance(value, msgspec.Struct):
        return [r for name in value.__struct_fields__ for r in ranges(getattr(value, name))]
    return [r for item in value for r in ranges(item)] if isinstance(value, tuple) else []


def test_ids_are_unique() -> None:
    assert [i for i, n in Counter(s.id for s in EVERY_ONE).items() if n > 1] == []


def test_every_row_of_the_history_has_a_scenario() -> None:
    assert {row for scenario in EVERY_ONE for row in scenario.rows} == set(Row)


def test_a_list_of_exceptions_has_every_name_that_the_shipped_controls_say() -> None:
    for name in neutral_names(load(None, {}).controls):
        assert any(name == one or (one[0] == "." and name.endswith(one)) for one in LISTED), name


@each
def test_a_scenario_says_whence_it_is(scenario: Scenario) -> None:
    assert scenario.source
    assert scenario.name
    assert scenario.rows


@each
def test_it_measures_shipped_platforms_on_known_lines(scenario: Scenario) -> None:
    assert set(scenario.platforms) <= SHIPPED
    assert scenario.lines
    assert set(scenario.lines) <= set(LINES)


@each
def test_something_is_expected_of_every_platform_at_home(scenario: Scenario) -> None:
    for platform in scenario.platforms:
        expectation = scenario.expected(platform, HOME)
        assert expectation is not None
        assert 1 <= expectation.within_rounds <= scenario.lasts_rounds or scenario.lasts_rounds == 1


@each
def test_vantages_that_are_spoken_of_exist(scenario: Scenario) -> None:
    there = {HOME}
    there |= {ABROAD} if scenario.abroad else set()
    there |= {NEIGHBOUR} if scenario.neighbour else set()
    assert {e.vantage for e in scenario.expect} <= there


@each
def test_what_must_be_said_is_not_forbidden(scenario: Scenario) -> None:
    for expectation in scenario.expect:
        assert {said.state for said in expectation.said}.isdisjoint(expectation.never)


@each
def test_what_has_no_culprit_must_not_be_called_interference(scenario: Scenario) -> None:
    if not scenario.accuses:
        for expectation in scenario.expect:
            if expectation.vantage == HOME:
                assert set(ACCUSING) <= set(expectation.never)


@each
def test_methods_belong_to_blocks_triggers_to_throttling_and_reasons_to_what_is_neither(
    scenario: Scenario,
) -> None:
    for said in (said for e in scenario.expect for said in e.said):
        assert not said.methods or said.state in (State.BLOCKED, State.IMPAIRED)
        assert not said.triggers or said.state is State.THROTTLED
        fields = (said.signatures, said.phases)
        assert not any(fields) or said.state in (State.THROTTLED, State.IMPAIRED)
        without_proof = (State.UNKNOWN, State.OFFLINE, State.DEGRADED)
        assert not said.reasons or said.state in without_proof


@each
def test_a_drawn_scenario_has_one_value_within_each_range(scenario: Scenario) -> None:
    drawn = scenario.drawn(Random(1))
    assert drawn == scenario.drawn(Random(1))
    assert len(drawn.alternatives) == 1
    (chosen,) = drawn.alternatives
    origin = [a for a in scenario.alternatives if len(ranges(a)) == len(ranges(chosen))]
    narrowed = [r for r in ranges(chosen) if r.least == r.most]
    assert narrowed == ranges(chosen)
    assert any(
        all(o.least <= n.least * (1 + 1e-9) and n.most <= o.most * (1 + 1e-9)
            for o, n in zip(ranges(a), narrowed, strict=True))
        for a in origin
    )  # fmt: skip


def test_bursts_of_the_table_span_what_policers_have() -> None:
    bursts = [
        effect.burst_bytes
        for scenario in EVERY_ONE
        for happens in scenario.alternatives
        for happening in happens
        for effect in getattr(happening, "effects", ())
        if hasattr(effect, "burst_bytes")
    ]
    assert min(b.least for b in bursts) <= 8 * 1024
    assert max(b.most for b in bursts) >= 256 * 1024


def test_a_range_draws_every_part_of_itself() -> None:
    drawn = [Range(1.0, 10_000.0).draw(Random(seed)) for seed in range(400)]
    assert all(1.0 <= value <= 10_000.0 for value in drawn)
    # Log-uniform: half of them below the geometric middle.
    assert 140 < sum(value < Range(1.0, 10_000.0).value for value in drawn) < 260
    assert exactly(3.0).draw(Random(1)) == exactly(3.0).value == pytest.approx(3.0)
