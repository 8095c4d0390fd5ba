"""The daemon with the default platforms in a world where all is well, seen from outside."""

from __future__ import annotations

import pytest

from probe.config import load
from tests.lab.lab import Lab
from tests.lab.soak import faults, soak
from tests.lab.world.build import world_for

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
SCHEDULE = {"light": "10s", "transfer": "20s", "long": "1h"}
SECONDS = 30.0
DELAY_SECONDS = 0.02


def test_every_phase_of_every_leg_and_nothing_else_on_the_wire() -> None:
    with Lab(world_for(load(None, {})), delay_seconds=DELAY_SECONDS) as lab:
        seen = soak(lab, {"schedule": SCHEDULE}, seconds=SECONDS, rounds=8)
    assert list(faults(seen)) == []
    kinds = {sample.labels["kind"] for sample in seen.scrape.of("rounds_total")}
    assert kinds >= {"light", "transfer"}
    # Pages, look-ups and what came after a close are all that the counters leave out.
    assert 0.5 < seen.scrape.sum("wire_bytes_total") / seen.wire_bytes <= 1.0
