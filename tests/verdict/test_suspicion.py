"""The table of a suspicion: whole, reachable, obeyed, and what the page shows."""

from __future__ import annotations

import runpy
from collections import Counter
from pathlib import Path

import pytest

from probe.model.observation import RoundObservation
from probe.verdict import one_lane
from probe.verdict.about import About
from probe.verdict.burst import after_burst
from probe.verdict.ladder.facts import Facts
from probe.verdict.ladder.judged import Judged, facts_of
from probe.verdict.one_round import after_round
from probe.verdict.remembered.memory import Memory, PlatformMemory
from probe.verdict.suspected.suspicion import (
    IMPOSSIBLE,
    TABLE,
    Ask,
    Deed,
    Occasion,
    Row,
    Standing,
    held_of,
    row_of,
)
from synth.golden.kept import judged, read

ROOT = Path(__file__).parents[2]
HAS_ROW = {(row.held, row.event): row for row in TABLE}


@pytest.mark.parametrize("held", Standing)
def test_every_event_has_a_row_or_is_declared_impossible(held: Standing) -> None:
    for event in Occasion:
        assert ((held, event) in HAS_ROW) is not ((held, event) in IMPOSSIBLE), (held, event)


def test_no_event_has_two_rows_and_each_happens_somewhere() -> None:
    assert len(HAS_ROW) == len(TABLE)
    assert {row.event for row in TABLE} == set(Occasion)
    assert {row.act for row in TABLE} == set(Deed)
    assert {row.ask for row in TABLE} == set(Ask)


def test_what_is_done_leads_where_the_row_says() -> None:
    """The acts that end, begin or prove change the state as their name says; the others do not."""
    leads = {
        Deed.BEGIN: Standing.SUSPECTED,
        Deed.DROP: Standing.NOTHING,
        Deed.PROVE: Standing.PROVEN,
        Deed.END: Standing.NOTHING,
        Deed.TURN: Standing.SUSPECTED,
        Deed.RESTORE: Standing.PROVEN,
    }
    for row in TABLE:
        assert row.then is leads.get(row.act, row.held), row


def test_bursts_are_asked_for_only_of_what_is_held_then() -> None:
    tests = {Ask.TEST: Standing.SUSPECTED, Ask.SWAP: Standing.PROVEN, Ask.END: Standing.PROVEN}
    for row in TABLE:
        assert row.ask is Ask.NOTHING or tests[row.ask] is row.then, row


def test_every_state_is_reached_and_left() -> None:
    arrows = {(row.held, row.then) for row in TABLE if row.held is not row.then}
    reached, before = {Standing.NOTHING}, set[Standing]()
    while reached != before:
        before = set(reached)
        reached |= {then for held, then in arrows if held in reached}
    assert reached == set(Standing)
    assert {held for held, _ in arrows} == set(Standing)


def test_nothing_is_proven_but_by_a_burst_of_a_suspicion_or_was_before() -> None:
    proofs = [
        row
        for row in TABLE
        if row.then is Standing.PROVEN and row.held is not Standing.PROVEN
        if row.act is not Deed.RESTORE
    ]
    assert [(row.held, row.event) for row in proofs] == [(Standing.SUSPECTED, Occasion.PROOF)]


def test_the_page_shows_the_table_as_it_is() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "pictures.py"))
    shown = tool["PAGE"].read_text(encoding="utf-8")
    assert tool["page"](shown) == shown, "python tools/pictures.py writes it anew"


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """The rows that golden histories go through, each obeyed: what is held then is what it says,
    and a burst is asked for only where it says so."""
    gone: list[Row] = []

    def looked_up(mine: PlatformMemory, event: Occasion) -> Row:
        gone.append(row_of(mine, event))
        return gone[-1]

    def put_together(
        one: Judged, memory: Memory, observed: RoundObservation, about: About
    ) -> Facts:
        if one.line.bears_bursts:
            assert held_of(one.mine) is gone[-1].then, gone[-1]
            assert one.plan is None or gone[-1].ask is not Ask.NOTHING, gone[-1]
        return facts_of(one, memory, observed, about)

    monkeypatch.setattr(after_round, "row_of", looked_up)
    monkeypatch.setattr(after_burst, "row_of", looked_up)
    monkeypatch.setattr(one_lane, "facts_of", put_together)
    return gone


def test_golden_histories_go_through_the_table(rows: list[Row]) -> None:
    for number, history in enumerate(read()):
        if number % 3 == 0:
            for _ in judged(history):
                pass
    met = Counter(rows)
    # What turns into something else is played in tests/synth/test_turned.py.
    assert len(met) > len(TABLE) * 0.6
    assert {row.then for row in met} == set(Standing)
