"""What a trouble leaves behind once it is over: bursts a day, what is said, and what is found.

A world is calm, then something honest happens to it (an edge moves and comes back, the line is dead
or becomes another one, the platform is out of order), and a day after that has ended everything has
to be as before: nobody may have been accused, no suspicion goes on, and what is then really done to
the platform is found as soon as ever.
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import Config
from probe.model.identity import RoundKind
from probe.model.verdict import State
from scenarios.model import CutOff, Restricted, Whom, exactly
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import Effect, names_of, restriction
from synth.line import LineModel
from synth.lines import MOBILE
from synth.troubles import Kind, Trouble
from synth.world import World

HOUR = 3_600.0
DAY = 24 * HOUR
BEGIN = 1_699_920_000.0
WARM_DAYS = 2.0
LATER_DAYS = 1.0
FOUND_HOURS = 8.0
PLATFORM, SITE = "x", "x-corp-"
# Calm servers of their own: what remains is the trouble's doing.
EDGES = EdgeModel(slow_share=0.0)


class Trial(Struct, frozen=True, kw_only=True):
    """``moved_seconds``: the platform is farther away by that; ``gone``: it does not answer;
    ``dead_hours``: after it the line is dead for so long, and ``farther_seconds`` longer from then
    on; ``other``: or another line carries everything from then on. ``hours``: how long it lasts."""

    name: str
    hours: float = 0.0
    moved_seconds: float = 0.0
    gone: bool = False
    dead_hours: float = 0.0
    farther_seconds: float = 0.0
    other: LineModel | None = None


TRIALS = (
    Trial(name="nothing"),
    *(
        Trial(name=f"{ms} ms farther for {hours} h", hours=hours, moved_seconds=ms / 1e3)
        for ms in (20, 80, 150)
        for hours in (3, 12, 48)
    ),
    Trial(name="line dead for 2 h, back 25 ms farther", dead_hours=2.0, farther_seconds=0.025),
    Trial(name="line becomes 4G", other=MOBILE),
    Trial(
        name="80 ms farther for 12 h, then the line dead for 2 h and back 25 ms farther",
        hours=12,
        moved_seconds=0.08,
        dead_hours=2.0,
        farther_seconds=0.025,
    ),
    Trial(
        name="150 ms farther for 12 h, then the line becomes 4G",
        hours=12,
        moved_seconds=0.15,
        other=MOBILE,
    ),
    Trial(name="platform out of order for 4 h", hours=4, gone=True),
)
BY_NAME = {trial.name: trial for trial in TRIALS}


class Aftermath(Struct, frozen=True, kw_only=True):
    """``bursts``: on the day before, and on the day that begins ``LATER_DAYS`` after the end;
    ``said``: in that day's rounds. ``accused``: rounds and bursts that accused anybody, while
    nobody did anything. ``found``: after how many transfer rounds what was then done was found;
    ``None``: not at all."""

    trial: str
    line: str
    seed: int
    bursts: tuple[int, int]
    said: dict[str, int]
    accused: int
    found: float | None


def aftermath(
    config: Config, trial: Trial, line: LineModel, *, seed: int, effect: Effect | None
) -> Aftermath:
    """Play it. ``effect``: what is done to the platform's name in the end; ``None``: a cut after
    16 KiB."""
    world = World(config, line, seed=seed, edges=EDGES, begin=BEGIN, least_addresses=2)
    daemon = Daemon(config, world, begin=BEGIN, only=(PLATFORM,))
    begin = BEGIN + WARM_DAYS * DAY
    end = begin + trial.hours * HOUR
    back = end + trial.dead_hours * HOUR
    world.trouble(_troubles(trial, world, begin, end, back))
    accused = 0

    def run(until: float) -> tuple[int, Counter[str]]:
        nonlocal accused
        bursts, said = 0, Counter[str]()
        for one in daemon.run(until):
            accused += one.verdict.restricted and not (trial.gone and daemon.now < back + HOUR)
            if one.observed.kind is RoundKind.BURST:
                bursts += 1
            else:
                said[f"{one.verdict.state} {one.verdict.reason}".strip()] += 1
        return bursts, said

    run(begin - DAY)
    before, _ = run(begin)
    run(back)
    carries = line
    if trial.other is not None or trial.farther_seconds:
        carries = trial.other or replace(line, rtt_seconds=line.rtt_seconds + trial.farther_seconds)
        world.becomes(carries, back)
    run(back + LATER_DAYS * DAY)
    after, said = run(back + (LATER_DAYS + 1.0) * DAY)
    world.restrict([_done(config, world, carries, effect)])
    return Aftermath(
        trial=trial.name,
        line=line.name,
        seed=seed,
        bursts=(before, after),
        said=dict(said),
        accused=accused,
        found=_found(daemon),
    )


def _troubles(
    trial: Trial, world: World, begin: float, end: float, back: float
) -> tuple[Trouble, ...]:
    found = []
    if trial.moved_seconds:
        value = trial.moved_seconds
        found.append(Trouble(begin=begin, end=end, kind=Kind.SITE_MOVED, whom=SITE, value=value))
    if trial.gone:
        hosts = next(p.hosts for p in world.config.platforms if p.name == PLATFORM)
        found += [
            Trouble(begin=begin, end=end, kind=Kind.EDGE_DEAD, whom=address, value=1.0)
            for address in dict.fromkeys(a for host in hosts for a in world.zone.get(host, ()))
        ]
    if trial.dead_hours:
        found.append(Trouble(begin=end, end=back, kind=Kind.OFFLINE, value=1.0))
    return tuple(found)


def _done(config: Config, world: World, line: LineModel, effect: Effect | None) -> Restricted:
    if effect is not None:
        return restriction(config, PLATFORM, effect, line, world.distance(PLATFORM))
    definition = next(p for p in config.platforms if p.name == PLATFORM)
    cut = CutOff(after_bytes=exactly(16_384))
    return Restricted(whom=Whom(names=names_of(definition)), effects=(cut,))


def _found(daemon: Daemon) -> float | None:
    rounds = 0
    for said in daemon.run(daemon.now + FOUND_HOURS * HOUR):
        rounds += said.observed.kind in (RoundKind.TRANSFER, RoundKind.LONG)
        if said.verdict.restricted or said.verdict.state is State.IMPAIRED:
            return float(rounds)
    return None
