"""A law that somebody set, and what experiments find of it, in the world of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import Config
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares
from probe.model.law import Experiment, Law, Trial, TriedRead
from probe.observe.goodput import goodput
from probe.observe.tried_read import tried
from probe.verdict.law.law_found import law_of
from probe.verdict.law.next_experiment import next_experiment
from scenarios.model import Effect, Restricted, Whom
from synth.edges import CALM
from synth.effects import hosts_of
from synth.line import LineModel
from synth.rounds import Rounds
from synth.world import World

BEGIN = 1_699_920_000.0
APART_SECONDS = 300.0
# A server's own pace stretches all times of a leg in this world, also those that somebody on the
# way has set.
STEADY = replace(CALM, slot_sd=0.0, hello_sd=0.0, leg_sd=0.0)
MOST_EXPERIMENTS = 24


class LawPlayed(Struct, frozen=True):
    """What was found by which ``reads``, in so many ``experiments`` and bytes on the wire."""

    law: Law | None
    reads: tuple[TriedRead, ...]
    experiments: int
    bytes: int


def play_law(
    config: Config,
    effects: Sequence[Effect],
    line: LineModel,
    *,
    seed: int,
    platform: str = "x",
    target: str = "object",
    first_bytes: int = 131_072,
) -> LawPlayed:
    """Experiments on one target whose addresses meet ``effects``, until nothing more is asked."""
    definition = next(p for p in config.platforms if p.name == platform)
    world = World(config, line, seed=seed, edges=STEADY, begin=BEGIN, least_addresses=2)
    rounds = Rounds(config, world)
    at = BEGIN + Random(seed).uniform(0.0, 86_400.0)

    def made(asked: Experiment, at: float) -> tuple[list[float | None], list[TriedRead], float]:
        burst = Burst(
            target=target,
            compares=Compares.GOODPUT,
            read_bytes=asked.read_bytes,
            each=asked.reads,
            experiment=asked,
        )
        observed, end = rounds.experiment(PlannedBurst(platform, burst), at)
        seen = [
            tried(leg, asked, place=place, began=at, slow_below=below)
            for place, leg in enumerate(observed.legs)
        ]
        rates = [goodput(leg) for leg in observed.legs]
        return rates, [one for one in seen if one is not None], end

    below: float | None = None
    look = Experiment(trial=Trial.LONG, read_bytes=first_bytes // 2)
    (normal,), _, at = made(look, at)
    world.restrict([Restricted(whom=Whom(hosts=hosts_of(definition)), effects=tuple(effects))])
    (slow,), _, at = made(look, at + APART_SECONDS)
    if normal and slow and normal > 2.0 * slow:
        below = sqrt(normal * slow)
    reads: Sequence[TriedRead] = ()
    count = spent = 0
    while count < MOST_EXPERIMENTS:
        asked = next_experiment(reads, first_bytes=first_bytes, spent_bytes=spent)
        if asked is None:
            break
        count += 1
        _, found, at = made(asked, at + APART_SECONDS)
        spent += sum(one.cost_bytes for one in found)
        reads = (*reads, *found)
    return LawPlayed(law_of(reads), tuple(reads), count, spent)
