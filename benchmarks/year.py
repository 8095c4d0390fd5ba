"""A year of history on disk: ``python -m benchmarks.year [--days 365] [--keep FILE]``.

A calm day and one on which X is throttled for nine hours are lived by the daemon in virtual time
(benchmarks/store.py) with rounds of the world of numbers (synth) at the default pace. The
year repeats them, every thirtieth day the second one, with every time moved, and is written by the
real store, which forgets every hour as it does in a year. Then each command that reads runs as a
process of its own: seconds, and the most memory that it had.
"""

from __future__ import annotations

# First, because it replaces the clocks that everything else takes hold of.
from benchmarks.virtual_time import CLOCK, REAL_MONOTONIC, VirtualLoop  # isort: skip

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import click
from msgspec.structs import replace

from benchmarks.seldom import look_seldom
from benchmarks.store import DAY, Life
from probe.app import Daemon
from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.model.stored import StoredRound
from probe.store.history import History
from probe.store.writer import Store
from synth.effects import Effect, How, restriction
from synth.lines import FIBRE
from synth.world import World

HOUR = 3_600.0
# The command line, which says at its end how much memory it had (the kernel's own count would begin
# with that of the process that started it).
RUN = """
import atexit, re, sys
from probe.cli import main
status = lambda: open("/proc/self/status").read()
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", status())[1], file=sys.stderr))
sys.argv[0] = "throttlewatch"
main()
"""
EVENT_EVERY = 30
EVENT_HOURS = 9


class Two(Life):
    """Two days; X is throttled by its name for nine hours of the second."""

    async def script(self, daemon: Daemon, world: World) -> None:
        await asyncio.sleep(DAY + 8 * HOUR)
        effect = Effect(how=How.POLICER, factor=30.0, by_name=True)
        world.restrict([restriction(self.config, "x", effect, FIBRE, world.distance("x"))])
        await asyncio.sleep(EVENT_HOURS * HOUR)
        world.restrict([])


def moved(one: StoredRound, by: float, number: int) -> StoredRound:
    """The round ``by`` seconds later, under another name."""
    observed, verdict = one.observed, one.verdict
    return StoredRound(
        observed=replace(
            observed,
            id=f"{number:032x}",
            started_at=observed.started_at + by,
            legs=tuple(replace(leg, started_at=leg.started_at + by) for leg in observed.legs),
            dns=tuple(replace(dns, started_at=dns.started_at + by) for dns in observed.dns),
        ),
        verdict=replace(verdict, at=verdict.at + by, since=verdict.since + by),
    )


def year(calm: list[StoredRound], event: list[StoredRound], days: int) -> Iterator[StoredRound]:
    """The rounds of ``days`` days that end where ``event`` ends, in the order of time."""
    number = 0
    for day in range(days):
        left = days - 1 - day
        pool, end = (event, 1) if left % EVENT_EVERY == 3 else (calm, 0)
        by = (1 - end - left) * DAY
        for one in pool:
            number += 1
            yield moved(one, by, number)


def write(path: Path, rounds: Iterator[StoredRound]) -> tuple[int, float]:
    """Give every round to the store at its time; how many, and the longest pass of forgetting."""
    now = [0.0]
    # An hour in one commit: how often it commits is what benchmarks/store.py is about.
    config = StoreConfig(path=str(path), batch=Seconds(HOUR))
    store = Store(path, config, wall=lambda: now[0], monotonic=lambda: now[0])
    count, longest, begun = 0, 0.0, False
    for hour, some in groupby(rounds, lambda r: r.observed.started_at // HOUR):
        now[0] = (hour + 1) * HOUR
        if not begun:
            store.start()
            begun = True
        for one in some:
            count += 1
            store.round_finished(one.observed, one.verdict)
        store.flush()
        before = REAL_MONOTONIC()
        while store.health().queued:
            time.sleep(0.0005)
        longest = max(longest, REAL_MONOTONIC() - before)
    store.close(60.0)
    return count, longest


def measured(name: str, *arguments: str) -> None:
    """Run a command of throttlewatch and print what it took."""
    began = REAL_MONOTONIC()
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    *said, peak = process.stderr.read().decode().strip().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    seconds = REAL_MONOTONIC() - began
    assert status == 0, said
    print(
        f"{name}: {seconds:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of CPU), "
        f"{int(peak) / 1024:.0f} MB of memory at most; {' '.join(said)}",
        flush=True,
    )


def made(path: Path, two_days: Path, days: int) -> None:
    """Live the two days, and write the year."""
    loop, begin = VirtualLoop(), CLOCK.true()
    loop.run_until_complete(Two(two_days, None, forward=False).run(2.0))
    loop.close()
    with History(two_days) as history:
        both = list(history.rounds())
    calm = [one for one in both if one.observed.started_at < begin + DAY]
    began = REAL_MONOTONIC()
    count, longest = write(path, year(calm, both[len(calm) :], days))
    print(
        f"{count} rounds in {days} days written in {REAL_MONOTONIC() - began:.0f} s; "
        f"the slowest hour with its forgetting took {longest:.1f} s",
        flush=True,
    )


def day_of(at: float) -> str:
    """As the commands take it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M")


@click.command(help=__doc__)
@click.option("--days", default=365, show_default=True)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="Keep the history there; one that is there is only read.",
)
def main(days: int, keep: Path | None) -> None:
    """Print the figures."""
    look_seldom()
    with tempfile.TemporaryDirectory() as folder:
        path = keep or Path(folder) / "history.sqlite3"
        if not path.exists():
            made(path, Path(folder) / "two-days.sqlite3", days)
        with History(path) as history:
            left, bounds = sum(1 for _ in history.rounds()), history.bounds()
        assert bounds is not None
        print(f"left: {left} rounds, {path.stat().st_size / 1e6:.1f} MB", flush=True)
        end = bounds[1] + HOUR
        week, whole = day_of(end - 7 * DAY), day_of(bounds[0])
        of = ("--history", str(path), "--to", day_of(end))
        page = str(Path(folder) / "report.html")
        measured("history, a week", "history", "--from", week, *of)
        measured("history, all", "history", "--from", whole, *of)
        measured("incidents, all", "incidents", "--from", whole, *of)
        measured("report, a day", "report", "--from", day_of(end - DAY), "-o", page, *of)
        measured("report, a week", "report", "--from", week, "-o", page, *of)
        measured("report, all", "report", "--from", whole, "-o", page, *of)
        for form in ("jsonl", "csv", "parquet", "ooni"):
            file = str(Path(folder) / form)
            measured(f"export {form}, all", "export", "-f", form, "-o", file, *of)


if __name__ == "__main__":
    main()
