"""A few hours on which everything goes wrong at once: see benchmarks/chaos.py, which plays days."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_nothing_acknowledged_is_lost_and_all_recovers() -> None:
    # CPU is not compared: other tests run beside this one.
    for seed in ("3", "5"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.chaos_day", seed, "4"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert '"lost":0,' in done.stdout
        assert done.stdout.rstrip().endswith('"wrong":[]}'), done.stdout
