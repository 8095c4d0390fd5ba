"""What must hold of any finding, whatever the fleet."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.finding import Finding, FindingKind, Reference, Scope
from probe.model.identity import Access, Role
from probe.model.verdict import State
from probe.nation.country import LADDER
from probe.nation.fuse import fuse
from probe.nation.fusion_memory import FusionMemory
from probe.nation.incidents import key_of
from probe.nation.sight import (
    AFFECTED,
    CLEAR,
    Reading,
    Seen,
    Sight,
    hold_steps,
    hold_window,
    on_grid,
)
from tests.nation.fleet import vantage
from tests.nation.histories import History, history, thresholds

SEEDS = st.integers(0, 1_000_000)


def findings(of: History, seed: int, change: str = "") -> list[tuple[Finding, ...]]:
    """The findings of a history, or of one that is told otherwise in a way that must not matter."""
    config, memory, found = thresholds(Random(seed)), FusionMemory(), []
    for step in range(of.steps):
        sight = of.sight(step)
        if change == "shuffled":
            random = Random(seed)
            sight = Sight(
                at=sight.at,
                seen=tuple(random.sample(sight.seen, len(sight.seen))),
                readings=tuple(random.sample(sight.readings, len(sight.readings))),
            )
        elif change == "told twice":
            sight = Sight(
                at=sight.at, seen=sight.seen * 2, readings=(*sight.readings, *sight.readings)
            )
        elif change == "an exercise":
            sight = _with_drill(sight)
        elif change == "clean hosting":
            sight = _with_hosting(sight)
        memory, step_findings = fuse(memory, sight, config)
        found.append(step_findings)
    return found


def _with_drill(sight: Sight) -> Sight:
    """Everything is blocked, as a drill, in networks that are known and in others."""
    seen, readings = [], []
    for asn in range(64_500, 64_510):
        one = vantage(f"drill-{asn}", asn)
        seen.append(Seen(vantage=one, drill=True))
        readings.append(
            Reading(vantage=one, platform="x", state=State.BLOCKED, since=0.0, drill=True)
        )
    return Sight(at=sight.at, seen=(*sight.seen, *seen), readings=(*sight.readings, *readings))


def _with_hosting(sight: Sight) -> Sight:
    one = vantage("server", 64_700, access=Access.HOSTING)
    platforms = {(r.platform, r.vantage.country) for r in sight.readings if not r.drill}
    readings = [
        Reading(vantage=one, platform=platform, state=State.OK, since=0.0)
        for platform, country in platforms
        if country == "PK"
    ]
    return Sight(
        at=sight.at,
        seen=(*sight.seen, Seen(vantage=one)),
        readings=(*sight.readings, *readings),
    )


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_nation_is_never_said_lightly(seed: int) -> None:
    config = thresholds(Random(seed))
    for step in findings(history(seed), seed):
        for f in step:
            assert 0 <= len(f.affected_asns) <= len(f.covered_asns)
            assert set(f.affected_asns) <= set(f.covered_asns)
            assert f.affected_share is None or 0.0 <= f.affected_share <= 1.0 + 1e-9
            assert f.sentence.endswith(".")
            assert bool(f.reasons) or f.scope is Scope.NATION
            if f.scope is Scope.NATION:
                assert f.wide
                assert len(f.affected_asns) >= config.min_networks
                assert (f.affected_share or 0.0) >= config.min_share - 1e-9
                assert (f.coverage or 0.0) >= config.min_coverage - 1e-9
                assert f.reference is not Reference.FAILING
                assert f.upstreams >= config.min_upstreams
                assert f.kind is not FindingKind.IMPAIRED
                fine = f.reference is Reference.FINE or f.kind is FindingKind.SILENT
                assert ("consistent with" in f.sentence) is not fine
            if f.systematic:
                assert f.reference is not Reference.FAILING
                assert len(f.affected_asns) >= config.min_networks
            if len(f.covered_asns) < config.min_networks:
                assert f.scope is Scope.INSUFFICIENT


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from(["shuffled", "told twice"]))
def test_order_and_repetition_say_nothing(seed: int, change: str) -> None:
    told = findings(history(seed), seed, change)
    for one, other in zip(findings(history(seed), seed), told, strict=True):
        # A median over readings that were told twice is the same median.
        assert [replace(f, factor=None) for f in one] == [replace(f, factor=None) for f in other]


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_a_drill_changes_nothing_that_was_measured(seed: int) -> None:
    plain = findings(history(seed), seed)
    drilled = findings(history(seed), seed, "an exercise")
    for one, other in zip(plain, drilled, strict=True):
        assert [f for f in one if not f.drill] == [f for f in other if not f.drill]
        drill = [f for f in other if f.drill]
        assert drill
        assert all("DRILL" in f.sentence for f in drill)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_a_clean_server_changes_no_share(seed: int) -> None:
    plain = findings(history(seed), seed)
    hosted = findings(history(seed), seed, "clean hosting")
    for one, other in zip(plain, hosted, strict=True):
        after = {key_of(f): f for f in other}
        for f in one:
            same = after[key_of(f)]
            assert (same.affected_share, same.scope, same.coverage) == (
                f.affected_share,
                f.scope,
                f.coverage,
            )


def test_the_ladder_ends_in_a_rung_that_always_holds() -> None:
    assert LADDER[-1].scope is Scope.NONE
    assert {rung.scope for rung in LADDER} == set(Scope)
    reasons = [rung.reason for rung in LADDER if rung.reason]
    assert len(reasons) == len(set(reasons))


@pytest.mark.parametrize("kind", list(AFFECTED))
def test_no_state_is_both_affected_and_clear(kind: object) -> None:
    affected, clear = AFFECTED[kind], CLEAR[kind]  # type: ignore[index]
    assert not affected & clear
    assert State.UNKNOWN not in affected | clear


def test_a_clock_that_is_set_back_harms_nothing() -> None:
    config = thresholds(Random(1))
    memory = FusionMemory()
    for at in (600.0, 660.0, 720.0, 60.0, 120.0):
        one = vantage("a")
        sight = Sight(
            at=at,
            seen=(Seen(vantage=one),),
            readings=(Reading(vantage=one, platform="x", state=State.OK, since=at),),
        )
        memory, found = fuse(memory, sight, config)
        assert [f.at for f in found] == [at] * 4
    assert all(t <= 120.0 for steps in memory.wide.values() for t, _ in steps)


@given(st.lists(st.tuples(st.floats(1.0, 200.0), st.booleans()), max_size=60))
def test_what_held_is_told_by_as_much_as_is_remembered(steps: list[tuple[float, bool]]) -> None:
    config = thresholds(Random(1))
    key = ("ZZ", "x", FindingKind.RESTRICTED, False, "")
    memory, all_of_them, at = FusionMemory(), [], 0.0
    for after, wide in steps:
        at += after
        memory = memory.note(at, {key: wide}, config)
        all_of_them.append((at, wide))
        within = [w for t, w in all_of_them if at - hold_window(config) < t <= at]
        held = len(within) > hold_steps(config) and all(within)
        assert memory.held(key, at, config) is held
        # A daemon that hears much remembers no more of what is not so.
        assert sum(not w for _, w in memory.wide[key]) <= 1


def test_a_reference_is_no_part_of_the_country() -> None:
    abroad = vantage("abroad", 64_900, country="DE", role=Role.REFERENCE)
    sight = Sight(
        at=0.0,
        seen=(Seen(vantage=abroad),),
        readings=(Reading(vantage=abroad, platform="x", state=State.BLOCKED, since=0.0),),
    )
    assert fuse(FusionMemory(), sight, thresholds(Random(1)))[1] == ()


@pytest.mark.parametrize(("at", "step"), [(0.0, 0.0), (59.9, 0.0), (60.0, 60.0), (-1.0, -60.0)])
def test_steps_are_whole_minutes(at: float, step: float) -> None:
    assert on_grid(at) == step
