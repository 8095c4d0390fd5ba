"""An outage of an operator, played by a whole daemon, with references outside or none."""

from __future__ import annotations

import copy
from functools import lru_cache

from msgspec import Struct

from probe.config import load
from probe.model.verdict import State, Verdict
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import hosts_of
from synth.line import LineModel
from synth.lines import FIBRE
from synth.outages import Outage, end, strike
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
OPERATORS = {"x": ("x",), "meta": ("facebook", "instagram"), "google": ("youtube",)}
STEP_SECONDS = 300.0


class Watch(Struct, frozen=True):
    """Who looks from outside: ``honest`` references, each with a line of its own, and others that
    ``always`` say the same, whatever happens (one that is broken, or lies). ``silent``: so many are
    configured, and nothing is heard of them."""

    honest: int = 0
    always: tuple[State, ...] = ()
    silent: int = 0

    @property
    def anybody(self) -> bool:
        return bool(self.honest or self.always or self.silent)


NOBODY = Watch()


def hosts(platforms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(h for p in CONFIG.platforms if p.name in platforms for h in hosts_of(p))


def world(seed: int, line: LineModel) -> World:
    return World(CONFIG, line, seed=seed, edges=EdgeModel(), begin=BEGIN, least_addresses=2)


class Stage:
    """The daemon inside, the references, and their worlds. Copies of one play on by themselves."""

    def __init__(self, operator: str, seed: int, watch: Watch, line: LineModel) -> None:
        self.struck = struck = OPERATORS[operator]
        self.watch = watch
        only = tuple(dict.fromkeys((*struck, "x", "youtube")))
        self.worlds = [world(seed + n, line) for n in range(watch.honest + 1)]
        self.inside = Daemon(CONFIG, self.worlds[0], begin=BEGIN, only=only)
        self.outside = [
            Daemon(CONFIG, at, begin=BEGIN, only=struck, vantage=f"abroad-{n}", outside=True)
            for n, at in enumerate(self.worlds[1:])
        ]
        self.latest: dict[tuple[str, str], Verdict] = {}
        self.now = BEGIN

    def until(self, when: float) -> list[Verdict]:
        """What is said inside of the operator's platforms until then."""
        said = []
        while self.now < when:
            self.now += STEP_SECONDS
            if self.watch.anybody:
                self.inside.references = {p: self._told(p) for p in self.struck}
            said += [one.verdict for one in self.inside.run(self.now)]
            for daemon in self.outside:
                for one in daemon.run(self.now):
                    self.latest[one.observed.vantage, one.observed.platform] = one.verdict
        return [verdict for verdict in said if verdict.platform in self.struck]

    def _told(self, platform: str) -> tuple[Verdict, ...]:
        honest = tuple(v for (_, p), v in self.latest.items() if p == platform)
        return (*honest, *(self._always(platform, state) for state in self.watch.always))

    def _always(self, platform: str, state: State) -> Verdict:
        return Verdict(
            vantage=f"always-{state}",
            platform=platform,
            state=state,
            rule_id=str(state),
            sentence="",
            at=self.now - STEP_SECONDS,
            since=BEGIN,
            provisional=False,
        )


@lru_cache(maxsize=4)
def _calm(operator: str, seed: int, watch: Watch, line: LineModel) -> Stage:
    """After eight calm hours, which are the same before every outage."""
    stage = Stage(operator, seed, watch, line)
    said = stage.until(BEGIN + 8 * HOUR)
    assert not any(verdict.restricted for verdict in said)
    return stage


def played(
    outage: Outage,
    operator: str,
    *,
    seed: int = 1,
    watch: Watch = NOBODY,
    line: LineModel = FIBRE,
) -> tuple[list[Verdict], list[Verdict]]:
    """What is said of the operator's platforms in three hours of it, and in the two after it."""
    stage = copy.deepcopy(_calm(operator, seed, watch, line), {id(CONFIG): CONFIG})
    for at in stage.worlds:
        strike(at, outage, hosts(stage.struck))
    during = stage.until(BEGIN + 11 * HOUR)
    for at in stage.worlds:
        end(at)
    return during, stage.until(BEGIN + 13 * HOUR)
