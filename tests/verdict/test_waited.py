"""What is silent, or stops, is waited for before what others see accuses anybody of it."""

from __future__ import annotations

from random import Random

import pytest

from probe.config import load
from probe.model.verdict import Signature, State
from probe.schedule.leg_patience import RoundPatience, Taken
from probe.verdict.basis.way_marks import MarksSeen, WayMarks
from scenarios.model import ACCUSING, Answers, CutOff, Effect, Restricted, Silent, Whom, exactly
from synth.chance import log_uniform
from synth.drive import Daemon, Said
from synth.edges import CALM, FAR
from synth.effects import hosts_of
from synth.lines import CABLE, FIBRE
from synth.mistakes import fine_outside
from synth.troubles import Kind, Trouble
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
X = next(p for p in CONFIG.platforms if p.name == "x")
READ_BITS = 8 * 65_536
PAUSING = (22,)
"""Worlds that were accused of a throttle until rules version 50."""


def world_and_daemon() -> tuple[World, Daemon]:
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN, least_addresses=2)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("x",))
    for _ in daemon.run(BEGIN + 2 * HOUR):
        pass
    return world, daemon


def vouched(daemon: Daemon, hours: float) -> list[Said]:
    """What is said while a reference finds it fine."""
    ends, said = daemon.now + hours * HOUR, []
    while daemon.now < ends:
        daemon.references = {"x": (fine_outside("x", daemon.now),)}
        said += list(daemon.run(daemon.now + 900.0))
    return said


@pytest.mark.parametrize(
    "slow",
    [
        # Longer than a silence is waited for on this line, and shorter than is configured.
        Answers(hosts=hosts_of(X), latency_seconds=exactly(8.0)),
        Answers(hosts=hosts_of(X), latency_seconds=exactly(15.0)),
        # A body in pieces, seconds apart.
        Answers(hosts=hosts_of(X), bits_per_second=exactly(READ_BITS / 8.0)),
        Answers(hosts=hosts_of(X), bits_per_second=exactly(READ_BITS / 20.0)),
    ],
)
def test_servers_near_here_that_are_slow_are_no_restriction_though_we_are_in_haste(
    slow: Answers,
) -> None:
    world, daemon = world_and_daemon()
    world.answers = (slow,)
    said = [one.verdict for one in vouched(daemon, 2.0)]
    assert not {one.state for one in said} & set(ACCUSING)
    last = said[-1]
    assert last.state is State.IMPAIRED
    assert last.method is None
    assert last.factor is not None
    assert last.signature is not Signature.CUTOFF
    assert "its servers near here may be the cause" in last.sentence


@pytest.mark.parametrize("number", PAUSING)
def test_servers_of_which_some_pause_for_longer_than_we_wait_are_no_restriction(
    number: int,
) -> None:
    """Some bursts meet one whose reads stop, and others one that is slow and goes on."""
    random = Random(f"pausing/{number}")
    line = (FIBRE, CABLE)[number % 2]
    world = World(CONFIG, line, seed=number, edges=FAR, begin=BEGIN, addresses=(2, 4))
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("x",))
    for _ in daemon.run(BEGIN + 2 * HOUR):
        pass
    world.trouble(
        [
            Trouble(
                begin=daemon.now + random.random() * HOUR,
                end=daemon.now + 24 * HOUR,
                kind=Kind.EDGE_SLOW,
                whom=address,
                value=log_uniform(random, 3.0, 60.0),
            )
            for host in hosts_of(X)
            for address in world.zone[host]
        ]
    )
    said = {one.verdict.state for one in vouched(daemon, 3.0)}
    assert State.IMPAIRED in said
    assert not said & set(ACCUSING)


@pytest.mark.parametrize(
    ("stops", "of", "quick", "alone"),
    [(0, 0, 0, False), (1, 2, 0, True), (2, 2, 0, True), (1, 3, 0, False), (2, 4, 3, False)],
)
def test_stops_are_a_mark_by_themselves_where_nothing_was_lost_besides(
    stops: int, of: int, quick: int, *, alone: bool
) -> None:
    way = WayMarks()
    for number in range(of):
        dropped = 9 if number < quick else 0
        way = way.after(MarksSeen(lost=dropped, late=0, stopped=number < stops))
    assert way.by_stops_alone is alone


@pytest.mark.parametrize(
    ("effect", "state"),
    [(CutOff(after_bytes=exactly(16_384)), State.THROTTLED), (Silent(), State.BLOCKED)],
)
def test_what_is_cut_is_told_as_soon_as_before(effect: Effect, state: State) -> None:
    world, daemon = world_and_daemon()
    began = daemon.now
    world.restrict([Restricted(whom=Whom(hosts=hosts_of(X)), effects=(effect,))])
    said = vouched(daemon, 1.0)
    assert said[-1].verdict.state is state
    at = next(one.observed.ended_at for one in said if one.verdict.state is state)
    assert at - began <= 3 * float(CONFIG.settings.schedule.transfer)
    waited = [one.observed.burst.deadline_seconds for one in said if one.observed.burst is not None]
    assert (max(waited) == 30.0) is (state is State.THROTTLED)


def test_a_burst_that_is_planned_to_wait_waits_out_silences() -> None:
    fast = Taken(handshake=0.05, byte=1e-6)
    hasty = RoundPatience(30.0, fast, planned=5.0).of(65_536)
    patient = RoundPatience(30.0, fast, planned=30.0).of(65_536)
    assert hasty.ends(connected=0.02, asked=0.05, moved=0.1) < 6.0
    assert patient.ends(connected=0.02, asked=0.05, moved=0.1) == 30.0
