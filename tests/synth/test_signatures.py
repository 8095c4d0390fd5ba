"""What drops is a policer only if it does not delay: a small queue that overflows drops as well."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config import load
from probe.model.identity import LegRole, RoundKind
from probe.model.observation import LegObservation
from probe.model.verdict import Signature
from probe.observe.effort import Measure
from probe.observe.signature import signature
from probe.verdict.basis.way_marks import MarksSeen, WayMarks, marks_seen
from probe.verdict.burst.bets import CAREFUL
from scenarios.model import CutOff, Effect, Lossy, Policed, Restricted, Shaped, Whom, exactly
from synth.edges import EdgeModel
from synth.line import LineModel
from synth.lines import DSL, FIBRE, LOSSY, MOBILE
from synth.rounds import Rounds
from synth.troubles import Kind, Trouble
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
NAMES = Whom(names=(".googlevideo.com",))
SEEDS = 12
# Where chance has a say in each read, so many that the same share of them fails once in thousands.
MANY = 120


def legs_of(
    effect: Effect | None, line: LineModel, seed: int, slow: float = 1.0
) -> tuple[list[LegObservation], list[LegObservation]]:
    """Three reads each of a target that meets ``effect``, or whose own server is so many times
    slower, and of controls."""
    world = World(CONFIG, line, seed=seed, edges=EdgeModel(), begin=BEGIN)
    if effect is not None:
        world.restrict([Restricted(whom=NAMES, effects=(effect,))])
    own = Trouble(begin=BEGIN, end=BEGIN + 1e6, kind=Kind.SITE_SLOW, whom="google", value=slow)
    world.trouble([own])
    rounds, at = Rounds(CONFIG, world), BEGIN
    targets, controls = list[LegObservation](), list[LegObservation]()
    for _ in range(3):
        made, at = rounds.measure("youtube", RoundKind.TRANSFER, at + 900.0)
        targets += [leg for leg in made.by_role(LegRole.TARGET) if leg.leg.target == "video"]
        read = [leg for leg in made.by_role(LegRole.CONTROL) if leg.leg.max_bytes > 60_000]
        controls += read
    return targets, controls


def bursts_of(
    effect: Effect | None, line: LineModel, seed: int, bursts: int, slow: float = 1.0
) -> WayMarks:
    """What so many bursts show of it."""
    found = WayMarks()
    for one in range(bursts):
        legs = legs_of(effect, line, seed * bursts + one, slow)
        found = found.after(marks_seen(*legs, Measure.TRANSFER))
    assert found.told == bursts
    return found


BURSTS = 6  # as many as follow one round


@pytest.mark.parametrize("line", [FIBRE, DSL, MOBILE, LOSSY], ids=lambda line: line.name)
@pytest.mark.parametrize("slow", [5.0, 20.0])
def test_a_slow_server_leaves_no_mark_on_the_way(line: LineModel, slow: float) -> None:
    # Were all alike, an episode of six bursts would reach 100 in at most 12 of 100.
    assert all(bursts_of(None, line, seed, BURSTS, slow).clear for seed in range(SEEDS // 2))


@pytest.mark.parametrize("line", [FIBRE, DSL, MOBILE], ids=lambda line: line.name)
@pytest.mark.parametrize(
    "effect",
    [
        Policed(rate_bits_per_second=exactly(128_000), burst_bytes=exactly(6_000)),
        Policed(rate_bits_per_second=exactly(128_000), burst_bytes=exactly(16_000)),
        Lossy(probability=exactly(0.2)),
        CutOff(after_bytes=exactly(16_000)),
    ],
    ids=lambda effect: type(effect).__name__,
)
def test_what_slows_on_the_way_leaves_one(effect: Effect, line: LineModel) -> None:
    marked = [not bursts_of(effect, line, seed, 4).clear for seed in range(SEEDS)]
    assert sum(marked) > SEEDS * 2 / 3


@given(
    st.lists(st.floats(0.0, 0.5), min_size=6, max_size=6, unique=True),
    st.integers(min_value=2, max_value=12),
)
def test_chance_alone_marks_no_way_but_once_in_a_hundred_bursts(
    losses: list[float], bursts: int
) -> None:
    """Whatever the line does to six legs: over all orders of who is whose, a bet is fair."""
    won = [
        CAREFUL[sum(losses[a] > losses[b] for a in own for b in set(range(6)) - set(own))]
        for own in combinations(range(6), 3)
    ]
    assert sum(won) / len(won) <= 1.0 + 1e-9
    alike = MarksSeen(lost=4, late=0)
    found = WayMarks()
    for _ in range(bursts):
        found = found.after(alike)
    assert found.clear


def called(effect: Policed | Shaped, line: LineModel, seeds: int = SEEDS) -> Counter[Signature]:
    """What three reads each are called."""
    found = Counter[Signature]()
    for seed in range(seeds):
        world = World(CONFIG, line, seed=seed, edges=EdgeModel(), begin=BEGIN)
        world.restrict([Restricted(whom=NAMES, effects=(effect,))])
        rounds, legs, at = Rounds(CONFIG, world), list[LegObservation](), BEGIN
        for _ in range(3):
            made, at = rounds.measure("youtube", RoundKind.TRANSFER, at + 900.0)
            legs += [leg for leg in made.by_role(LegRole.TARGET) if leg.leg.target == "video"]
        found[signature(legs, Measure.TRANSFER)] += 1
    return found


@pytest.mark.parametrize("line", [FIBRE, DSL], ids=lambda line: line.name)
@pytest.mark.parametrize("queue", [4_000, 8_000, 16_000])
def test_a_queue_that_is_smaller_than_the_read_is_no_policer(queue: int, line: LineModel) -> None:
    shaper = Shaped(rate_bits_per_second=exactly(400_000), queue_bytes=exactly(queue))
    assert called(shaper, line)[Signature.POLICER] <= 1


@pytest.mark.parametrize("line", [FIBRE, DSL], ids=lambda line: line.name)
@pytest.mark.parametrize("burst", [6_000, 16_000])
def test_a_policer_is_still_one(burst: int, line: LineModel) -> None:
    policer = Policed(rate_bits_per_second=exactly(128_000), burst_bytes=exactly(burst))
    found = called(policer, line, MANY)
    assert found[Signature.POLICER] + found[Signature.LOSS] >= MANY - 4
    # About 0.31 are called one, whatever the seeds: fewer than a sixth of 120 once in thousands.
    assert found[Signature.POLICER] >= MANY / 6
