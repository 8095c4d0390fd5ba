"""A line that is freed of a cap: near controls gain more by it than what is far away, or what its
own server bounds. Nothing has become slower, so nothing is said of anybody."""

from __future__ import annotations

from math import exp, log

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.model.identity import LegRole
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.burst.score import score
from probe.verdict.normal.level import Level, Levels
from probe.verdict.one_round.contrast import contrast
from probe.verdict.one_round.readings import read
from probe.verdict.remembered.keys import Series
from probe.verdict.thresholds import DEFAULT
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import Effect, How, restriction
from synth.lines import CABLE
from synth.world import World
from tests.values import a_round, observed

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
ACCUSED = {State.THROTTLED, State.BLOCKED, State.IMPAIRED}


@pytest.mark.parametrize("how", [How.SHAPER, How.POLICER])
def test_who_gains_less_by_it_is_not_slow(how: How) -> None:
    world = World(CONFIG, CABLE, seed=3, edges=EdgeModel(), begin=BEGIN, least_addresses=2)
    daemon = Daemon(CONFIG, world, begin=BEGIN)
    # An exhausted plan, say: a hundredth of the line. What bounds the platforms was never felt.
    world.share = 0.01
    own = Effect(factor=20.0, how=how, by_name=False)
    world.restrict(
        [restriction(CONFIG, p.name, own, CABLE, world.distance(p.name)) for p in CONFIG.platforms]
    )
    assert not any(said.verdict.state in ACCUSED for said in daemon.run(BEGIN + 12 * HOUR))
    world.share = 1.0
    assert not any(said.verdict.state in ACCUSED for said in daemon.run(daemon.now + 3 * HOUR))


NORMAL = 0.5


def levels() -> Levels:
    seconds = log(NORMAL / 65_536)
    level = Level(
        values=(seconds,) * 12, centre=seconds, spread=0.05, seen=12, began_at=1_699_000_000.0
    )
    owners = [
        (LegRole.TARGET, "x", "page"),
        *((LegRole.CONTROL, f"c{n}", "page") for n in range(3)),
    ]
    family = a_round().family
    return {
        Series(family, role, owner, target, Measure.TRANSFER).key: level
        for role, owner, target in owners
    }


@pytest.mark.parametrize(
    ("target", "control", "slow"),
    [
        (1.0, 1.0, False),
        (8.0, 1.0, True),
        # The controls gained: the target is what it was, or gained less.
        (1.0, 1 / 8, False),
        (1 / 2, 1 / 8, False),
        # Slower than it was, and than they are.
        (8.0, 1 / 8, True),
        # The whole line is slower, and it as the others are.
        (8.0, 8.0, False),
    ],
)
def test_what_is_slow_is_so_beside_its_own_history_too(
    target: float, control: float, *, slow: bool
) -> None:
    own = [replace(observed(seconds=NORMAL * target * exp(0.01 * n)), order=n) for n in range(3)]
    controls = [
        replace(
            observed(LegRole.CONTROL, owner=f"c{n}", seconds=NORMAL * control * exp(0.01 * n)),
            order=3 + n,
        )
        for n in range(3)
    ]
    seen = a_round(*own, *controls)
    burst = score(seen, Measure.TRANSFER, levels=levels(), thresholds=DEFAULT)
    assert burst.usual
    assert (burst.wins == 9) is slow
    readings = read(seen, levels())
    found = contrast(
        readings.by_role(LegRole.TARGET)[0],
        readings.by_role(LegRole.CONTROL),
        [],
        Measure.TRANSFER,
        DEFAULT,
    )
    assert found is not None
    assert found.usual
    assert (found.worst > DEFAULT.log_margin) is slow
