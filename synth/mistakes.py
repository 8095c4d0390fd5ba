"""The worlds of docs/what-it-can-mistake.md: hours of one trouble after calm ones, by its name.

A trouble is a function that plays on a ``Stage``, at default from the calm's end on. Beside X, its
neighbour YouTube is measured, so that the bases that need two operators can speak.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from msgspec import Struct

from probe.config import load
from probe.model.identity import RoundKind
from probe.model.verdict import Evidence, State, Verdict
from probe.observe.effort import Measure
from scenarios.model import (
    EVERY,
    DnsForged,
    DnsLie,
    Effect,
    HelloDropped,
    Impersonated,
    Impostor,
    Pauses,
    Reset,
    Restricted,
    Whom,
    exactly,
)
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import hosts_of, names_of
from synth.line import LineModel
from synth.lines import FIBRE, MOBILE
from synth.outages import Outage, end, strike
from synth.troubles import Kind, Trouble
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
CALM_HOURS, TROUBLE_HOURS, LATER_HOURS = 30.0, 4.0, 3.0
MEASURED = ("x", "youtube")
LOOK_SECONDS = 900.0
X = next(p for p in CONFIG.platforms if p.name == "x")
X_SITE = "x-corp-"
X_NAMES, X_HOSTS = names_of(X), hosts_of(X)
CONTROLS = tuple(c for c in CONFIG.controls if c.scope == "foreign")
QUOTA = 3_000.0
"""25 MB/s become 64 kbit/s."""


class Stage:
    """A daemon in its world, and what it says of X; ``now`` goes on with ``run``. ``vouched``: a
    reference looks from outside all the time, and finds everybody well."""

    def __init__(self, line: LineModel, seed: int, *, vouched: bool) -> None:
        self.vouched = vouched
        self.world, self.daemon = copy.deepcopy(_calm(line, seed))
        self.line = line
        self.now = BEGIN + CALM_HOURS * HOUR
        self._troubles: list[Trouble] = []
        self.rounds: list[Verdict] = []
        self.every: list[Verdict] = []

    def trouble(
        self, kind: Kind, whom: str = "", value: float = 1.0, *, after: float = 0.0, hours: float
    ) -> None:
        """Something goes wrong ``after`` hours from now, for so many."""
        begin = self.now + after * HOUR
        one = Trouble(begin=begin, end=begin + hours * HOUR, kind=kind, whom=whom, value=value)
        self._troubles.append(one)
        self.world.trouble([t for t in self._troubles if t.end > self.now])

    def met(self, effect: Effect, whom: Whom) -> None:
        """Somebody on the way does this from now on."""
        self.world.restrict([Restricted(whom=whom, effects=(effect,))])

    def run(self, hours: float) -> None:
        """Time passes."""
        end = self.now + hours * HOUR
        while self.now < end:
            self.now = min(end, self.now + LOOK_SECONDS)
            if self.vouched:
                self.daemon.references = {p: (fine_outside(p, self.now),) for p in MEASURED}
            for said in self.daemon.run(self.now):
                self.every.append(said.verdict)
                if said.verdict.platform == X.name and said.observed.kind is not RoundKind.BURST:
                    self.rounds.append(said.verdict)


def fine_outside(platform: str, at: float) -> Verdict:
    """What a reference says that has just read, and found all well."""
    return Verdict(
        vantage="abroad",
        platform=platform,
        state=State.OK,
        rule_id="ok",
        sentence="",
        at=at,
        since=at,
        evidence=tuple(
            Evidence(name=f"{measure}_slowdown_ratio", subject="object", value=1.0)
            for measure in Measure
        ),
    )


@cache
def _calm(line: LineModel, seed: int) -> tuple[World, Daemon]:
    world = World(
        CONFIG,
        line,
        seed=seed,
        edges=EdgeModel(slow_share=0.0),
        other_line=MOBILE,
        begin=BEGIN,
        least_addresses=2,
    )
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=MEASURED)
    for _ in daemon.run(BEGIN + CALM_HOURS * HOUR):
        pass
    return world, daemon


Play = Callable[[Stage], None]


def _all_the_time(kind: Kind, whom: str = "", value: float = 1.0) -> Play:
    def play(stage: Stage) -> None:
        stage.trouble(kind, whom, value, hours=TROUBLE_HOURS)
        stage.run(TROUBLE_HOURS)

    return play


def _now_and_then(kind: Kind, value: float, *, minutes: float, every: float) -> Play:
    """For some minutes, every so many; not on the grid of the rounds, so in the midst of some."""

    def play(stage: Stage) -> None:
        for at in _times(every):
            stage.trouble(kind, "", value, after=at, hours=minutes / 60.0)
        stage.run(TROUBLE_HOURS)

    return play


def _times(every: float) -> Iterator[float]:
    at = 0.007  # 25 seconds after a round of the grid
    while at < TROUBLE_HOURS:
        yield at
        at += every / 60.0


def _met(effect: Effect, whom: Whom) -> Play:
    def play(stage: Stage) -> None:
        stage.met(effect, whom)
        stage.run(TROUBLE_HOURS)

    return play


def _out_of_order(outage: Outage, *, controls: Sequence[str] = ()) -> Play:
    def play(stage: Stage) -> None:
        strike(stage.world, outage, X_HOSTS)
        for name in controls:
            stage.trouble(Kind.CONTROL_DEAD, name, hours=TROUBLE_HOURS)
        stage.run(TROUBLE_HOURS)

    return play


def _controls_dead(names: Sequence[str]) -> Play:
    def play(stage: Stage) -> None:
        for name in names:
            stage.trouble(Kind.CONTROL_DEAD, name, hours=TROUBLE_HOURS)
        stage.run(TROUBLE_HOURS)

    return play


def _pausing(after_bytes: float | None) -> Play:
    def play(stage: Stage) -> None:
        after = None if after_bytes is None else exactly(after_bytes)
        stage.world.pauses = (Pauses(hosts=X_HOSTS, after_bytes=after),)
        stage.run(TROUBLE_HOURS)

    return play


def _slow_over_wifi(stage: Stage) -> None:
    stage.trouble(Kind.SITE_SLOW, X_SITE, 6.0, hours=TROUBLE_HOURS)
    stage.trouble(Kind.WIFI, "", 0.015, hours=TROUBLE_HOURS)
    stage.run(TROUBLE_HOURS)


def _asleep(stage: Stage) -> None:
    """The machine wakes for half an hour, in the midst of a round, and sleeps for five."""
    for _ in range(4):
        stage.now += 5 * HOUR
        stage.daemon.now = stage.now
        stage.world.stepping = True
        stage.run(0.05)
        stage.world.stepping = False
        stage.run(0.5)


def _reconnected(stage: Stage) -> None:
    """The line is down for a minute and comes back by another way, with another address."""
    for turn in range(4):
        stage.trouble(Kind.OFFLINE, after=0.007, hours=1 / 60)
        farther = 0.003 * (turn % 2)
        stage.world.becomes(_farther(stage.line, farther), stage.now)
        stage.run(TROUBLE_HOURS / 4)


def _farther(line: LineModel, seconds: float) -> LineModel:
    known = {name: getattr(line, name) for name in line.__struct_fields__}
    return LineModel(**known | {"rtt_seconds": line.rtt_seconds + seconds})


FASTLY = tuple(c.name for c in CONTROLS if c.operator == "Fastly")
SEVERAL = tuple({c.operator: c.name for c in CONTROLS if c.operator != "Fastly"}.values())[:2]
HOUSEHOLD: dict[str, Play] = {
    "busy-machine": _all_the_time(Kind.BUSY_HOST, value=0.5),
    "machine-asleep": _asleep,
    "clock-behind": _all_the_time(Kind.CLOCK_BEHIND),
    "wifi-loss": _all_the_time(Kind.WIFI, value=0.3),
    "router-reboot": _now_and_then(Kind.OFFLINE, 1.0, minutes=4, every=60),
    "reconnect": _reconnected,
    "download": _now_and_then(Kind.CROSS_TRAFFIC, 12.0, minutes=25, every=60),
    "router-resolver": _all_the_time(Kind.RESOLVER),
    "router-resolver-half": _all_the_time(Kind.LOOKUP, "x", 0.94),
    "hosts-file": _all_the_time(Kind.HOSTS_FILE, "x"),
    "home-filter": _all_the_time(Kind.FILTER, "x"),
    "parental-control": _met(Reset(), Whom(names=X_NAMES)),
    "office-firewall": _met(Impersonated(shows=Impostor.UNTRUSTED), Whom(names=X_NAMES)),
    "inspection": _all_the_time(Kind.INSPECTION),
    "inspection-of-some": _all_the_time(Kind.INSPECTION, value=2.0),
    "old-authorities": _all_the_time(Kind.AUTHORITIES, "x"),
    "vpn-switched": _now_and_then(Kind.TUNNEL, 0.1, minutes=35, every=70),
    "other-line": _now_and_then(Kind.OTHER_LINE, 1.0, minutes=50, every=100),
}
NETWORK: dict[str, Play] = {
    "no-line": _all_the_time(Kind.OFFLINE),
    "portal": _all_the_time(Kind.PORTAL),
    "portal-resolver": _met(DnsForged(lie=DnsLie.ADDRESS), Whom()),
    "portal-silent": _met(HelloDropped(), Whom(hosts=(EVERY,))),
    "quota-slow": _all_the_time(Kind.CAP, value=QUOTA),
    "large-packets-some": _all_the_time(Kind.BIG_PACKETS),
    "large-packets-x": _all_the_time(Kind.BIG_PACKETS, X_SITE),
    "ports-used-up": _all_the_time(Kind.PORTS, value=0.4),
    "satellite": _all_the_time(Kind.HANDOVER),
    "sea-cable": _all_the_time(Kind.CABLE_CUT, value=10.0),
    "edge-moved": _all_the_time(Kind.SITE_MOVED, X_SITE, 0.1),
    "several-silent": _out_of_order(Outage.SILENT, controls=SEVERAL),
    "one-silent": _out_of_order(Outage.SILENT, controls=SEVERAL[:1]),
    "few-connections": _all_the_time(Kind.FEW_CONNECTIONS, value=1.0),
    "controls-of-one": _controls_dead(FASTLY),
    "all-controls": _controls_dead([c.name for c in CONTROLS]),
}
PLATFORM: dict[str, Play] = {
    "outage-silent": _out_of_order(Outage.SILENT),
    "outage-slow": _out_of_order(Outage.SLOW),
    "outage-certificate": _out_of_order(Outage.OTHER_CERTIFICATE),
    "outage-errors": _out_of_order(Outage.ERRORS),
    "outage-shared": _out_of_order(Outage.SILENT, controls=FASTLY),
    "slow-near-here": _all_the_time(Kind.SITE_SLOW, X_SITE, 10.0),
    "slow-near-here-over-wifi": _slow_over_wifi,
    "paused-near-here": _pausing(20_000.0),
    "silent-near-here": _pausing(None),
    "few-at-once": _all_the_time(Kind.FEW_CONNECTIONS, X_SITE, 2.0),
    "outage-near-here": _out_of_order(Outage.SILENT),
    "half-silent": _out_of_order(Outage.HALF_SILENT),
    "refused": _all_the_time(Kind.REFUSING, "x", 400.0),
    "law": _all_the_time(Kind.REFUSING, "x", 452.0),
}
PLAYS = HOUSEHOLD | NETWORK | PLATFORM
VOUCHED = frozenset(
    {
        *(*HOUSEHOLD, *NETWORK, "slow-near-here", "outage-near-here"),
        *("slow-near-here-over-wifi", "paused-near-here", "silent-near-here", "few-at-once"),
    }
)
"""Where a reference abroad finds everybody well all the time."""


class Played(Struct, frozen=True, kw_only=True):
    """``rounds``: what was said of X in the rounds of the trouble; ``every``: of anybody in rounds
    and bursts; ``later``: in the hours after it."""

    rounds: tuple[Verdict, ...]
    every: tuple[Verdict, ...]
    later: tuple[Verdict, ...]


def played(name: str, *, line: LineModel = FIBRE, seed: int = 1) -> Played:
    """Play a trouble and what comes after it."""
    stage = Stage(line, seed, vouched=name in VOUCHED)
    PLAYS[name](stage)
    rounds, every = tuple(stage.rounds), tuple(stage.every)
    end(stage.world)
    stage.world.trouble(())
    stage.run(LATER_HOURS)
    return Played(rounds=rounds, every=every, later=tuple(stage.every[len(every) :]))
