"""``benchmarks.scenarios`` counts what went wrong, and its exit says whether anything did."""

from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks.scenarios import Run, factors, main, print_rows, table
from scenarios.model import Over
from scenarios.table import EVERY_ONE

ROWS = factors("fibre")
CONSOLE = Console(record=True, width=120, quiet=True)


def outcome(
    *, wrong: tuple[str, ...] = (), unjust: tuple[str, ...] = (), found: float | None
) -> Run:
    return Run(row=0, wrong=wrong, unjust=unjust, found=(found,), over=(1.0,))


@pytest.mark.parametrize(
    ("runs", "fine"),
    [
        ([outcome(found=2.0)], True),
        ([outcome(found=2.0), outcome(found=1.0), outcome(found=None, wrong=("never",))], True),
        ([outcome(found=3.0)], False),  # ten times, and later than two rounds
        ([outcome(found=None, wrong=("never",))], False),
        ([outcome(found=1.0, wrong=("ok",), unjust=("throttled in the calm",))], False),
    ],
)
def test_what_is_unjust_or_late_at_the_median_fails(runs: list[Run], *, fine: bool) -> None:
    assert print_rows(CONSOLE, ROWS, runs) is fine


def test_a_platform_slowed_ten_times_is_found_by_the_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["--seeds", "1", "--jobs", "1", "--line", "fibre", "--only", "youtube, 10 times, by n"]
    assert main(asked) == 0
    assert "right: 1 of 1; unjust: 0" in capsys.readouterr().out


def test_every_scenario_and_factor_has_a_row() -> None:
    rows = table(("fibre", "dsl"), ())
    assert len({(row.scenario.id, row.line) for row in rows}) == len(rows)
    assert {row.effect.factor for row in rows if row.effect} == {10.0, 5.0, 3.0}
    assert {row.line for row in rows} == {"fibre", "dsl"}
    played = {one.id for one in EVERY_ONE if {"fibre", "dsl"} & set(one.lines)}
    assert {row.scenario.id for row in rows if row.effect is None} == played


def test_rounds_are_counted_of_what_a_scenario_is_about() -> None:
    for row in table(("fibre", "dsl"), ()):
        assert row.over in {expected.over for expected in row.scenario.expect}, row.scenario.id
    assert {row.over for row in table(("fibre",), ("upload-", "quic-"))} == {
        Over.TCP,
        Over.QUIC,
        Over.UPLOAD,
    }
