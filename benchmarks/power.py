"""What the method sees of what is done to a platform, and what it says: the whole table.

    python -m benchmarks.power [--seeds N] [--first N] [--line L] [--platform P] [--mechanism M]
        [--factor F] [--by name|address] [--onset calm|born] [--references N] [--jobs N]
        [--markdown]

Every mechanism of ``synth/slowing.py`` by every factor, by name and by address, on lines of
four kinds, begun after two calm days or before the probe's first round, at the default cadence,
thresholds, budgets and bursts, in the world of ``benchmarks.false_alarms``: sites whose servers
drift and have moments of their own, names with 1, 2 or 4 addresses. A run ends with an accusation,
or after eight hours (of what is slow only at times, sixteen).

A cell is: what was said at most (``A`` accusation, ``i`` impaired) in how many of the runs and
after how many transfer rounds and minutes (medians; once something is proven, rounds come faster);
else the state and reason of most rounds.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from random import Random

from msgspec import Struct

from benchmarks.false_alarms_report import quantile, words
from probe.config import load
from probe.model.identity import RoundKind
from probe.model.verdict import State
from synth.edges import EdgeModel
from synth.lines import LINES
from synth.outside import Watched
from synth.slowing import AT_TIMES, SLOWING, Mechanism, done
from synth.world import World

HOUR = 3_600.0
DAY = 24 * HOUR
BEGIN = 1_699_920_000.0
WARM_DAYS = 2.0
ADDRESSES = (1, 2, 4)
FACTORS = (2.0, 3.0, 5.0, 10.0, 30.0)
LASTS_HOURS = 8.0
AT_TIMES_HOURS = 16.0
AT_TIMES_FACTOR = 30.0
KINDS = ("fibre", "dsl", "mobile", "lossy")
PLATFORMS = ("x", "facebook", "youtube")
ONSETS = ("calm", "born")


class Row(Struct, frozen=True):
    """What is done. ``factor`` is 0 where nothing is slowed."""

    mechanism: Mechanism
    factor: float
    by: str
    onset: str


class Cell(Struct, frozen=True):
    """One run of one row. ``only``: the platform it is done to."""

    row: Row
    line: str
    only: str
    seed: int
    references: int


class Found(Struct, frozen=True):
    """``said``: ``A``, ``i``, or what was said in most rounds. ``rounds``: transfer rounds until
    it was (``None``: never), ``minutes``: from the first that is done."""

    cell: Cell
    said: str
    rounds: float | None
    minutes: float | None = None


def rows(
    mechanisms: Sequence[Mechanism],
    factors: Sequence[float],
    by: Sequence[str],
    onsets: Sequence[str],
) -> list[Row]:
    """All that is done, in the order of the table."""
    made = []
    for mechanism in mechanisms:
        wanted: Sequence[float] = (0.0,)
        if mechanism in SLOWING:
            wanted = factors
        elif mechanism in AT_TIMES:
            wanted = (AT_TIMES_FACTOR,)
        made += [
            Row(mechanism, factor, one, onset)
            for onset in onsets
            for factor in wanted
            for one in by
        ]
    return made


def watched_line(line: str, only: str, seed: int, references: int) -> Watched:
    config = load(None, {})
    worlds = [
        World(
            config,
            LINES[line],
            seed=1_009 * seed + n,
            edges=EdgeModel(),
            begin=BEGIN,
            addresses=ADDRESSES,
        )
        for n in range(references + 1)
    ]
    return Watched(config, worlds[0], begin=BEGIN, abroad=worlds[1:], only=(only,))


@lru_cache(maxsize=8)
def _warm(line: str, only: str, seed: int, references: int) -> Watched:
    """After two calm days; the same for every row."""
    watched = watched_line(line, only, seed, references)
    for _ in watched.run(BEGIN + WARM_DAYS * DAY):
        pass
    return watched


def run(cell: Cell) -> Found:
    """Play it."""
    row, given = cell.row, (cell.line, cell.only, cell.seed, cell.references)
    watched = copy.deepcopy(_warm(*given)) if row.onset == "calm" else watched_line(*given)
    for n, world in enumerate(watched.worlds):
        world.random.setstate(Random(f"{cell}/{n}").getstate())
    world = watched.worlds[0]
    what = done(
        world.config,
        cell.only,
        row.mechanism,
        row.factor,
        LINES[cell.line],
        world.distance(cell.only),
        by_name=row.by == "name",
    )
    world.restrict([what.restricted], share=what.share, turns=what.turns)
    lasts = AT_TIMES_HOURS if row.mechanism in AT_TIMES else LASTS_HOURS
    rounds, impaired, began = 0, None, watched.now
    said: Counter[str] = Counter()
    for one in watched.run(watched.now + lasts * HOUR):
        rounds += one.observed.kind in (RoundKind.TRANSFER, RoundKind.LONG)
        if one.verdict.restricted:
            return Found(cell, "A", float(rounds), (one.verdict.at - began) / 60.0)
        if one.verdict.state is State.IMPAIRED and impaired is None:
            impaired = Found(cell, "i", float(rounds), (one.verdict.at - began) / 60.0)
        if one.observed.kind is not RoundKind.BURST:
            said[one.verdict.reason or str(one.verdict.state)] += 1
    if impaired is not None:
        return impaired
    return Found(cell, said.most_common(1)[0][0], None)


def text(found: Sequence[Found]) -> str:
    """One cell of the table."""
    if not found:
        return ""
    parts = []
    for word in ("A", "i"):
        own = [one for one in found if one.said == word]
        if own:
            of = "" if len(own) == len(found) else f" {len(own)}/{len(found)}"
            after = words(quantile([one.rounds for one in own], 0.5))
            minutes = [one.minutes for one in own if one.minutes is not None]
            late = f" {words(quantile(minutes, 0.5))}'" if minutes else ""
            parts.append(f"{word}{of} r{after}{late}")
    left = Counter(one.said for one in found if one.rounds is None)
    if 2 * left.total() >= len(found):
        parts.append(left.most_common(1)[0][0])
    return ", ".join(parts)


def print_table(
    made: Sequence[Row],
    lines: Sequence[str],
    platforms: Sequence[str],
    found: Sequence[Found],
    *,
    markdown: bool,
) -> None:
    """A row for what is done, a column for each line and platform."""
    heads = ["mechanism", "times", "by", "begun"]
    heads += [f"{line}, {platform}" for line in lines for platform in platforms]
    table = [heads]
    by_cell: dict[tuple[Row, str, str], list[Found]] = {}
    for one in found:
        by_cell.setdefault((one.cell.row, one.cell.line, one.cell.only), []).append(one)
    for row in made:
        factor = f"{row.factor:.0f}" if row.factor else ""
        cells = [text(by_cell.get((row, ln, p), ())) for ln in lines for p in platforms]
        table.append([str(row.mechanism), factor, row.by, row.onset, *cells])
    print_columns(table, markdown=markdown)


def print_columns(table: Sequence[Sequence[str]], *, markdown: bool) -> None:
    """Rows of text, the first of them the headings."""
    if markdown:
        for entries in (table[0], ["---"] * len(table[0]), *table[1:]):
            print(f"| {' | '.join(entries)} |")
        return
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for entries in table:
        print("  ".join(e.ljust(w) for e, w in zip(entries, widths, strict=True)).rstrip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--line", action="append", choices=sorted(LINES))
    parser.add_argument("--platform", action="append", help="default: x, facebook, youtube")
    parser.add_argument("--mechanism", action="append", choices=[str(m) for m in Mechanism])
    parser.add_argument("--factor", action="append", type=float)
    parser.add_argument("--by", action="append", choices=("name", "address"))
    parser.add_argument("--onset", action="append", choices=ONSETS)
    parser.add_argument("--references", type=int, default=0, help="looking from outside")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args(arguments)
    lines, platforms = given.line or KINDS, given.platform or PLATFORMS
    mechanisms = [m for m in Mechanism if not given.mechanism or m in given.mechanism]
    made = rows(
        mechanisms, given.factor or FACTORS, given.by or ("name", "address"), given.onset or ONSETS
    )
    began = time.monotonic()
    # Runs that share their calm days are neighbours, so that a process plays those once.
    work = [
        Cell(row, line, platform, seed, given.references)
        for line in lines
        for platform in platforms
        for seed in range(given.first, given.first + given.seeds)
        for row in made
    ]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        found = pool.map(run, work, chunksize=max(1, len(made)))
    print_table(made, lines, platforms, found, markdown=given.markdown)
    seconds = time.monotonic() - began
    print(f"\n{len(found)} runs, seeds {given.first} to {given.first + given.seeds - 1}, ", end="")
    print(f"{given.references} references, {seconds:.0f} s with {given.jobs} processes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
