"""A day after a trouble is over, all is as it was; ``benchmarks.aftermath`` has many more."""

from __future__ import annotations

import pytest

from probe.config import load
from synth.aftermath import BY_NAME, aftermath
from synth.effects import Effect
from synth.line import LineModel
from synth.lines import DSL, FIBRE

CONFIG = load(None, {})
# A day has 288 rounds and 96 in which swaps take part: a level that froze asks for a burst in each.
MOST_BURSTS = 30
MOST_ROUNDS = 4


@pytest.mark.parametrize(
    ("trial", "line", "seed", "effect"),
    [
        ("80 ms farther for 3 h", FIBRE, 2, Effect(factor=10.0)),
        ("150 ms farther for 12 h", FIBRE, 1, None),
        ("150 ms farther for 12 h", DSL, 2, Effect(factor=30.0)),
        (
            "80 ms farther for 12 h, then the line dead for 2 h and back 25 ms farther",
            FIBRE,
            2,
            Effect(factor=10.0),
        ),
        ("150 ms farther for 12 h, then the line becomes 4G", DSL, 2, None),
        ("platform out of order for 4 h", FIBRE, 1, Effect(factor=10.0)),
    ],
)
def test_a_day_after_a_trouble_all_is_as_before(
    trial: str, line: LineModel, seed: int, effect: Effect | None
) -> None:
    found = aftermath(CONFIG, BY_NAME[trial], line, seed=seed, effect=effect)
    assert not found.accused
    assert found.bursts[1] <= MOST_BURSTS
    assert found.said["ok"] >= 0.9 * sum(found.said.values())
    assert found.found is not None
    assert found.found <= MOST_ROUNDS
