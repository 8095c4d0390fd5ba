"""The worlds of ``false_alarms``: one for alarms and delays, a household's, and both in one.

In all, names have 1, 2 or 4 addresses, as platforms' do. ``sites``: every trouble of lines, edges
and controls (``synth/troubles.py``), sites' own slow hours, 12 a year each, half of them for
whoever asks and half for those near here alone, and outages of operators, 2 a year each, for
whoever asks. ``home``: what goes wrong in a household; nobody outside meets that. ``all``: a
household's troubles, sites' slow hours, and outages.

Years of troubles can be played in fewer days (``dense``): what is rare comes so many times as
often, each at its full length, and only the calm between is cut. What every line has hundreds of
times a year (``OFTEN_PER_YEAR``) is left as often as it is, else there would be no calm at all in
which anything could be learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from probe.config import load
from probe.config.definition import Definition
from probe.config.schema import Config
from probe.model.identity import Compares
from synth.chance import log_uniform
from synth.drive import Said
from synth.edges import FAR, EdgeModel
from synth.effects import hosts_of
from synth.line import LineModel
from synth.lines import FIBRE, LOSSY, MOBILE
from synth.outages import Outage, end, strike
from synth.outside import Watched
from synth.troubles import FREQUENCIES, HOME, SITES, Frequency, Kind, Trouble
from synth.world import World

HOUR = 3_600.0
DAY = 24 * HOUR
YEAR = 365 * DAY
# Three of these controls, of as many operators, speak QUIC.
OVER_QUIC = {
    "THROTTLEWATCH_QUIC": "true",
    "THROTTLEWATCH_CONTROLS": "control-jquery,control-cdnjs,control-wordpress,control-kernel,"
    "control-debian,control-amazon,control-videolan,control-ubuntu",
}
BEGIN = 1_699_920_000.0  # midnight, so that evenings are evenings
ADDRESSES = (1, 2, 4)
OUTAGES_PER_YEAR = 2.0
OFTEN_PER_YEAR = 100.0
OUTAGE_SECONDS = (20 * 60.0, 7 * HOUR)
# What is still told of a trouble that is over: its end has to be noticed.
LATE_SECONDS = 2 * HOUR


class Which(StrEnum):
    """Which world."""

    SITES = "sites"
    HOME = "home"
    ALL = "all"


class Planned(Struct, frozen=True):
    """An outage to come."""

    begin: float
    end: float
    outage: Outage
    operator: str


class Made(Struct, frozen=True):
    """A vantage in its world, with its references, and what is to happen."""

    watched: Watched
    troubles: tuple[Trouble, ...]
    outages: tuple[Planned, ...]

    def play(self, until: float) -> Iterator[Said]:
        """All rounds and bursts until ``until``, outages and all."""
        config, worlds = self.watched.inside.config, self.watched.worlds
        for planned in self.outages:
            yield from self.watched.run(min(planned.begin, until))
            for world in worlds:
                strike(world, planned.outage, _hosts(config, planned.operator))
            yield from self.watched.run(min(planned.end, until))
            for world in worlds:
                end(world)
        yield from self.watched.run(until)

    def on(self, at: float) -> list[tuple[float, str]]:
        """What went on at ``at`` or shortly before: its end, and what it was."""
        found = [
            (trouble.end, f"{trouble.kind} {trouble.whom}".strip())
            for trouble in self.troubles
            if trouble.begin <= at < trouble.end + LATE_SECONDS
        ]
        return found + [
            (planned.end, f"outage {planned.outage} {planned.operator}")
            for planned in self.outages
            if planned.begin <= at < planned.end + LATE_SECONDS
        ]

    def meanwhile(self, at: float) -> str:
        """What went on at ``at`` or shortly before, in words."""
        return ", ".join(words for _, words in self.on(at)) or "nothing"


def made(
    which: Which,
    line: LineModel,
    *,
    seed: int,
    days: float,
    references: int = 0,
    far: bool = False,
    dense: float = 1.0,
    outages: bool = True,
    quic: bool = False,
    upload: bool = False,
) -> Made:
    """A world of ``days``. ``dense``: so many times as often does all that is rare go wrong.
    ``quic``: over that as well, beside controls that speak it. ``upload``: all that is read is sent
    bodies, too."""
    config = load(None, OVER_QUIC if quic else {})
    if upload:
        config = _sending(config)
    edges = FAR if far else EdgeModel()
    other = LOSSY if line.name == MOBILE.name else MOBILE

    def world(of: LineModel, number: int) -> World:
        return World(
            config,
            of,
            seed=seed + 7_919 * number,
            edges=edges,
            other_line=other,
            begin=BEGIN,
            addresses=ADDRESSES,
        )

    inside = world(line, 0)
    abroad = [world(FIBRE, 1 + number) for number in range(references)]
    seconds = days * DAY
    often = {kind: _denser(one, dense) for kind, one in _rates(which).items()}
    troubles = inside.draw_troubles(begin=BEGIN, seconds=seconds, frequencies=often)
    random = Random(f"{seed}/everywhere")
    shared = [t for t in troubles if t.kind is Kind.SITE_SLOW and random.random() < 0.5]
    inside.trouble(troubles)
    for outside in abroad:
        own = outside.draw_troubles(begin=BEGIN, seconds=seconds)
        outside.trouble((*own, *shared))
    planned: tuple[Planned, ...] = ()
    if which is not Which.HOME and outages:
        planned = _outages(config, Random(f"{seed}/outages"), seconds, OUTAGES_PER_YEAR * dense)
    return Made(Watched(config, inside, begin=BEGIN, abroad=abroad), troubles, planned)


def _sending(config: Config) -> Config:
    """Whoever is read takes bodies."""

    def takes(one: Definition) -> Definition:
        targets = (replace(t, upload=t.compares is Compares.GOODPUT) for t in one.targets)
        return replace(one, targets=tuple(targets))

    return replace(
        config,
        settings=replace(config.settings, upload=True),
        platforms=tuple(map(takes, config.platforms)),
        controls=tuple(map(takes, config.controls)),
        pool=tuple(map(takes, config.pool)),
    )


def _rates(which: Which) -> dict[Kind, Frequency]:
    return {
        Which.SITES: {**FREQUENCIES, **SITES},
        Which.HOME: HOME,
        Which.ALL: {**HOME, **SITES},
    }[which]


def _denser(one: Frequency, dense: float) -> Frequency:
    if one.per_year >= OFTEN_PER_YEAR:
        return one
    return replace(one, per_year=one.per_year * dense)


def _outages(
    config: Config, random: Random, seconds: float, per_year: float
) -> tuple[Planned, ...]:
    """One at a time: whoever is due during another's is not."""
    operators = list(dict.fromkeys(platform.operator for platform in config.platforms))
    kinds: Sequence[Outage] = list(Outage)
    drawn, free = [], BEGIN
    at = BEGIN
    while (at := at + random.expovariate(len(operators) * per_year / YEAR)) < BEGIN + seconds:
        planned = Planned(
            at,
            at + log_uniform(random, *OUTAGE_SECONDS),
            random.choice(kinds),
            random.choice(operators),
        )
        if at >= free:
            drawn.append(planned)
            free = planned.end
    return tuple(drawn)


def _hosts(config: Config, operator: str) -> tuple[str, ...]:
    own = [platform for platform in config.platforms if platform.operator == operator]
    return tuple(host for platform in own for host in hosts_of(platform))
