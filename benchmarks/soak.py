"""Months of the daemon in accelerated time, with what goes wrong in one.

    python -m benchmarks.soak [--months 5]

The real daemon without its server: scheduler, data budget, verdicts, bursts, board and history.
Its rounds come from the world of numbers (synth), and both clocks are virtual, so that 30
days of timers take minutes. Faults, the same in each month: link flaps, a dead line for half a day,
DNS dead, the wall clock set by a year forwards and back, a platform throttled for a day, the disk
full (a small file system of its own, as root). Prints what was due at the pace that the data budget
allowed and what became of it, the states, memory and file descriptors; exits with 1 if a round is
missing without a reason, memory grows after the first month, the last month ends with more
descriptors than the one before it, or a state does not recover by itself.
"""

from __future__ import annotations

# First, because it replaces the clocks that everything else takes hold of.
from benchmarks.virtual_time import CLOCK, REAL_MONOTONIC, VirtualLoop  # isort: skip

import asyncio
import gc
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression, mean
from threading import Event
from typing import cast

import click
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.seldom import look_seldom
from probe.app import Daemon
from probe.config import load
from probe.config.schema import Config, StoreConfig
from probe.measure.one_round.round import Rounds
from probe.model.burst import PlannedBurst
from probe.model.identity import Family, RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import State
from probe.schedule.data_budget import BudgetView
from probe.store.health import StoreHealth
from synth.edges import CALM
from synth.effects import Effect, How, restriction
from synth.lines import FIBRE
from synth.rounds import VANTAGE
from synth.rounds import Rounds as SynthRounds
from synth.troubles import DAY, HOUR, Kind, Trouble
from synth.world import World

YEAR = 365 * DAY
MONTH = 30
MONTH_END = 5
"""The last days of a month, when its faults are over and what they took is given back."""
MOST_SLOPE_BYTES_PER_DAY = 10_000
MOST_QUEUED = 50
DISK_BYTES = 256 * 1024 * 1024
LIGHT_SECONDS = 300.0


class Sample(Struct, frozen=True):
    """What the process held at the end of a day."""

    day: float
    resident_bytes: int
    descriptors: int
    states: dict[str, str]


class SoakExperiments:
    """Experiments in the world of numbers."""

    def __init__(self, rounds: SoakRounds) -> None:
        self._rounds = rounds

    async def made(self, planned: PlannedBurst, *, vantage: str) -> RoundObservation:
        return await self._rounds.experiment(planned, vantage=vantage)


class SoakRounds:
    """In place of ``probe.measure.one_round.round.Rounds``: rounds of the world of numbers."""

    def __init__(self, config: Config, world: World, real: Rounds) -> None:
        self._config = config
        self._world = world
        self._real = real
        self._synth: dict[str, SynthRounds] = {}

    def _of(self, vantage: str) -> SynthRounds:
        if vantage not in self._synth:
            self._synth[vantage] = SynthRounds(self._config, self._world, vantage=vantage)
        return self._synth[vantage]

    async def measure(
        self, *, platform: str, vantage: str, kind: RoundKind, family: Family, **_: object
    ) -> RoundObservation:
        observed, end = self._of(vantage).measure(platform, kind, CLOCK.true())
        return await self._waited(observed, end)

    @property
    def bursts(self) -> SoakRounds:
        """In place of ``probe.measure.bursts.bursts.Bursts``."""
        return self

    def joined(self, planned: Sequence[PlannedBurst], *, vantage: str) -> tuple[PlannedBurst, ...]:
        return self._real.bursts.joined(planned, vantage=vantage)

    async def made(
        self, planned: Sequence[PlannedBurst], *, vantage: str
    ) -> tuple[RoundObservation, ...]:
        seen, end = self._of(vantage).burst(planned, CLOCK.true())
        return tuple([await self._waited(observed, end) for observed in seen])

    @property
    def experiments(self) -> SoakExperiments:
        """In place of ``probe.measure.bursts.experiments.Experiments``."""
        return SoakExperiments(self)

    async def experiment(self, planned: PlannedBurst, *, vantage: str) -> RoundObservation:
        observed, end = self._of(vantage).experiment(planned, CLOCK.true())
        return await self._waited(observed, end)

    def unmade(self, planned: PlannedBurst, *, vantage: str) -> RoundObservation:
        return self._real.bursts.unmade(planned, vantage=vantage)

    async def _waited(self, observed: RoundObservation, end: float) -> RoundObservation:
        offset = CLOCK.offset
        await asyncio.sleep(max(0.0, end - CLOCK.true()))
        return replace(
            observed,
            started_at=observed.started_at + offset,
            clock_stepped=observed.clock_stepped or offset != CLOCK.offset,
        )


def troubles(begin: float) -> list[Trouble]:
    """What the network does in a month."""

    def at(day: float, hours: float, kind: Kind, value: float = 1.0) -> Trouble:
        start = begin + day * DAY
        return Trouble(begin=start, end=start + hours * HOUR, kind=kind, value=value)

    flaps = [at(4 + hour / 24, 0.15, Kind.OFFLINE) for hour in range(24)]
    return [
        at(2.0, 12.0, Kind.OFFLINE),
        *flaps,
        at(7.0, 6.0, Kind.RESOLVER),
        at(21.0, 6.0, Kind.CROSS_TRAFFIC, 8.0),
    ]


class Disk:
    """A small file system for the history, that can be filled; without root, a plain folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="throttlewatch-soak-"))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self.folder)]
        self.real = subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def fill(self) -> None:
        """Take all that is left."""
        if self.real:
            ballast = os.open(self.folder / "ballast", os.O_WRONLY | os.O_CREAT)
            try:
                while True:
                    os.write(ballast, bytes(65_536))
            except OSError:
                pass  # full, which is what was wanted
            finally:
                os.close(ballast)

    def free(self) -> None:
        """Give it back."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove it."""
        if self.real:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)


class Soak:
    """One run."""

    def __init__(self, days: int) -> None:
        self.days = days
        self.disk = Disk()
        config = load(None, {})
        self.config = replace(
            config,
            pool=(),  # controls are those of the world, and none is drawn
            settings=replace(
                config.settings,
                listen="127.0.0.1:0",
                store=StoreConfig(path=str(self.disk.folder / "history.sqlite3")),
            ),
        )
        self.samples: list[Sample] = []
        self.seen: Counter[tuple[str, str]] = Counter()
        self.events: list[str] = []
        self.due = self.unsure = self.thinned = 0.0

    async def run(self) -> None:
        """Live through the days."""
        config, begin = self.config, CLOCK.true()
        self.world = World(config, FIBRE, seed=7, edges=CALM, begin=begin, least_addresses=2)
        months = range(0, self.days, MONTH)
        self.world.trouble([one for day in months for one in troubles(begin + day * DAY)])
        self.daemon = daemon = Daemon(
            config,
            lambda: config,
            rounds_of=lambda known, real: cast(Rounds, SoakRounds(known, self.world, real)),
        )
        running = asyncio.create_task(daemon.run())
        hours = range(self.days * 24)
        for hour in hours:
            await self.happen(hour / 24)
            before = self.every()
            await asyncio.sleep(HOUR)
            assert not running.done(), "the daemon has ended"
            self.let_write()
            self.count_due(before, self.every())
            for platform, state in self.states().items():
                self.seen[platform, state] += 1
            if hour % 24 == 23:
                self.sample((hour + 1) / 24)
        daemon.stop()
        await running

    def states(self) -> dict[str, str]:
        """What is said of each platform."""
        said = self.daemon.snapshot().verdicts.items()
        assert all(vantage == VANTAGE for (vantage, _), _ in said)
        return {p: verdict.state.value for (_, p), verdict in said if verdict is not None}

    def health(self) -> StoreHealth:
        """How it stands with the history."""
        health = self.daemon.snapshot().store
        assert health is not None
        return health

    def data(self) -> BudgetView:
        """How it stands with the data budget."""
        view = self.daemon.snapshot().data
        assert view is not None
        return view

    def let_write(self) -> None:
        """Wait for the writer, a thread in real time: while it forgets a year, days pass here, and
        their rounds would wait in memory as they never do where an hour takes an hour."""
        while (health := self.health()).trouble is None and health.queued > MOST_QUEUED:
            Event().wait(0.002)

    def every(self) -> dict[tuple[str, str], int]:
        """By how much the data budget thins the rounds of each platform."""
        paces = self.data().paces
        return {key: pace.every for key, pace in paces.items()}

    def count_due(
        self, before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]
    ) -> None:
        """Add what was due in the hour that is over. If the pace changed in it, the rounds of one
        hour may be too many."""
        for platform in self.config.platforms:
            key = (VANTAGE, platform.name)
            pace = before.get(key, 1), after.get(key, 1)
            self.due += HOUR / LIGHT_SECONDS / max(pace)
            self.unsure += 0.0 if pace[0] == pace[1] else HOUR / LIGHT_SECONDS
            self.thinned += HOUR / LIGHT_SECONDS * (1.0 - 1.0 / max(pace))

    async def happen(self, now: float) -> None:
        """What does not happen on the line."""
        x = next(p for p in self.config.platforms if p.name == "x")
        day = now % MONTH
        if day == 9.0:
            self.note(now, "the wall clock is set a year ahead")
            CLOCK.offset += YEAR
        elif day == 11.0:
            self.note(now, "and two years back")
            CLOCK.offset -= 2 * YEAR
        elif day == 13.0:
            self.note(now, "and is right again")
            CLOCK.offset = 0.0
        elif day == 14.0:
            self.note(now, "X is throttled by its name, 30 times")
            effect = Effect(how=How.POLICER, factor=30.0, by_name=True)
            distance = self.world.distance("x")
            self.world.restrict([restriction(self.config, x.name, effect, FIBRE, distance)])
        elif day == 15.0:
            self.note(now, "and no longer")
            self.world.restrict([])
        elif day == 17.0:
            self.note(
                now, "the disk is full" if self.disk.real else "(no disk of its own: no root)"
            )
            self.disk.fill()
        elif day == 17.5:
            self.note(now, f"and has room again; waiting: {self.health()}")
            self.disk.free()

    def note(self, day: float, text: str) -> None:
        self.events.append(f"day {day:4.1f}: {text}; before: {self.states()}")

    def sample(self, day: float) -> None:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        sample = Sample(
            day,
            pages * resource.getpagesize(),
            len(os.listdir("/proc/self/fd")),  # noqa: PTH208
            self.states(),
        )
        self.samples.append(sample)
        counted = self.daemon.snapshot().counted
        print(
            f"day {day:4.0f}: {sum(counted.rounds.values())} rounds, "
            f"{sample.resident_bytes / 1e6:.1f} MB, {sample.descriptors} descriptors, "
            f"{sample.states}",
            flush=True,
        )

    def report(self, real_seconds: float) -> bool:
        """Print everything; whether all is well."""
        counted = self.daemon.snapshot().counted
        made = Counter[str]()
        for (_, _, kind, result), count in counted.rounds.items():
            made[f"{kind.value}, {result}"] += count
        ordinary = sum(n for words, n in made.items() if not words.startswith("burst"))
        refused: Counter[str] = Counter()
        for (_, _, reason), count in self.data().refused.items():
            refused[reason.value] += count
        late, abandoned = sum(counted.late.values()), sum(counted.abandoned.values())
        # The stop may come between a place of the grid and its jittered round.
        platforms = len(self.config.platforms)
        due = round(self.due) + platforms
        missing = due - ordinary - sum(refused.values()) - late - abandoned
        print(f"{self.days} days in {real_seconds:.0f} s")
        print(
            f"thinned by the data budget: {self.thinned:.0f} rounds, give or take {self.unsure:.0f}"
        )
        print(f"rounds due {due}, made {ordinary} ({dict(made)})")
        print(f"refused {dict(refused)}, late {late}, abandoned {abandoned}; missing {missing}")
        print("\n".join(self.events))
        print(f"hours in each state: {dict(sorted(self.seen.items()))}")
        before, last = self.samples[-MONTH - 1], self.samples[-1]
        # After the first month. The ends of two months differ by what it wavers by.
        later = [sample for sample in self.samples if sample.day > MONTH]
        slope = linear_regression(
            [sample.day for sample in later], [sample.resident_bytes for sample in later]
        ).slope
        resident = mean(s.resident_bytes for s in later if s.day > self.days - MONTH_END)
        print(
            f"memory: {resident / 1e6:.1f} MB in the last days, "
            f"{slope / 1e3:+.1f} kB a day after the first month (least squares)"
        )
        print(f"history: {self.health()}")
        checks = {
            "no round is missing without a reason": abs(missing) <= platforms + self.unsure,
            "memory does not grow": slope < MOST_SLOPE_BYTES_PER_DAY,
            "descriptors do not grow": last.descriptors <= before.descriptors,
            "every state has recovered": set(last.states.values()) == {State.OK.value},
            "the throttling was seen": self.seen["x", State.THROTTLED.value] > 0,
        }
        for what, holds in checks.items():
            print(f"{'holds' if holds else 'FAILS'}: {what}")
        return all(checks.values())


@click.command(help=__doc__)
@click.option("--months", default=5, type=click.IntRange(min=2), help="Of 30 days each.")
def main(months: int) -> None:
    """Run and print."""
    look_seldom()
    began = REAL_MONOTONIC()
    loop = VirtualLoop()
    soak = Soak(months * MONTH)
    try:
        loop.run_until_complete(soak.run())
        fine = soak.report(REAL_MONOTONIC() - began)
    finally:
        loop.close()
        soak.disk.close()
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
