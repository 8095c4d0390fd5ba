"""A way to the platform that has always lost segments, and whose servers near here become slow: the
losses are no mark of what has slowed it, however well a reference finds it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.model.verdict import State, Verdict
from scenarios.model import ACCUSING, Effect, Lossy, Policed, Restricted, Whom, exactly
from synth.drive import Daemon
from synth.edges import CALM
from synth.effects import hosts_of
from synth.line import LineModel
from synth.lines import FIBRE
from synth.mistakes import Stage, fine_outside
from synth.troubles import Kind, Trouble
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
CALM_HOURS, HOURS = 8.0, 2.5
X = next(p for p in CONFIG.platforms if p.name == "x")


def said_of(
    seed: int, loss: float, slow: float, *others: Effect, line: LineModel = FIBRE
) -> list[Verdict]:
    """What is said of X from the hour on in which its servers become ``slow`` times as slow, and
    somebody does ``others``, on a way to it that has lost a share ``loss`` since the first round.
    """
    whom = Whom(hosts=hosts_of(X))
    usual: Effect = Lossy(probability=exactly(loss), up=False)
    world = World(CONFIG, line, seed=seed, edges=CALM, begin=BEGIN, least_addresses=2)
    world.restrict([Restricted(whom=whom, effects=(usual,))])
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("x",))
    begins = BEGIN + CALM_HOURS * HOUR
    for _ in daemon.run(begins):
        pass
    ends = begins + HOURS * HOUR
    world.restrict([Restricted(whom=whom, effects=(usual, *others))])
    world.trouble(
        [Trouble(begin=begins, end=ends, kind=Kind.SITE_SLOW, whom="x-corp-", value=slow)]
    )
    verdicts = []
    while daemon.now < ends:
        daemon.references = {"x": (fine_outside("x", daemon.now),)}
        verdicts += [one.verdict for one in daemon.run(daemon.now + 900.0)]
    return verdicts


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("loss", [0.05, 0.1])
def test_servers_near_here_that_become_slow_on_a_way_that_always_lost_are_no_restriction(
    loss: float, seed: int
) -> None:
    said = {verdict.state for verdict in said_of(seed, loss, 20.0)}
    assert not said & set(ACCUSING)
    assert State.IMPAIRED in said


@pytest.mark.parametrize("seed", [13, 14])
def test_a_few_losses_of_a_quarter_of_the_time_hide_no_policer(seed: int) -> None:
    """Of fifty segments one that is lost puts many out of order: what few legs do not exceed is far
    more than what is lost."""
    policer = Policed(rate_bits_per_second=exactly(128_000.0), burst_bytes=exactly(16_000.0))
    losses, whom = Lossy(probability=exactly(0.03)), Whom(hosts=hosts_of(X))
    stage = Stage(FIBRE, seed, vouched=True)
    stage.met(losses, whom)
    stage.run(6.0)
    stage.world.restrict([Restricted(whom=whom, effects=(losses, policer))])
    stage.run(HOURS)
    assert State.THROTTLED in {verdict.state for verdict in stage.every}


def test_a_policer_is_one_where_the_line_loses_for_all_alike() -> None:
    """What controls usually lose as well is no matter of the way to X."""
    policer = Policed(rate_bits_per_second=exactly(100_000.0), burst_bytes=exactly(8_000.0))
    line = replace(FIBRE, loss=0.01)
    said = {verdict.state for verdict in said_of(1, 0.0, 1.0, policer, line=line)}
    assert State.THROTTLED in said
