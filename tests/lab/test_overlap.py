"""Rounds that overlap tell the same of platforms as each by itself, over a line that all share."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.overlap import ALONE, BESIDE, BURST, CASES, run
from tests.again import undisturbed

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab"), pytest.mark.timeout(600)]
PLATFORMS = ["facebook", "youtube"]
ROUNDS = 5
"""A policed read that waits for a timer, as one in ten does, takes half as long again: its median
is that of the others."""


@undisturbed
def test_the_ratio_to_the_controls_is_that_of_a_round_alone() -> None:
    policed = next(case for case in CASES if "policed" in case.name)
    found = run(policed, ROUNDS, PLATFORMS)
    for how in (BESIDE, BURST):
        changed = [
            statistics.median(found[f"{how}/{name}"]) / statistics.median(found[f"{ALONE}/{name}"])
            for name in PLATFORMS
        ]
        assert 0.85 < statistics.median(changed) < 1.15, how
    # One of them is policed, and all three ways show it.
    for how in (ALONE, BESIDE, BURST):
        slow, well = (statistics.median(found[f"{how}/{name}"]) for name in ("youtube", "facebook"))
        assert slow < 0.5 * well
