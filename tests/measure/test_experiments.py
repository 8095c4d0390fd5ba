"""Experiments over real connections on loopback: small segments, a wait, several at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from msgspec.structs import replace

from lab.loopback.servers import Visit, authority, head_of, serve, server_context, trust
from probe.config.definition import Definition, Target
from probe.config.schema import Config, DnsConfig, Settings, VantageConfig
from probe.config.values import Bytes
from probe.measure.names.round_names import Resolution
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares, RoundKind
from probe.model.law import Experiment, Trial, Unit
from probe.model.observation import RoundObservation
from probe.observe.tried_read import tried
from probe.schedule.host_budget import SPARED

pytestmark = pytest.mark.usefixtures("unblocked")

NAME = "x.test"
BODY = b"x" * 65_536


class Far:
    """One server: how many of its visitors are there at once, and after how many bytes of a body it
    falls silent (0: never)."""

    def __init__(self) -> None:
        self.rounds: Rounds
        self.state = BetweenRounds()
        self.here = self.most = self.visits = 0
        self.silent_after = 0
        self.together = 0
        self.met = asyncio.Event()

    async def answer(self, visit: Visit) -> None:
        await visit.head()
        self.visits += 1
        self.here += 1
        if self.here == self.together:
            self.met.set()
        if self.together:
            await self.met.wait()
        first = self.silent_after or len(BODY)
        await visit.send(head_of(len(BODY)) + BODY[:first])
        self.here -= 1
        if self.silent_after:
            await visit.stall()

    async def tries(self, experiment: Experiment) -> RoundObservation:
        burst = Burst(
            target="object",
            compares=Compares.GOODPUT,
            read_bytes=experiment.read_bytes,
            each=experiment.reads,
            experiment=experiment,
        )
        return await self.rounds.experiments.made(PlannedBurst("x", burst), vantage="here")


@asynccontextmanager
async def far() -> AsyncIterator[Far]:
    made = Far()
    context = server_context(authority().issue_cert(NAME), alpn=("http/1.1",))
    async with serve(made.answer, context) as server:
        target = Target(name="object", url=f"https://{NAME}:{server.port}/o", min_bytes=Bytes(1))
        config = Config(
            settings=Settings(
                vantages=(VantageConfig(name="here"),),
                dns=DnsConfig(system=False, resolvers=()),
                resolve={NAME: ("127.0.0.1",)},
            ),
            platforms=(Definition(name="x", title="X", why="", hosts=(NAME,), targets=(target,)),),
            controls=(),
        )
        made.rounds = Rounds(config, trust(), made.state, random=Random(1))
        yield made


READ = Experiment(trial=Trial.LONG, read_bytes=len(BODY), deadline_seconds=8.0)


async def test_an_experiment_is_a_round_of_its_target_alone() -> None:
    async with far() as world:
        observed = await world.tries(replace(READ, reads=2))
    assert observed.kind is RoundKind.EXPERIMENT
    assert [leg.body_bytes for leg in observed.legs] == [len(BODY)] * 2
    assert not observed.skipped
    assert not observed.over_tcp  # it compares nothing


async def test_small_segments_take_more_packets_for_the_same_bytes() -> None:
    async with far() as world:
        small = await world.tries(replace(READ, segment_bytes=536))
        usual = await world.tries(READ)
    counts = [one.legs[0].tcp.segments_in for one in (small, usual) if one.legs[0].tcp]
    assert counts[0] is not None
    assert counts[1] is not None
    assert counts[0] >= len(BODY) / 536
    assert counts[0] > 2 * counts[1]  # the loopback's segments are large


async def test_reads_at_once_are_there_at_once() -> None:
    async with far() as world:
        # Nobody is answered until both have asked.
        world.together = 2
        observed = await world.tries(replace(READ, reads=2, at_once=True))
    assert [leg.ok for leg in observed.legs] == [True, True]


async def test_a_wait_is_between_the_handshake_and_the_request() -> None:
    async with far() as world:
        waited = await world.tries(replace(READ, wait_seconds=0.3))
    (leg,) = waited.legs
    assert leg.ok
    # It is in no phase, and in the whole.
    assert leg.duration_seconds >= sum(leg.phases.values()) + 0.29
    read = tried(leg, replace(READ, wait_seconds=0.3), place=0, began=0.0)
    assert read is not None
    assert (span := read.of(Unit.SECONDS)) is not None
    assert span.low >= 0.3


async def test_a_read_that_stops_is_told_by_the_kernels_counts() -> None:
    async with far() as world:
        world.silent_after = 20_000
        observed = await world.tries(replace(READ, deadline_seconds=1.6))
    read = tried(observed.legs[0], READ, place=0, began=0.0)
    assert read is not None
    assert read.stopped
    assert read.body_bytes == 20_000
    span = read.of(Unit.BYTES)
    assert span is not None
    assert span.low <= 1.04 * (20_000 + 6_000)
    assert read.of(Unit.PACKETS) is not None


async def test_what_bursts_need_of_a_host_is_left_to_them() -> None:
    async with far() as world:
        budget, now = world.state.budget, asyncio.get_running_loop().time()
        # On loopback nobody is asked how often; so ask as an address that is not exempt would.
        while budget.has("here", NAME, now, SPARED + 1):
            assert budget.take("here", NAME, now)
        legs = [leg.leg for leg in (await world.tries(READ)).legs]
        asker, via = world.rounds._asker, world.rounds._far_ends.vantages["here"]
        away = {NAME: Resolution(address="1.1.1.1")}  # never asked
        assert asker.affords(legs, away, via)
        assert not asker.affords(legs, away, via, spare=SPARED)
