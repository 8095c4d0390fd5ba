"""``benchmarks/everything_at_once.py --simulated``: the real daemon in virtual time, with deadlines
that take theirs."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from benchmarks.at_once_cells import ONE_FROZEN, Cell
from benchmarks.at_once_plan import Run, Told
from benchmarks.everything_at_once import lost
from scenarios.throttling import ALL_PLATFORMS

LEAST_DEADLINE = 5.0
"""Of a leg that is silent (probe/schedule/leg_patience.py)."""
LIGHT = 300.0
"""Seconds from one light round to the next, by default."""


def played(cell: Cell, seconds: float, folder: Path) -> Told:
    """What comes of ``cell``, of which so many seconds are played."""
    run = Run(
        cell=cell,
        seed=1,
        calm_seconds=0.0,
        least_seconds=0.0,
        enough_seconds=seconds,
        most_seconds=seconds,
    )
    (folder / "run.json").write_bytes(msgspec.json.encode(run))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.at_once_numbers", str(folder / "run.json")],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[1],
        timeout=120.0,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return msgspec.json.decode(done.stdout, type=Told)


def test_names_that_never_arrive_are_said_and_each_burst_waits_for_its_silences(
    tmp_path: Path,
) -> None:
    told = played(Cell(mechanism="hello", line="fibre", born=True), 900.0, tmp_path)
    blocked = {one.pair for one in told.said if one.state == "blocked"}
    assert blocked == {f"home-0/{platform}" for platform in ALL_PLATFORMS}
    assert told.seconds < 900.0
    for pair in blocked:
        begins = [one.at for one in told.made if one.pair == pair and one.kind == "burst"]
        assert len(begins) >= 3
        assert all(later - earlier >= LEAST_DEADLINE for earlier, later in pairwise(begins))


@pytest.mark.parametrize("mechanism", ["silence", "syn", "hello"])
def test_who_is_not_met_has_a_round_in_two_intervals_while_another_is_silent(
    mechanism: str, tmp_path: Path
) -> None:
    cell = Cell(mechanism=mechanism, line="fibre", born=True, met=(ONE_FROZEN,))
    told = played(cell, 3_600.0, tmp_path)
    assert any(one.pair == f"home-0/{ONE_FROZEN}" and one.kind == "burst" for one in told.made)
    for platform in set(ALL_PLATFORMS) - {ONE_FROZEN}:
        pair = f"home-0/{platform}"
        begins = [one.at for one in told.made if one.pair == pair and one.kind != "burst"]
        # Whose rounds hold for 2.5 intervals; so its series are there all the time.
        apart = [later - earlier for earlier, later in pairwise([0.0, *begins, told.seconds])]
        assert max(apart) <= 2 * LIGHT, (platform, apart)
        assert lost(told, pair) <= 1
