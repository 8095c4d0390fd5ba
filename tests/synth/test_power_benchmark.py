"""``benchmarks.power``: what is done is as strong as it says, and the table says what was found."""

from __future__ import annotations

from statistics import median

import pytest

from benchmarks.power import Cell, Found, Row, main, rows, text
from probe.config import load
from probe.model.identity import LegRole, Phase, RoundKind
from synth.edges import CALM
from synth.line import LineModel
from synth.lines import DSL, FIBRE
from synth.rounds import Rounds
from synth.slowing import AT_TIMES, SLOWING, Mechanism, done
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
READS = 9


def read_seconds(line: LineModel, mechanism: Mechanism | None, factor: float) -> float:
    world = World(CONFIG, line, seed=7, edges=CALM, begin=BEGIN)
    if mechanism is not None:
        distance = world.distance("x")
        what = done(CONFIG, "x", mechanism, factor, line, distance, by_name=True)
        world.restrict([what.restricted], share=what.share, turns=what.turns)
    measured, at, took = Rounds(CONFIG, world), BEGIN, []
    for _ in range(READS):
        observed, _ = measured.measure("x", RoundKind.TRANSFER, at)
        at += 900.0
        leg = next(o for o in observed.by_role(LegRole.TARGET) if o.leg.target == "object")
        # The look-up is no leg of the platform's, and as long as a whole read on a short line.
        took.append(sum(s for phase, s in leg.phases.items() if phase is not Phase.RESOLVE))
    return median(took)


@pytest.mark.parametrize("line", [FIBRE, DSL], ids=lambda line: line.name)
@pytest.mark.parametrize("mechanism", SLOWING)
def test_what_slows_ten_times_does(mechanism: Mechanism, line: LineModel) -> None:
    ratio = read_seconds(line, mechanism, 10.0) / read_seconds(line, None, 1.0)
    assert 4.0 < ratio < 25.0


@pytest.mark.parametrize("mechanism", AT_TIMES)
def test_what_slows_at_times_leaves_most_reads_alone(mechanism: Mechanism) -> None:
    world = World(CONFIG, FIBRE, seed=7, edges=CALM, begin=BEGIN)
    what = done(CONFIG, "x", mechanism, 30.0, FIBRE, world.distance("x"), by_name=True)
    world.restrict([what.restricted], share=what.share, turns=what.turns)
    measured, slow = Rounds(CONFIG, world), 0
    for n in range(60):
        observed, _ = measured.measure("x", RoundKind.TRANSFER, BEGIN + 850.0 * n)
        legs = [o for o in observed.by_role(LegRole.TARGET) if o.leg.target == "object"]
        slow += sum(sum(leg.phases.values()) > 1.0 for leg in legs)
    assert 6 <= slow <= 42


ROW = Row(Mechanism.CUT, 0.0, "name", "calm")
CELL = Cell(ROW, "fibre", "x", 0, 0)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ([("A", 2.0), ("A", 4.0), ("A", 3.0)], "A r3"),
        ([("A", 2.0), ("i", 4.0), ("i", 6.0)], "A 1/3 r2, i 2/3 r6"),
        ([("ok", None), ("ok", None), ("i", 6.0)], "i 1/3 r6, ok"),
        ([], ""),
    ],
)
def test_a_cell_says_what_was_said(found: list[tuple[str, float | None]], shown: str) -> None:
    assert text([Found(CELL, said, after) for said, after in found]) == shown


def test_the_table_has_every_mechanism_factor_trigger_and_onset() -> None:
    made = rows(list(Mechanism), (2.0, 10.0), ("name", "address"), ("calm", "born"))
    assert len(made) == len(set(made)) == 4 * (2 * len(SLOWING) + 2 + len(AT_TIMES))


def test_the_program_finds_what_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--seeds", "1", "--jobs", "1", "--line", "fibre", "--platform", "x"]
    assert main([*asked, "--mechanism", "dropped", "--by", "name", "--markdown"]) == 0
    shown = capsys.readouterr().out
    assert "| dropped |  | name | born | A" in shown
