"""A round whose target stalls, against real servers: controls tell how long that is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from msgspec.structs import replace

from lab.loopback.servers import Visit, authority, head_of, serve, server_context, trust
from probe.config.definition import Definition, Target
from probe.config.schema import Config, LegsConfig, ScheduleConfig, Settings, VantageConfig
from probe.config.values import Bytes, Seconds
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares, Family, LegRole, Phase, RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import Signature
from probe.observe.effort import Measure
from probe.observe.signature import signature
from probe.schedule import leg_patience
from tests.measure.test_round import NAMES, SILENT_DNS

pytestmark = pytest.mark.usefixtures("unblocked")

LEAST = 0.3
HANDSHAKE = 20.0
SOME = 20_000


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least of everything is short, so that what follows from it is seen soon."""
    monkeypatch.setattr(leg_patience, "LEAST_HANDSHAKE", HANDSHAKE)
    monkeypatch.setattr(leg_patience, "LEAST_BODY", LEAST)
    monkeypatch.setattr(leg_patience, "LEAST_SILENT", LEAST)
    # A busy machine must not make the loopback a slow line.
    monkeypatch.setattr(leg_patience, "TIMES", 1.0)


async def stalling(visit: Visit) -> None:
    """X stalls after 20 kB; everybody else is well."""
    head = (await visit.head()).decode().lower()
    size = int(head.split("bytes=0-")[1].split("\r\n")[0]) + 1
    fields = f"Content-Range: bytes 0-{size - 1}/200000\r\n"
    begin = head_of(size, status="206 Partial Content", fields=fields)
    if "host: x.test" in head:
        await visit.send(begin + b"x" * min(size, SOME))
        if size > SOME:
            await visit.stall()
    else:
        await visit.send(begin + b"x" * size)


class Setting:
    """A configuration, and what is remembered between rounds."""

    def __init__(self, port: int, most: float) -> None:
        self.state = BetweenRounds()

        def one(name: str, kind: str) -> Definition:
            target = Target(
                name="object", url=f"https://{name}.test:{port}/o", min_bytes=Bytes(100_000)
            )
            return Definition(
                name=name,
                title=name,
                why="",
                hosts=NAMES,
                operator=name,
                kind=kind,
                targets=(target,),
            )

        self.config = Config(
            settings=Settings(
                vantages=(VantageConfig(name="here"),),
                dns=SILENT_DNS,
                schedule=ScheduleConfig(light=Seconds(1.0)),
                legs=LegsConfig(transfer_deadline=Seconds(most), light_deadline=Seconds(most)),
                resolve=dict.fromkeys(NAMES, ("127.0.0.1",)),
            ),
            platforms=(one("x", "platform"),),
            controls=(one("one", "control"), one("two", "control")),
        )

    async def round(self, seed: int) -> RoundObservation:
        rounds = Rounds(self.config, trust(), self.state, random=Random(seed))
        return await rounds.measure(
            platform="x", vantage="here", kind=RoundKind.TRANSFER, family=Family.IPV4
        )

    async def burst(self, seconds: float) -> RoundObservation:
        rounds = Rounds(self.config, trust(), self.state, random=Random(1))
        plan = Burst(
            target="object",
            compares=Compares.GOODPUT,
            read_bytes=65_536,
            deadline_seconds=seconds,
        )
        (observed,) = await rounds.bursts.made([PlannedBurst("x", plan)], vantage="here")
        return observed


@asynccontextmanager
async def setting(most: float) -> AsyncIterator[Setting]:
    context = server_context(authority().issue_cert(*NAMES))
    async with serve(stalling, context) as server:
        yield Setting(server.port, most)


@pytest.mark.parametrize("seed", range(4))
async def test_a_stalled_read_ends_when_the_rounds_controls_have_told(seed: int) -> None:
    async with setting(most=60.0) as here:
        observed = await asyncio.wait_for(here.round(seed), 60.0)
    (stalled,) = observed.by_role(LegRole.TARGET)
    assert stalled.failure is not None
    assert (stalled.failure.phase, stalled.failure.reason) == (
        Phase.TRANSFER,
        "generic_timeout_error",
    )
    assert stalled.body_bytes == SOME
    # The sample that it is: so many bytes, in all the time until it was given up.
    assert stalled.phases[Phase.TRANSFER] >= LEAST / 2
    assert all(leg.ok for leg in observed.by_role(LegRole.CONTROL))
    # What a handshake may take is nothing to what comes after it.
    assert stalled.duration_seconds < HANDSHAKE / 2


async def test_a_burst_goes_by_what_controls_took_before_it() -> None:
    async with setting(most=60.0) as here:
        await here.round(1)
        observed = await asyncio.wait_for(here.burst(50.0), 20.0)
    stalled = observed.by_role(LegRole.TARGET)
    assert {leg.body_bytes for leg in stalled} == {SOME}
    assert len(stalled) == 3
    assert signature(stalled, Measure.TRANSFER) is Signature.CUTOFF


async def test_without_controls_the_configured_deadline_holds() -> None:
    async with setting(most=2.0) as here:
        here.config = replace(here.config, controls=())
        observed = await here.round(1)
    (stalled,) = observed.by_role(LegRole.TARGET)
    # The deadline is the round's: on a busy machine a leg begins a moment after it.
    assert 2 * LEAST < stalled.duration_seconds < 10.0
