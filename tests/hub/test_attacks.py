"""Many who mean harm at once: nothing of theirs comes in, and nothing honest is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.programs import need


@pytest.mark.timeout(240)
def test_a_storm_of_joins_and_hostile_writes() -> None:
    need("prometheus", "prometheus")
    words = ("-m", "benchmarks.hub_attacks", "--joins", "40", "--writes", "250")
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=220, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert said["invited"].endswith("200 40")
    assert said["used"].endswith("403 40")
    # A probe that was stolen spoils its own vantage, and is heard while it is not revoked.
    assert "204 " in said["stolen"]
    assert "204 " not in said["strangers"]
