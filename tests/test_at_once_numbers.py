"""``benchmarks/everything_at_once.py --simulated``: the real daemon in virtual time, with deadlines
that take theirs."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import msgspec

from benchmarks.at_once_cells import Cell
from benchmarks.at_once_plan import Run, Told
from scenarios.throttling import ALL_PLATFORMS

LEAST_DEADLINE = 5.0
"""Of a leg that is silent (probe/schedule/leg_patience.py)."""


def test_names_that_never_arrive_are_said_and_each_burst_waits_for_its_silences(
    tmp_path: Path,
) -> None:
    run = Run(
        cell=Cell(mechanism="hello", line="fibre", born=True),
        seed=1,
        calm_seconds=0.0,
        least_seconds=0.0,
        enough_seconds=900.0,
        most_seconds=900.0,
    )
    (tmp_path / "run.json").write_bytes(msgspec.json.encode(run))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.at_once_numbers", str(tmp_path / "run.json")],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[1],
        timeout=120.0,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = msgspec.json.decode(done.stdout, type=Told)
    blocked = {one.pair for one in told.said if one.state == "blocked"}
    assert blocked == {f"home-0/{platform}" for platform in ALL_PLATFORMS}
    assert told.seconds < 900.0
    for pair in blocked:
        begins = [one.at for one in told.made if one.pair == pair and one.kind == "burst"]
        assert len(begins) >= 3
        assert all(later - earlier >= LEAST_DEADLINE for earlier, later in pairwise(begins))
