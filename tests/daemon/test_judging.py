"""A slot's turn in the real daemon, whose rounds come from the world of numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.app import Daemon
from probe.config import load
from probe.config.schema import StoreConfig
from probe.measure.round import Rounds as RealRounds
from probe.model.burst import Burst
from probe.model.identity import Family, RoundKind
from probe.model.observation import RoundObservation
from probe.publish.metrics.exposition import rows
from probe.schedule.round_grid import slots
from synth.edges import CALM
from synth.effects import Effect, restriction
from synth.lines import FIBRE
from synth.rounds import VANTAGE, Rounds
from synth.world import World

BEGIN = 1_769_904_000.0
SLOT = (VANTAGE, "x")


class Looking:
    """Looks at the board while a round or burst is being made."""

    def __init__(self, daemon: Daemon, world: World, real: RealRounds) -> None:
        self._daemon, self._real = daemon, real
        self._rounds = Rounds(daemon._config, world)
        self.now = BEGIN
        self.running: list[tuple[RoundKind, bool]] = []
        self.breaks = False

    def _look(self, kind: RoundKind) -> None:
        found = {
            labels["platform"]: value
            for spec, labels, value in rows(self._daemon.snapshot(), "")
            if spec.name == "throttlewatch_round_running"
        }
        self.running.append((kind, found["x"] == 1.0))

    async def measure(
        self, *, platform: str, vantage: str, kind: RoundKind, family: Family
    ) -> RoundObservation:
        """A round."""
        self._look(kind)
        observed, self.now = self._rounds.measure(platform, kind, self.now)
        return observed

    async def burst(self, plan: Burst, *, platform: str, vantage: str) -> RoundObservation:
        """A burst."""
        self._look(RoundKind.BURST)
        if self.breaks:
            raise RuntimeError("broken burst")
        observed, self.now = self._rounds.burst(plan, platform, self.now)
        return observed

    def unmade(self, plan: Burst, *, platform: str, vantage: str) -> RoundObservation:
        """None of it."""
        return self._real.unmade(plan, platform=platform, vantage=vantage)


@pytest.fixture
def looking(tmp_path: Path) -> Looking:
    shipped = load(None, {})
    of = replace(
        shipped, settings=replace(shipped.settings, store=StoreConfig(path=str(tmp_path / "h")))
    )
    world = World(of, FIBRE, seed=3, edges=CALM, begin=BEGIN, least_addresses=2)
    effect = Effect(factor=30.0, by_name=True)
    world.restrict([restriction(of, "x", effect, FIBRE, world.distance("x"))])
    daemon = Daemon(of, lambda: of)
    made = Looking(daemon, world, daemon._judging.rounds)
    rounds: object = made
    daemon._judging.rounds = rounds  # type: ignore[assignment]
    return made


async def turn(looking: Looking) -> None:
    daemon = looking._daemon
    slot = next(s for s in slots(daemon._config) if s.platform == "x")
    await daemon._judging.turn(slot, RoundKind.TRANSFER, 300.0)


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
