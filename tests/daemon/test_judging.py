"""A slot's turn in the real daemon, whose rounds come from the world of numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.app import Daemon
from probe.config import load
from probe.config.schema import StoreConfig, VantageConfig
from probe.measure.one_round.round import Rounds as RealRounds
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Family, LegRole, RoundKind
from probe.model.observation import RoundObservation
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.model.verdict import State
from probe.outlets.events import Event, RoundJudged
from probe.publish.metrics.exposition import rows
from probe.schedule.data_budget import Refusal
from probe.schedule.round_grid import slots
from probe.schedule.round_pace import FEWEST_LEGS
from synth.edges import CALM
from synth.effects import Effect, restriction
from synth.lines import FIBRE
from synth.rounds import VANTAGE, Rounds
from synth.shape import verdict_of
from synth.world import World
from tests.again import SOON_SECONDS

BEGIN = 1_769_904_000.0
SLOT = (VANTAGE, "x")


class Looking:
    """Looks at the board while a round or burst is being made."""

    def __init__(self, daemon: Daemon, world: World, real: RealRounds) -> None:
        self._daemon, self._real = daemon, real
        self._rounds = Rounds(daemon._config, world)
        self.now = BEGIN
        self.running: list[tuple[RoundKind, bool]] = []
        self.made_for: list[tuple[str, ...]] = []
        self.tried: list[RoundObservation] = []
        self.breaks = False
        self.bytes = 0
        self.poured = 0
        self.most_legs: list[int | None] = []

    def _spent(self, observed: RoundObservation) -> None:
        legs = observed.legs
        self.bytes += sum((o.wire_bytes_sent or 0) + (o.wire_bytes_received or 0) for o in legs)

    def _look(self, kind: RoundKind) -> None:
        found = {
            labels["platform"]: value
            for spec, labels, value in rows(self._daemon.snapshot(), "")
            if spec.name == "throttlewatch_round_running"
        }
        self.running.append((kind, found["x"] == 1.0))

    async def measure(
        self,
        *,
        platform: str,
        vantage: str,
        kind: RoundKind,
        family: Family,
        most_legs: int | None = None,
    ) -> RoundObservation:
        """A round."""
        self._look(kind)
        self.most_legs.append(most_legs)
        observed, self.now = self._rounds.measure(platform, kind, self.now)
        if self.poured:
            legs = (replace(one, wire_bytes_received=self.poured) for one in observed.legs)
            observed = replace(observed, legs=tuple(legs))
        self._spent(observed)
        return observed

    @property
    def bursts(self) -> Looking:
        """In place of ``probe.measure.bursts.bursts.Bursts``."""
        return self

    def joined(self, planned: Sequence[PlannedBurst], *, vantage: str) -> tuple[PlannedBurst, ...]:
        """As the real ones."""
        return self._real.bursts.joined(planned, vantage=vantage)

    async def made(
        self, planned: Sequence[PlannedBurst], *, vantage: str
    ) -> tuple[RoundObservation, ...]:
        """A burst."""
        self._look(RoundKind.BURST)
        if self.breaks:
            raise RuntimeError("broken burst")
        await asyncio.sleep(0.01)  # others' plans come meanwhile
        seen, self.now = self._rounds.burst(planned, self.now)
        self.made_for.append(tuple(one.platform for one in planned))
        legs = {leg.order: leg for one in seen for leg in one.legs if leg.wire_bytes_received}
        self._spent(replace(seen[0], legs=tuple(legs.values())))
        return seen

    @property
    def experiments(self) -> LookingOn:
        """In place of ``probe.measure.bursts.experiments.Experiments``."""
        return LookingOn(self)

    async def experiment(self, planned: PlannedBurst) -> RoundObservation:
        """What is asked once something is proven."""
        self._look(RoundKind.EXPERIMENT)
        observed, self.now = self._rounds.experiment(planned, self.now)
        self._spent(observed)
        self.tried.append(observed)
        return observed

    def unmade(self, planned: PlannedBurst, *, vantage: str) -> RoundObservation:
        """None of it."""
        return self._real.bursts.unmade(planned, vantage=vantage)


class LookingOn:
    """Experiments of the world of numbers."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking

    async def made(self, planned: PlannedBurst, *, vantage: str) -> RoundObservation:
        return await self._looking.experiment(planned)


@pytest.fixture
def looking(tmp_path: Path) -> Looking:
    shipped = load(None, {})
    of = replace(
        shipped, settings=replace(shipped.settings, store=StoreConfig(path=str(tmp_path / "h")))
    )
    daemon = Daemon(of, lambda: of)
    # With the controls that this daemon has drawn.
    world = World(daemon._config, FIBRE, seed=3, edges=CALM, begin=BEGIN, least_addresses=2)
    effect = Effect(factor=30.0, by_name=True)
    world.restrict(
        [restriction(of, p.name, effect, FIBRE, world.distance(p.name)) for p in of.platforms]
    )
    made = Looking(daemon, world, daemon._judging.rounds)
    rounds: object = made
    daemon._judging.rounds = rounds  # type: ignore[assignment]
    return made


async def turn(looking: Looking, platform: str = "x", kind: RoundKind = RoundKind.TRANSFER) -> None:
    daemon = looking._daemon
    slot = next(s for s in slots(daemon._config) if s.platform == platform)
    await daemon._judging.turn(slot, kind, 300.0)


async def test_a_platform_is_being_measured_while_its_bursts_are_made(looking: Looking) -> None:
    await turn(looking)
    kinds = [kind for kind, _ in looking.running]
    assert kinds[0] is RoundKind.TRANSFER
    assert RoundKind.BURST in kinds
    assert all(running for _, running in looking.running)
    assert not looking._daemon.snapshot().running


async def test_a_burst_that_is_given_up_is_no_longer_being_made(looking: Looking) -> None:
    looking.breaks = True
    with pytest.raises(RuntimeError, match="broken burst"):
        await turn(looking)
    snapshot = looking._daemon.snapshot()
    assert not snapshot.running
    assert snapshot.counted.abandoned[SLOT] == 1


async def test_platforms_that_are_slow_at_once_are_tested_in_one(looking: Looking) -> None:
    names = [p.name for p in looking._daemon._config.platforms]
    await asyncio.gather(*(turn(looking, name) for name in names))
    first, *_ = looking.made_for
    assert sorted(first) == sorted(names)
    told = {verdict.platform: verdict for verdict in looking._daemon._judging.verdicts.values()}
    assert all(told[name].provisional or told[name].proven for name in names)
    assert not looking._daemon.snapshot().running
    # Each leg's bytes once, whoever's round it stands in.
    metrics = looking._daemon.snapshot().counted.wire_bytes
    assert sum(metrics.values()) == looking.bytes


async def test_a_platform_that_the_budget_refuses_is_left_out(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = looking._daemon._data
    refuse = data.refuse_burst

    def refused(vantage: str, platform: str, burst: Burst) -> Refusal | None:
        return Refusal.OUT_OF_BUDGET if platform == "x" else refuse(vantage, platform, burst)

    monkeypatch.setattr(data, "refuse_burst", refused)
    names = [p.name for p in looking._daemon._config.platforms]
    await asyncio.gather(*(turn(looking, name) for name in names))
    assert looking.made_for
    assert all("x" not in made for made in looking.made_for)
    assert looking._daemon._judging.verdicts[SLOT].reason == "out_of_budget"


async def test_a_turn_that_is_cancelled_holds_nobody(looking: Looking) -> None:
    names = [p.name for p in looking._daemon._config.platforms]
    turns = {name: asyncio.create_task(turn(looking, name)) for name in names}
    while not looking.made_for:
        await asyncio.sleep(0)
    turns["x"].cancel()
    await asyncio.wait(turns.values(), timeout=SOON_SECONDS)
    assert all(one.done() for one in turns.values())
    assert not looking._daemon.snapshot().running


async def test_what_is_proven_is_asked_how_it_works_after_the_round_and_nothing_else_is(
    looking: Looking,
) -> None:
    for _ in range(4):
        await turn(looking, "youtube")
        looking.now += 300.0
    judging = looking._daemon._judging
    said = judging.verdicts["default", "youtube"]
    assert said.state is State.THROTTLED
    assert 1 <= len(looking.tried) <= 4  # one to a turn
    for observed in looking.tried:
        assert {leg.leg.role for leg in observed.legs} == {LegRole.TARGET}
        assert len({leg.leg.target for leg in observed.legs}) == 1
    assert [kind for kind, _ in looking.running].count(RoundKind.EXPERIMENT) == len(looking.tried)
    # Counted as all that is measured.
    assert looking._daemon._data.balance("default").used >= looking.bytes


async def test_no_experiment_is_made_without_room_in_the_data_budget(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = looking._daemon._data
    refuse = data.refuse_burst

    def only_bursts(vantage: str, platform: str, burst: Burst) -> Refusal | None:
        if burst.experiment is not None:
            return Refusal.OUT_OF_BUDGET
        return refuse(vantage, platform, burst)

    monkeypatch.setattr(data, "refuse_burst", only_bursts)
    for _ in range(3):
        await turn(looking, "youtube")
        looking.now += 300.0
    said = looking._daemon._judging.verdicts["default", "youtube"]
    assert said.state is State.THROTTLED
    assert not looking.tried


async def test_no_experiment_is_made_that_would_hold_up_the_next_round(looking: Looking) -> None:
    slot = next(s for s in slots(looking._daemon._config) if s.platform == "youtube")
    for _ in range(3):
        await looking._daemon._judging.turn(slot, RoundKind.TRANSFER, 20.0)
        looking.now += 300.0
    said = looking._daemon._judging.verdicts["default", "youtube"]
    assert said.state is State.THROTTLED
    assert not looking.tried


async def test_rounds_that_somebody_pours_into_have_fewer_legs(looking: Looking) -> None:
    await turn(looking)
    looking.poured = 1_000_000
    for _ in range(12):
        await turn(looking, kind=RoundKind.LIGHT)
    assert looking.most_legs[:2] == [None, None]
    assert looking.most_legs[-1] == FEWEST_LEGS


async def test_a_round_keeps_that_another_vantage_of_this_daemon_is_restricted(
    looking: Looking,
) -> None:
    daemon = looking._daemon
    judging, settings = daemon._judging, daemon._config.settings
    home = settings.vantages[0]
    there = VantageConfig(name="there", asn=64500)
    of = replace(daemon._config, settings=replace(settings, vantages=(home, there)))
    judging.use(of, judging.rounds)
    kept: list[RoundObservation] = []
    tell = judging._outlets.tell

    def told(event: Event) -> None:
        tell(event)
        if isinstance(event, RoundJudged):
            kept.append(event.observed)

    judging._outlets.tell = told  # type: ignore[method-assign]
    await turn(looking, kind=RoundKind.LIGHT)
    proven = verdict_of(kept[0], State.THROTTLED)
    judging.verdicts["there", "x"] = replace(
        proven, vantage="there", at=looking.now, since=BEGIN - 60.0
    )
    await turn(looking, kind=RoundKind.LIGHT)
    await turn(looking, "youtube", kind=RoundKind.LIGHT)
    found = OthersRestricted(networks=1, since=BEGIN - 60.0, told_by=ToldBy.OWN)
    assert kept[0].others_restricted is None
    assert all(one.others_restricted == found for one in kept[1:] if one.platform == "x")
    assert all(one.others_restricted is None for one in kept[1:] if one.platform == "youtube")
    assert {one.platform for one in kept[1:]} == {"x", "youtube"}
