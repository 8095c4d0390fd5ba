"""Experiments beside rounds: what is remembered, said and asked for, and that nothing else is
changed by them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import State, Verdict
from probe.publish.terminal.explanation import conclusion
from probe.store.codec import pack_value, unpack_value
from probe.verdict.about import About, about
from probe.verdict.decide import decide
from probe.verdict.law.laws import after_round
from probe.verdict.one_lane import Decision
from probe.verdict.remembered.memory import Memory
from scenarios.model import Policed, Restricted, Whom, exactly
from synth.edges import CALM
from synth.effects import names_of
from synth.lines import FIBRE
from synth.rounds import Rounds
from synth.world import World

BEGIN = 1_699_920_000.0
PLATFORM = "youtube"


class Line:
    """One platform on one line: rounds, bursts, and the experiments that are asked for."""

    def __init__(self) -> None:
        self.config = load(None, {})
        self.world = World(self.config, FIBRE, seed=5, edges=CALM, begin=BEGIN, least_addresses=2)
        self.rounds = Rounds(self.config, self.world)
        self.platform = next(p for p in self.config.platforms if p.name == PLATFORM)
        self.memory = Memory()
        self.now = BEGIN
        self.heard: list[tuple[RoundObservation, Verdict]] = []

    @property
    def knows(self) -> About:
        return about(self.config, self.platform)

    def slow(self) -> None:
        effect = Policed(rate_bits_per_second=exactly(256e3), burst_bytes=exactly(16_384))
        whom = Whom(names=names_of(self.platform))
        self.world.restrict([Restricted(whom=whom, effects=(effect,))])

    def judge(self, observed: RoundObservation) -> Decision:
        made = decide(self.memory, observed, self.knows)
        self.memory = made.memory
        self.heard.append((observed, made.verdict))
        return made

    def turn(self, *, experiments: bool = True) -> Verdict:
        observed, self.now = self.rounds.measure(PLATFORM, RoundKind.TRANSFER, self.now)
        made = self.judge(observed)
        while made.plan is not None:
            planned = [PlannedBurst(PLATFORM, made.plan)]
            (observed,), self.now = self.rounds.burst(planned, self.now)
            made = self.judge(observed)
        if made.experiment is not None and experiments:
            made = self.judge(self.tried(made.experiment))
        self.now += 300.0
        return made.verdict

    def tried(self, planned: Burst) -> RoundObservation:
        observed, self.now = self.rounds.experiment(PlannedBurst(PLATFORM, planned), self.now)
        return observed


@pytest.fixture(scope="module")
def line() -> Line:
    made = Line()
    for _ in range(6):
        made.turn()
    made.slow()
    for _ in range(10):
        made.turn()
    return made


def test_a_calm_line_is_asked_nothing(line: Line) -> None:
    first = next(i for i, (one, _) in enumerate(line.heard) if one.kind is RoundKind.EXPERIMENT)
    said = [verdict.state for _, verdict in line.heard[:first]]
    assert said[-1] is State.THROTTLED
    assert State.OK in said


def test_the_law_is_said_with_the_state_that_was_proven(line: Line) -> None:
    _, said = line.heard[-1]
    assert said.state is State.THROTTLED
    assert said.law is not None
    assert said.law.bytes_per_second is not None
    assert said.law.bytes_per_second.middle == pytest.approx(32_000, rel=0.15)
    assert f"How it works, by {said.law.reads} reads" in "\n".join(conclusion(said))
    assert "How it works" not in said.sentence  # which says what is proven, in every language


def test_an_experiment_changes_the_law_and_nothing_else(line: Line) -> None:
    seen = 0
    for (_, before), (observed, after) in zip(line.heard, line.heard[1:], strict=False):
        if observed.kind is not RoundKind.EXPERIMENT:
            continue
        seen += 1
        bare = {"law": None, "at": 0.0, "holds_seconds": 0.0}
        assert replace(after, **bare) == replace(before, **bare)
    assert seen >= 4


def test_the_rounds_beside_are_judged_as_without_experiments(line: Line) -> None:
    plain = [one for one, _ in line.heard if one.kind is not RoundKind.EXPERIMENT]
    memory, said = Memory(), []
    for observed in plain:
        made = decide(memory, observed, line.knows)
        memory = made.memory
        said.append(replace(made.verdict, law=None))
    with_them = [
        replace(verdict, law=None)
        for one, verdict in line.heard
        if one.kind is not RoundKind.EXPERIMENT
    ]
    assert said == with_them
    assert replace(memory, laws={}) == replace(line.memory, laws={})


def test_what_is_found_outlives_a_restart(line: Line) -> None:
    assert unpack_value(pack_value(line.memory), Memory) == line.memory


def test_another_onset_begins_anew_and_an_end_forgets(line: Line) -> None:
    memory, (_, said) = line.memory, line.heard[-1]
    again = after_round(memory, replace(said, law=None, since=said.since + 1.0))
    assert again.verdict.law is None
    fine = after_round(memory, replace(said, law=None, state=State.OK, basis=None))
    assert PLATFORM not in fine.memory.laws
    impaired = after_round(memory, replace(said, law=None, state=State.IMPAIRED))
    assert impaired.verdict.law is None
    assert impaired.experiment is None


def test_an_experiment_of_nothing_that_is_known_says_nothing() -> None:
    one = Line()
    burst = Burst(target="video", compares="goodput", read_bytes=1)  # type: ignore[arg-type]
    observed, _ = one.rounds.measure(PLATFORM, RoundKind.TRANSFER, one.now)
    alone = replace(observed, kind=RoundKind.EXPERIMENT, burst=burst)
    made = decide(Memory(), alone, one.knows)
    assert made.verdict.state is State.UNKNOWN
    assert made.memory == Memory()
