"""The daemon with the default platforms in a world where all is well, seen from outside."""

from __future__ import annotations

import pytest

from probe.config import load
from tests.lab.lab import Lab
from tests.lab.soak import faults, soak

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
SCHEDULE = {"light": "4s", "transfer": "8s", "long": "12s"}
ROUNDS = 16


def test_every_phase_of_every_leg_and_nothing_else_on_the_wire() -> None:
    with Lab.of(load(None, {})) as lab:
        seen = soak(lab, SCHEDULE, rounds=ROUNDS)
    assert list(faults(seen)) == []
    assert seen.rounds >= ROUNDS
    kinds = {sample.labels["kind"] for sample in seen.scrape.of("rounds_total")}
    assert kinds >= {"light", "transfer"}
