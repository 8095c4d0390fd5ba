"""A curtain around each shipped operator of controls, and around three at once: what is said."""

from __future__ import annotations

from itertools import cycle

import pytest

from probe.config import load
from probe.model.curtain import CurtainKind
from probe.model.verdict import State
from scenarios.lines import FIBRE
from scenarios.model import Effect
from synth.curtain_play import FROZEN, SLOWED, CurtainPlayed, play
from synth.play import line_of

CONFIG = load(None, {})
LINE = line_of(FIBRE)
OPERATORS = sorted({one.operator for one in CONFIG.pool})
# Each operator in one of these; ``python -m benchmarks.curtains`` has all of them.
WAYS = [(effect, mode) for mode in ("calm", "slowed", "behind") for effect in (FROZEN, SLOWED)]
THREE = [OPERATORS[n : n + 3] for n in range(0, len(OPERATORS) - 2, 7)]
PLAYED = [
    *(([name], way) for name, way in zip(OPERATORS, cycle(WAYS), strict=False)),
    *((names, way) for names, way in zip(THREE, cycle(WAYS), strict=False)),
]


@pytest.mark.parametrize(
    ("operators", "way"), PLAYED, ids=[f"{'+'.join(o)}-{w[1]}" for o, w in PLAYED]
)
def test_it_is_seen_and_platforms_are_judged_beside_it(
    operators: list[str], way: tuple[Effect, str]
) -> None:
    effect, mode = way
    found = play(
        CONFIG,
        LINE,
        operators,
        effect,
        seed=len(operators[0]),
        hours=4.0,
        slowed=mode == "slowed",
        behind=mode == "behind",
    )
    hung = {one.operator: one for one in found.hung}
    assert set(hung) == set(operators)
    assert {one.kind for one in hung.values()} == {
        CurtainKind.FROZEN if effect is FROZEN else CurtainKind.SLOW
    }
    others(found)
    said = found.said["x"]
    if mode == "calm":
        others(found, "x")
    elif mode == "slowed":
        # Three that become slow with X may share a congested way with it.
        right = State.IMPAIRED if effect is SLOWED and len(operators) > 1 else State.THROTTLED
        assert said[-1].state is right
    else:
        assert not found.states("x") & {State.THROTTLED, State.BLOCKED}
        assert said[-1].rule_id == "impaired.curtain"
        assert f"sites at {operators[0]}" in said[-1].sentence


def others(found: CurtainPlayed, *also: str) -> None:
    """Platforms that nobody slows are as fine as ever."""
    for platform in ("facebook", "instagram", "youtube", *also):
        states = [verdict.state for verdict in found.said[platform]]
        assert not set(states) & {State.THROTTLED, State.BLOCKED, State.IMPAIRED}, platform
        assert states[-1] is State.OK, platform
        assert states.count(State.OK) >= 0.9 * len(states), platform
