"""Which histories are kept, and how the world of numbers plays them.

Every scenario of the table on one of its lines; some begun before the first round; two address
families; a probe that is switched off in between; and weeks at a slow pace, for what takes so long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from probe.config import load
from probe.config.schema import Config
from probe.model.observation import RoundObservation
from probe.verdict.about import About, about, reference_seconds
from scenarios.lines import LINES
from scenarios.model import ABROAD, HOME
from scenarios.table import BY_ID, SCENARIOS
from synth.edges import CALM, EdgeModel
from synth.golden.compact import Compact
from synth.golden.lives import LIVES, Stage
from synth.play import Play

CALM_ROUNDS = 6
# The scenarios in which every resolver's word is kept.
ABOUT_NAMES = ("dns", "resolver", "pakistan", "captive")
# Begun before the first round: enough of it to be known or learnt.
BORN_ROUNDS = 10
BORN = ("russia-2024-youtube", "policed-by-address", "dns-lie", "reset", "turkey-2025-handshake")


class History(Struct, frozen=True, kw_only=True):
    """One probe's life: ``about`` is what is known of each platform at each vantage, ``fresh``
    for how many seconds what a reference says is news."""

    name: str
    about: tuple[tuple[str, str, About], ...]
    fresh: float
    rounds: tuple[RoundObservation, ...] = ()


def histories() -> Iterator[History]:
    """All of them, played anew."""
    config = load(None, {})
    for number, scenario in enumerate(SCENARIOS):
        line = scenario.lines[number % len(scenario.lines)]
        edges = EdgeModel() if number % 2 else CALM
        play = _play(config, scenario.id, line, seed=number, edges=edges)
        yield _history(scenario.id, play, (said.observed for said in play.history()))
    for seed, name in enumerate(BORN, start=100):
        play = _play(config, name, "fibre", seed=seed, edges=EdgeModel())
        yield _history(
            f"{name}, from the start", play, (s.observed for s in play.born(BORN_ROUNDS))
        )
    for life in LIVES:
        stage = Stage(config, life)
        life.act(stage)
        yield History(
            name=life.name,
            about=stage.about(),
            fresh=reference_seconds(stage.config),
            rounds=tuple(stage.rounds),
        )


def _play(config: Config, scenario: str, line: str, *, seed: int, edges: EdgeModel) -> Play:
    play = Play(
        config, BY_ID[scenario], LINES[line], seed=seed, edges=edges, calm_rounds=CALM_ROUNDS
    )
    for vantage, daemon in play.daemons.items():
        rounds = Compact(daemon.config, play.worlds[vantage], vantage=vantage)
        rounds.all_resolvers = scenario.startswith(ABOUT_NAMES)
        daemon.rounds = rounds
    return play


def _history(name: str, play: Play, rounds: Iterable[RoundObservation]) -> History:
    looked = ABROAD in play.daemons
    return History(
        name=name,
        about=tuple(
            (
                vantage,
                platform.name,
                about(
                    daemon.config,
                    platform,
                    has_references=looked and vantage == HOME,
                    outside=vantage == ABROAD,
                ),
            )
            for vantage, daemon in play.daemons.items()
            for platform in daemon.config.platforms
        ),
        fresh=reference_seconds(next(iter(play.daemons.values())).config),
        rounds=tuple(rounds),
    )
