"""Simulated fleets: no wrong scope in any of them (10,000 of them: benchmarks/fleets.py)."""

from __future__ import annotations

import pytest

from probe.config.schema import NationConfig
from synth.fleets import Abroad, Truth, play, world

DEFAULTS = NationConfig()


@pytest.mark.parametrize("abroad", list(Abroad))
@pytest.mark.parametrize("truth", list(Truth))
def test_no_scope_is_wrong(truth: Truth, abroad: Abroad) -> None:
    outcome = play(world(truth, abroad, 1), DEFAULTS)
    assert not outcome.wrong, outcome
