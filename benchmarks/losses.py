"""How soon lost packets are told: the share that is lost, where, and what that does to a read.

    python -m benchmarks.losses [--seeds N] [--first N] [--loss P] [--line L] [--platform P]
        [--by name|address] [--way down|both] [--jobs N] [--markdown]

Somebody on the way drops so many per cent of a platform's packets, of those that come down or of
those that we send as well, by its name or at its addresses, after two calm days: in the world of
``benchmarks.power``, at the default cadence, thresholds, budgets and bursts, with no look from
outside. A run ends with an accusation or ``impaired``, or after six hours.

A cell is: how many times as long the platform's reads take at the median (all that the runs made,
bursts too, beside those of the calm days; a read that our deadline cut counts as what it shows, so
this is too little where much is lost); how many transfer rounds of the usual pace (what is
suspected is read more often) had begun when ``A`` (an accusation) or ``i`` (``impaired``) was said,
at the median of the runs, those in which it never was as well; in how many of them it was. Below
the table: what was said that is not so.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import ceil, exp, inf, isfinite
from random import Random
from statistics import median, median_high

from msgspec import Struct

from benchmarks.power import BEGIN, DAY, HOUR, WARM_DAYS, print_columns, watched_line
from probe.config import load
from probe.config.schema import Config
from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.model.verdict import State, Trigger, Verdict
from probe.observe.effort import Measure
from probe.verdict.one_round.readings import log_effort
from scenarios.model import Lossy, Restricted, Whom, exactly
from synth.effects import hosts_of, names_of
from synth.lines import LINES
from synth.outside import Watched

LOSSES = (10.0, 15.0, 20.0, 25.0)
KINDS = ("fibre", "dsl", "mobile")
PLATFORMS = ("x", "facebook", "instagram", "youtube")
BY = ("name", "address")
WAYS = ("down", "both")
LASTS_HOURS = 6.0
GOAL_TIMES, GOAL_ROUNDS = 3.0, 4.0


class Row(Struct, frozen=True):
    """What is done: ``percent`` of the packets are dropped."""

    percent: float
    by: str
    way: str


class Cell(Struct, frozen=True):
    """One run of one row."""

    row: Row
    line: str
    only: str
    seed: int


class Found(Struct, frozen=True):
    """``said``: ``A``, ``i`` or nothing. ``rounds``: transfer rounds until then (infinite: never).
    ``reads``: logarithms of what the platform's reads took. ``calm``: the same before. ``wrong``:
    what was said and is not so."""

    cell: Cell
    said: str
    rounds: float
    reads: tuple[float, ...]
    calm: tuple[float, ...]
    wrong: tuple[str, ...]


def lossy(config: Config, platform: str, row: Row) -> Restricted:
    """What drops the packets of ``platform``."""
    definition = next(p for p in config.platforms if p.name == platform)
    by_name = row.by == "name"
    whom = Whom(names=names_of(definition)) if by_name else Whom(hosts=hosts_of(definition))
    effect = Lossy(probability=exactly(row.percent / 100.0), up=row.way == "both")
    return Restricted(whom=whom, effects=(effect,))


def _reads(observed: RoundObservation) -> Iterable[float]:
    for leg in observed.by_role(LegRole.TARGET):
        value = log_effort(leg, Measure.TRANSFER)
        if value is not None and isfinite(value) and leg.leg.max_bytes <= 65_536:
            yield value


@lru_cache(maxsize=2)
def _calm(line: str, only: str, seed: int) -> tuple[Watched, tuple[float, ...]]:
    """After two calm days; and what reads took in them."""
    watched = watched_line(line, only, seed, 0)
    reads: list[float] = []
    for one in watched.run(BEGIN + WARM_DAYS * DAY):
        reads += _reads(one.observed)
    return watched, tuple(reads)


def _wrong(verdict: Verdict, row: Row) -> str | None:
    """What of it is not so, if anything."""
    if verdict.state is State.BLOCKED:
        return "blocked"
    other = Trigger.ADDRESS if row.by == "name" else Trigger.NAME
    if verdict.restricted and verdict.trigger is other:
        return f"by {other}"
    return None


def run(cell: Cell) -> Found:
    """Play it."""
    row = cell.row
    watched, calm = _calm(cell.line, cell.only, cell.seed)
    watched = copy.deepcopy(watched)
    world = watched.worlds[0]
    world.random.setstate(Random(str(cell)).getstate())
    world.restrict([lossy(world.config, cell.only, row)])
    began, pace = watched.now, float(world.config.settings.schedule.transfer)
    reads: list[float] = []
    wrong: list[str] = []
    for one in watched.run(watched.now + LASTS_HOURS * HOUR):
        reads += _reads(one.observed)
        if (word := _wrong(one.verdict, row)) is not None:
            wrong.append(word)
        if one.verdict.restricted or one.verdict.state is State.IMPAIRED:
            said = "A" if one.verdict.restricted else "i"
            rounds = float(ceil((one.observed.started_at - began) / pace))
            return Found(cell, said, rounds, tuple(reads), calm, tuple(wrong))
    return Found(cell, "", inf, tuple(reads), calm, tuple(wrong))


def times(found: Sequence[Found]) -> float:
    """How many times as long as in calm days the reads took."""
    if not found:
        return 1.0
    reads = [value for one in found for value in one.reads]
    calm = [value for one in found for value in one.calm]
    return exp(median(reads) - median(calm)) if reads and calm else 1.0


def rounds_until(found: Sequence[Found]) -> float:
    """Transfer rounds until it is said, at the median of the runs; infinite: never in half."""
    return median_high([one.rounds for one in found]) if found else inf


def text(found: Sequence[Found]) -> str:
    """One cell of the table."""
    if not found:
        return ""
    told = [one for one in found if one.said]
    word = ("A" if all(one.said == "A" for one in told) else "i") if told else "-"
    until = rounds_until(found)
    when = f" r{until:.0f}" if isfinite(until) else ""
    return f"{times(found):.1f}x {word}{when} {len(told)}/{len(found)}"


def print_table(
    made: Sequence[Row],
    lines: Sequence[str],
    platforms: Sequence[str],
    found: Sequence[Found],
    *,
    markdown: bool,
) -> None:
    """A row for what is done, a column for each line and platform."""
    heads = ["lost", "by", "way", *(f"{line}, {p}" for line in lines for p in platforms)]
    table, reach, slow = [heads], 0, 0
    for row in made:
        entries = [f"{row.percent:.0f} %", row.by, row.way]
        for line in lines:
            for platform in platforms:
                own = [
                    one
                    for one in found
                    if (one.cell.row, one.cell.line, one.cell.only) == (row, line, platform)
                ]
                entries.append(text(own))
                if own and times(own) >= GOAL_TIMES:
                    slow += 1
                    reach += rounds_until(own) <= GOAL_ROUNDS
        table.append(entries)
    print_columns(table, markdown=markdown)
    print(f"\n{slow} cells in which reads take {GOAL_TIMES:.0f} times as long or more; ", end="")
    print(f"{reach} of them found within {GOAL_ROUNDS:.0f} transfer rounds at the median")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--loss", action="append", type=float, help="per cent")
    parser.add_argument("--line", action="append", choices=sorted(LINES))
    parser.add_argument("--platform", action="append")
    parser.add_argument("--by", action="append", choices=BY)
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args(arguments)
    lines, platforms = given.line or KINDS, given.platform or PLATFORMS
    known = [platform.name for platform in load(None, {}).platforms]
    if unknown := [name for name in platforms if name not in known]:
        parser.error(f"--platform: {unknown[0]} is none of {', '.join(known)}")
    made = [
        Row(percent, by, way)
        for percent in given.loss or LOSSES
        for by in given.by or BY
        for way in given.way or WAYS
    ]
    began = time.monotonic()
    # Runs that share their calm days are neighbours, so that a process plays those once.
    work = [
        Cell(row, line, platform, seed)
        for line in lines
        for platform in platforms
        for seed in range(given.first, given.first + given.seeds)
        for row in made
    ]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        found = pool.map(run, work, chunksize=max(1, len(made)))
    print_table(made, lines, platforms, found, markdown=given.markdown)
    wrong = [(one.cell, word) for one in found for word in one.wrong]
    print(f"{len(wrong)} words that are not so")
    for cell, word in wrong:
        print(f"  {cell.line}, {cell.only}, {cell.row}, seed {cell.seed}: {word}")
    seconds = time.monotonic() - began
    print(f"{len(found)} runs, seeds {given.first} to {given.first + given.seeds - 1}, ", end="")
    print(f"{seconds:.0f} s with {given.jobs} processes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
