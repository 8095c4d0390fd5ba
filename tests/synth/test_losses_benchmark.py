"""``benchmarks.losses``: packets are lost on the way that is said, and the table says how soon."""

from __future__ import annotations

from math import inf, log
from random import Random
from statistics import fmean

import pytest

from benchmarks.losses import Cell, Found, Row, lossy, main, rounds_until, text, times
from probe.config import load
from probe.model.identity import LegRole, RoundKind
from scenarios.model import Lossy, Restricted, Whom, exactly
from synth.censor import Meeting
from synth.edges import CALM
from synth.line import LineAtWork
from synth.lines import FIBRE
from synth.rounds import Rounds
from synth.tcp import Flow, deliver
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
ROW = Row(10.0, "name", "down")
CELL = Cell(ROW, "fibre", "x", 0)


def met(*effects: Lossy) -> Meeting:
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN)
    world.restrict([Restricted(whom=Whom(names=("x.com",)), effects=effects)])
    meeting = Meeting()
    address = world.zone["x.com"][0]
    world.censor.syn(address, meeting)
    world.censor.hello(address, "x.com", meeting)
    return meeting


def test_losses_of_the_line_and_of_each_effect_add_up_on_their_ways() -> None:
    meeting = met(Lossy(probability=exactly(0.5)), Lossy(probability=exactly(0.5), up=False))
    assert meeting.lost_up(0.0) == pytest.approx(0.5)
    assert meeting.lost_down(0.0) == pytest.approx(0.75)
    assert meeting.lost_down(0.5) == pytest.approx(0.875)
    only_down = met(Lossy(probability=exactly(0.2), up=False))
    assert (only_down.lost_up(0.0), only_down.slows) == (0.0, True)


@pytest.mark.parametrize("meeting", [Meeting(loss=0.2), Meeting(loss_down=0.2)])
def test_a_loss_on_the_way_down_loses_what_comes_down(meeting: Meeting) -> None:
    line = LineAtWork(FIBRE, Random(1), 0.0)
    lost = [
        deliver(Flow(line, Random(n), meeting, 0.03), 0.0, 65_536, 100.0).lost for n in range(20)
    ]
    # 46 segments and what is sent again of them.
    assert 0.15 < fmean(lost) / (46 + fmean(lost)) < 0.25


def repeats(way: str) -> float:
    world = World(CONFIG, FIBRE, seed=7, edges=CALM, begin=BEGIN)
    world.restrict([lossy(CONFIG, "x", Row(25.0, "name", way))])
    measured, sent = Rounds(CONFIG, world), []
    for n in range(30):
        observed, _ = measured.measure("x", RoundKind.TRANSFER, BEGIN + 900.0 * n)
        legs = observed.by_role(LegRole.TARGET)
        sent += [leg.tcp.retransmits or 0 for leg in legs if leg.tcp is not None]
    return fmean(sent)


def test_what_we_send_is_lost_only_if_that_is_said() -> None:
    assert repeats("down") < 0.05 < 0.3 < repeats("both")


def a_run(said: str, rounds: float, slower: float = 4.0) -> Found:
    return Found(CELL, said, rounds, (log(slower),) * 3, (0.0,) * 3, ())


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ([a_run("i", 2.0), a_run("i", 4.0), a_run("A", 3.0)], "4.0x i r3 3/3"),
        ([a_run("A", 2.0), a_run("A", 4.0), a_run("", inf)], "4.0x A r4 2/3"),
        ([a_run("i", 2.0), a_run("", inf)], "4.0x i 1/2"),
        ([a_run("", inf, 1.2)], "1.2x - 0/1"),
        ([], ""),
    ],
)
def test_a_cell_counts_the_runs_in_which_nothing_was_said(found: list[Found], shown: str) -> None:
    assert text(found) == shown


def test_a_cell_without_runs_or_reads_says_nothing() -> None:
    assert (rounds_until([]), times([])) == (inf, 1.0)
    assert times([Found(CELL, "", inf, (), (), ())]) == 1.0


def test_the_program_finds_a_quarter_lost_and_says_how_slow_that_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["--seeds", "1", "--jobs", "1", "--line", "fibre", "--platform", "youtube"]
    assert main([*asked, "--loss", "25", "--by", "name", "--way", "down", "--markdown"]) == 0
    shown = capsys.readouterr().out
    assert "| 25 % | name | down | " in shown
    assert "1 cells in which reads take 3 times as long or more; 1 of them found within" in shown
    assert "0 words that are not so" in shown


def test_a_platform_that_nobody_knows_is_no_silence() -> None:
    with pytest.raises(SystemExit):
        main(["--platform", "nobody"])
