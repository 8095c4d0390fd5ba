"""What is found out within two minutes: TCP first, and silence over QUIC is waited for once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from probe.commands import found_now
from probe.commands.found_now import find_out
from probe.config import load
from probe.config.schema import Config
from probe.model.burst import PlannedBurst
from probe.model.identity import Family, RoundKind
from probe.model.observation import RoundObservation
from probe.verdict.remembered.memory import Memory
from scenarios.model import EVERY, Over, Restricted, Silent, Whom
from synth.edges import EdgeModel
from synth.effects import names_of
from synth.lines import FIBRE
from synth.rounds import Rounds
from synth.world import World
from tests.synth.test_quic import BEGIN, CONTROLS

PLATFORMS = ("facebook", "instagram", "youtube")


class InNumbers:
    """In the place of what measures: rounds in the world of numbers, whose time passes there."""

    def __init__(self, config: Config, world: World) -> None:
        self._world, self._rounds = world, Rounds(config, world)
        self.now = BEGIN
        self.seen: list[RoundObservation] = []
        self.rounds = self.bursts = self

    def rounds_of(self, config: Config) -> InNumbers:
        self._rounds = Rounds(config, self._world)
        return self

    def counted(self, observed: RoundObservation) -> None:
        self.seen.append(observed)

    async def measure(
        self, *, platform: str, vantage: str, kind: RoundKind, family: Family
    ) -> RoundObservation:
        observed, self.now = self._rounds.measure(platform, kind, self.now)
        return observed

    async def made(
        self, planned: Sequence[PlannedBurst], *, vantage: str
    ) -> tuple[RoundObservation, ...]:
        found, self.now = self._rounds.burst(planned, self.now)
        return found


async def found(monkeypatch: pytest.MonkeyPatch, *happens: Restricted) -> InNumbers:
    """All that was measured of three platforms, by one that knows nothing of the line."""
    config = load(None, {"THROTTLEWATCH_CONTROLS": CONTROLS, "THROTTLEWATCH_QUIC": "true"})
    world = World(config, FIBRE, seed=1, edges=EdgeModel(), begin=BEGIN, least_addresses=2)
    world.restrict(list(happens))
    made = InNumbers(config, world)
    monkeypatch.setattr(found_now, "Measuring", lambda config: made)
    wanted = [one for one in config.platforms if one.name in PLATFORMS]
    await find_out(config, wanted, "default", memory=Memory())
    return made


def named(*platforms: str) -> tuple[str, ...]:
    return tuple(
        name for one in load(None, {}).platforms if one.name in platforms for name in names_of(one)
    )


async def test_what_is_so_over_tcp_is_tested_before_what_is_so_over_quic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over_tcp = Whom(names=named("instagram", "youtube"), over=Over.TCP)
    over_quic = Whom(names=named("facebook"), over=Over.QUIC)
    made = await found(
        monkeypatch,
        Restricted(whom=over_tcp, effects=(Silent(),)),
        Restricted(whom=over_quic, effects=(Silent(),)),
    )
    bursts = [(one.burst.over, one.platform) for one in made.seen if one.burst is not None]
    assert {platform for over, platform in bursts if not over} == {"instagram", "youtube"}
    assert ("quic", "facebook") in bursts
    assert bursts == sorted(bursts, key=lambda burst: bool(burst[0]))


async def test_where_nobody_answers_over_quic_only_one_round_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calm = await found(monkeypatch)
    assert [bool(one.beside) for one in calm.seen] == [True] * 3
    everybody = Whom(hosts=(EVERY,), over=Over.QUIC)
    silent = await found(monkeypatch, Restricted(whom=everybody, effects=(Silent(),)))
    assert [bool(one.beside) for one in silent.seen] == [True, False, False]
    one_name = Whom(names=named("facebook"), over=Over.QUIC)
    some = await found(monkeypatch, Restricted(whom=one_name, effects=(Silent(),)))
    rounds = [one for one in some.seen if one.burst is None]
    assert all(one.beside for one in rounds)
