"""Lives of a probe that no scenario of the table plays: months, families, and pauses."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import Config
from probe.model.identity import Family
from probe.model.observation import RoundObservation
from probe.verdict.about import About, about
from scenarios.model import EVERY, HelloDropped, Restricted, Silent, Whom
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import Effect, How, names_of, restriction
from synth.golden.compact import Compact, TwoFamilies
from synth.line import LineModel
from synth.lines import CABLE, DSL, FIBRE, MOBILE
from synth.play import BEGIN
from synth.rounds import VANTAGE
from synth.troubles import HOME, Frequency, Kind, Trouble
from synth.world import World

HOUR = 3_600.0
DAY = 24 * HOUR
BOTH = (Family.IPV4, Family.IPV6)
# At the default pace a month would be nine thousand rounds.
SLOW_LIGHT, SLOW_TRANSFER = 2 * HOUR, 4 * HOUR


class Life(Struct, frozen=True, kw_only=True):
    """``slow``: a round every two hours in place of every five minutes. ``all_resolvers``: what
    each of them says is kept."""

    name: str
    act: Callable[[Stage], None]
    line: LineModel = FIBRE
    platforms: tuple[str, ...] = ("x",)
    families: tuple[Family, ...] = (Family.IPV4,)
    slow: bool = False
    all_resolvers: bool = False
    edges: EdgeModel = EdgeModel()


class Stage:
    """One daemon in its world."""

    def __init__(self, shipped: Config, life: Life) -> None:
        settings = replace(shipped.settings, platforms=life.platforms, families=life.families)
        if life.slow:
            seconds = type(settings.schedule.light)
            pace = {"light": seconds(SLOW_LIGHT), "transfer": seconds(SLOW_TRANSFER)}
            settings = replace(settings, schedule=replace(settings.schedule, **pace))
        measured = tuple(p for p in shipped.platforms if p.name in life.platforms)
        self.config = config = replace(shipped, settings=settings, platforms=measured)
        self.rounds: list[RoundObservation] = []
        self._life = life
        self._troubles: list[Trouble] = []
        self.world = world = World(
            config,
            life.line,
            seed=len(life.name),
            edges=life.edges,
            other_line=MOBILE,
            begin=BEGIN,
            least_addresses=2,
        )
        self._daemon = Daemon(config, world, begin=BEGIN)
        self.measures = (TwoFamilies if len(life.families) > 1 else Compact)(config, world)
        self.measures.all_resolvers = life.all_resolvers
        self._daemon.rounds = self.measures

    def run(self, seconds: float) -> None:
        """Time passes, and is measured."""
        until = self._daemon.now + seconds
        self.rounds += [said.observed for said in self._daemon.run(until)]

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self._daemon.now

    def off(self, seconds: float) -> None:
        """Time passes while the probe is switched off."""
        self._daemon.now += seconds

    def slowed(self, factor: float, *, by_name: bool = True, how: How = How.POLICER) -> Restricted:
        """The first platform, so many times slower."""
        platform = self.config.platforms[0].name
        effect = Effect(factor=factor, by_name=by_name, how=how)
        distance = self.world.distance(platform)
        return restriction(self.config, platform, effect, self._life.line, distance)

    def trouble(self, kind: Kind, value: float, hours: float, whom: str = "") -> None:
        """Something goes wrong from now on, for so many hours."""
        begin = self._daemon.now
        self._troubles.append(
            Trouble(begin=begin, end=begin + hours * HOUR, kind=kind, whom=whom, value=value)
        )
        self.world.trouble([one for one in self._troubles if one.end > begin])

    def household(self, seconds: float, times: float) -> None:
        """What goes wrong in a household, so many times as often as usual."""
        often = {
            kind: Frequency(per_year=f.per_year * times, seconds=f.seconds, value=f.value)
            for kind, f in HOME.items()
        }
        drawn = self.world.draw_troubles(begin=self._daemon.now, seconds=seconds, frequencies=often)
        self.world.trouble(drawn)

    def about(self) -> tuple[tuple[str, str, About], ...]:
        """What is known of each platform."""
        return tuple((VANTAGE, p.name, about(self.config, p)) for p in self.config.platforms)


def _switched_off(stage: Stage) -> None:
    stage.run(4 * HOUR)
    stage.world.restrict([stage.slowed(10.0)])
    stage.run(1 * HOUR)
    stage.off(30 * 60.0)
    stage.run(1 * HOUR)
    stage.off(9 * HOUR)
    stage.run(1.5 * HOUR)
    stage.world.restrict([])
    stage.run(1.5 * HOUR)
    stage.off(8 * DAY)
    stage.run(2 * HOUR)


def _another_line(stage: Stage) -> None:
    stage.run(3 * HOUR)
    stage.trouble(Kind.OFFLINE, 1.0, 1.0)
    stage.run(1.5 * HOUR)
    stage.world.becomes(MOBILE, stage.now)
    stage.run(8 * HOUR)


def _one_family_falls_silent(stage: Stage) -> None:
    stage.run(4 * HOUR)
    assert isinstance(stage.measures, TwoFamilies)
    stage.measures.mute = True
    stage.run(2 * HOUR)
    stage.trouble(Kind.OFFLINE, 1.0, 1.0)
    stage.run(2 * HOUR)
    stage.measures.mute = False
    stage.run(2 * HOUR)


def _slowed_over_two(stage: Stage) -> None:
    stage.run(5 * HOUR)
    stage.world.restrict([stage.slowed(10.0)])
    stage.run(3 * HOUR)
    stage.world.restrict([])
    stage.run(2 * HOUR)


def _cut_and_slowed(stage: Stage) -> None:
    stage.run(3 * HOUR)
    names = names_of(stage.config.platforms[0])
    stage.world.restrict([Restricted(whom=Whom(names=names), effects=(HelloDropped(),))])
    stage.run(2 * HOUR)
    stage.world.restrict([stage.slowed(5.0, by_name=False)])
    stage.run(4 * HOUR)
    stage.world.restrict([Restricted(whom=Whom(hosts=(EVERY,)), effects=(Silent(),))])
    stage.run(1 * HOUR)
    stage.world.restrict([])
    stage.run(2 * HOUR)


def _only_at_times(stage: Stage) -> None:
    stage.run(3 * HOUR)
    stage.world.restrict([stage.slowed(30.0)], share=0.4)
    stage.run(11 * HOUR)
    stage.world.restrict([])
    stage.run(2 * HOUR)


def _slow_handshakes(stage: Stage) -> None:
    stage.run(4 * HOUR)
    stage.world.restrict([stage.slowed(6.0, how=How.HANDSHAKE)])
    stage.run(4 * HOUR)
    stage.world.restrict([])
    stage.run(1 * HOUR)


def _farther_for_weeks(stage: Stage) -> None:
    stage.run(8 * DAY)
    stage.trouble(Kind.SITE_MOVED, 0.08, 9 * 24.0, "x-corp-")
    stage.run(11 * DAY)
    stage.world.restrict([stage.slowed(10.0)])
    stage.run(2 * DAY)


def _slowed_from_the_start(stage: Stage) -> None:
    stage.world.restrict([stage.slowed(6.0, how=How.SHAPER)])
    stage.run(8 * DAY)
    stage.world.restrict([])
    stage.run(9 * DAY)


def _slower_by_and_by(stage: Stage) -> None:
    stage.run(8 * DAY)
    for factor in (1.5, 2.2, 3.2, 4.5, 6.0):
        stage.world.restrict([stage.slowed(factor, how=How.SHAPER)])
        stage.run(3 * DAY)


def _a_household(stage: Stage) -> None:
    stage.household(16 * DAY, 8.0)
    stage.run(16 * DAY)


LIVES: tuple[Life, ...] = (
    Life(name="switched off", act=_switched_off, platforms=("youtube",)),
    Life(name="another line", act=_another_line, line=DSL),
    Life(name="one family falls silent", act=_one_family_falls_silent, families=BOTH),
    Life(name="slowed over two families", act=_slowed_over_two, families=BOTH),
    Life(name="cut, then slowed by address", act=_cut_and_slowed, line=CABLE),
    Life(name="only at times", act=_only_at_times),
    Life(name="slow handshakes", act=_slow_handshakes, line=CABLE),
    Life(name="farther for weeks", act=_farther_for_weeks, slow=True),
    Life(
        name="slowed from the start",
        act=_slowed_from_the_start,
        platforms=("youtube",),
        line=DSL,
        slow=True,
    ),
    Life(name="slower by and by", act=_slower_by_and_by, slow=True),
    *(
        Life(
            name=f"a household on {line.name}",
            act=_a_household,
            line=line,
            slow=True,
            all_resolvers=True,
        )
        for line in (CABLE, MOBILE)
    ),
)
