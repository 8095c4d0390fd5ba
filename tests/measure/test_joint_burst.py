"""A burst of several platforms against real TLS servers on loopback."""

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
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.line_turn import LineTurn
from probe.measure.one_round.round import Rounds
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares, LegRole
from probe.model.observation import RoundObservation

pytestmark = pytest.mark.usefixtures("unblocked")

PLATFORMS = ("a", "b", "c", "d")
CONTROLS = ("one", "two", "three")
NAMES = tuple(f"{name}.test" for name in (*PLATFORMS, *CONTROLS))
BODY = b"x" * 65_536
# In the loopback's own time: what is silent for so long only waits, and waits so long.
PATIENCE = 0.05
DEADLINE = 1.5
READS = Burst(
    target="object", compares=Compares.GOODPUT, read_bytes=65_536, deadline_seconds=DEADLINE
)


class World:
    """One server that stands for everybody; those in ``frozen`` stop after 16 KiB."""

    def __init__(self) -> None:
        self.frozen: set[str] = set()
        self.rounds: Rounds
        self.hosts: list[str] = []

    async def answer(self, visit: Visit) -> None:
        head = (await visit.head()).decode()
        host = head.lower().split("host: ")[1].split(".test")[0]
        self.hosts.append(host)
        await visit.send(head_of(len(BODY)) + BODY[:16_384])
        if host in self.frozen:
            await visit.stall()
        await visit.send(BODY[16_384:])

    async def burst(self, *planned: PlannedBurst) -> tuple[RoundObservation, ...]:
        return await self.rounds.bursts.made(planned, vantage="here")


def definition(name: str, kind: str, port: int) -> Definition:
    target = Target(name="object", url=f"https://{name}.test:{port}/o", min_bytes=Bytes(65_536))
    return Definition(
        name=name, title=name, why="", hosts=NAMES, targets=(target,), operator=name, kind=kind
    )


@asynccontextmanager
async def world(seed: int = 1) -> AsyncIterator[World]:
    made = World()
    context = server_context(authority().issue_cert(*NAMES), alpn=("http/1.1",))
    async with serve(made.answer, context) as server:
        settings = Settings(
            vantages=(VantageConfig(name="here"),),
            dns=DnsConfig(system=False, resolvers=()),
            resolve=dict.fromkeys(NAMES, ("127.0.0.1",)),
        )
        config = Config(
            settings=settings,
            platforms=tuple(definition(n, "platform", server.port) for n in PLATFORMS),
            controls=tuple(definition(n, "control", server.port) for n in CONTROLS),
        )
        state = BetweenRounds()
        state._turns["here"] = LineTurn(PATIENCE)
        made.rounds = Rounds(config, trust(), state, random=Random(seed))
        yield made


PLANNED = tuple(PlannedBurst(name, READS) for name in PLATFORMS)


async def test_every_leg_is_made_once_in_one_random_order() -> None:
    async with world() as there:
        seen = await there.burst(*PLANNED)
    assert sorted(there.hosts) == sorted([*PLATFORMS * 3, *CONTROLS])
    assert there.hosts != sorted(there.hosts)
    controls = [leg.order for leg in seen[0].by_role(LegRole.CONTROL)]
    for one in seen:
        assert [leg.order for leg in one.by_role(LegRole.CONTROL)] == controls
        assert len(one.by_role(LegRole.TARGET)) == 3
        assert all(leg.ok for leg in one.legs)
    assert sorted(leg.order for one in seen for leg in one.counted_legs) == [*range(15)]


async def test_four_frozen_platforms_take_about_one_deadline() -> None:
    async with world() as there:
        there.frozen = set(PLATFORMS)
        seen = await there.burst(*PLANNED)
    # One after the other these twelve legs would take twelve deadlines; the four bursts, four.
    assert seen[0].duration_seconds < 2.5 * DEADLINE
    for one in seen:
        assert all(leg.failure is not None for leg in one.by_role(LegRole.TARGET))
        assert all(leg.ok for leg in one.by_role(LegRole.CONTROL))


async def test_each_platform_goes_to_the_address_of_its_own_plan() -> None:
    elsewhere = PlannedBurst("b", replace(READS, address="127.0.0.2"))
    async with world() as there:
        (a, b) = await there.burst(PLANNED[0], elsewhere)
    assert {leg.address for leg in a.legs} == {"127.0.0.1"}
    assert {leg.address for leg in b.by_role(LegRole.TARGET)} == {"127.0.0.2"}
    assert {leg.address for leg in b.by_role(LegRole.CONTROL)} == {"127.0.0.1"}


async def test_every_leg_is_cut_at_the_same_deadline() -> None:
    """What is compared must be cut alike: the longest that anybody asked for."""
    shorter = PlannedBurst("b", replace(READS, deadline_seconds=0.2))
    async with world() as there:
        there.frozen = {"a", "b"}
        seen = await there.burst(PLANNED[0], shorter)
    assert {one.burst.deadline_seconds for one in seen if one.burst} == {DEADLINE}
    for one in seen:
        assert min(leg.duration_seconds for leg in one.by_role(LegRole.TARGET)) > 0.9 * DEADLINE


async def test_a_burst_that_is_cancelled_leaves_the_line() -> None:
    async with world() as there:
        there.frozen = set(PLATFORMS)
        task = asyncio.create_task(there.burst(*PLANNED))
        await asyncio.sleep(3 * PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        there.frozen = set()
        seen = await asyncio.wait_for(there.burst(PLANNED[0]), 20)
    assert all(leg.ok for leg in seen[0].legs)
