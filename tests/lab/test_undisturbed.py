"""Measuring a transfer does not slow it: it takes as long as curl's."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.undisturbed import CURL, KINDS, LEG, line, run
from tests.again import undisturbed

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab"), pytest.mark.timeout(240)]
ROUNDS = 5


@undisturbed
def test_a_leg_reads_as_fast_as_curl() -> None:
    # Without a rate: then all that slows the sender is how it is acknowledged and its window.
    took = run(line(30), ROUNDS)
    for kind, named in enumerate(KINDS):
        leg, curl = (statistics.median(took[who, kind]) for who in (LEG, CURL))
        assert leg < 1.15 * curl, named
