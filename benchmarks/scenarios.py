"""Every scenario in the world of numbers, over many seeds: how often it is called what it is, and
after how many transfer rounds.

    python -m benchmarks.scenarios [--seeds N] [--first N] [--line L] [--only ID] [--jobs N]

Each seed draws other parameters within the scenario's ranges, another line and other far ends, all
at the default cadence, budgets and thresholds (``synth/play.py``). Of scenarios over QUIC and of
uploads the rounds are those until what they are about was said, over that transport. After the
scenarios of the table come platforms slowed by exactly 10, 5 and 3 times. Right: what must be said
was said in time, its end too, and nothing that must not be said ever was. Unjust: something was
that must not be.
The exit status is 1 if anything was unjust or a median is later than what is asked.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from functools import cache

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from benchmarks.false_alarms_report import most_rounds, quantile, words
from probe.config import load
from probe.model.verdict import State
from scenarios.lines import LINES
from scenarios.model import HOME, Expectation, Over, Said, Scenario
from scenarios.table import BESIDE_TCP, SCENARIOS, SENT
from synth.edges import CALM
from synth.effects import Effect, restriction
from synth.play import Moment, Play, detected, line_of, told

FACTORS = (10.0, 5.0, 3.0)
LASTS_ROUNDS = 12
# One with a swap that reads, and one whose swap compares handshakes alone.
SLOWED = ("youtube", "x")
DISTANCE = CALM.distance_seconds[0]
_TABLES = ((SCENARIOS, Over.TCP), (BESIDE_TCP, Over.QUIC), (SENT, Over.UPLOAD))


class Row(Struct, frozen=True, kw_only=True):
    """A scenario on a line; ``effect``: the factor that it is about, if it is one of those;
    ``over``: what of it the rounds are counted of."""

    scenario: Scenario
    line: str
    over: Over = Over.TCP
    effect: Effect | None = None


class Run(Struct, frozen=True, kw_only=True):
    """What came of one seed. ``found`` and ``over``: transfer rounds until it was said, and until
    ``ok`` was said after its end, of each platform; ``None``: never."""

    row: int
    wrong: tuple[str, ...]
    unjust: tuple[str, ...]
    found: tuple[float | None, ...]
    over: tuple[float | None, ...]


def factors(line: str) -> list[Row]:
    """Platforms slowed by exactly so many times, by name and by address."""
    config, rows = load(None, {}), []
    for factor in FACTORS:
        for by_name in (True, False):
            effect = Effect(factor=factor, by_name=by_name)
            for platform in SLOWED:
                happens = restriction(config, platform, effect, line_of(LINES[line]), DISTANCE)
                expect = Expectation(
                    said=(Said(state=State.THROTTLED),),
                    within_rounds=LASTS_ROUNDS,
                    recovers_within_rounds=LASTS_ROUNDS,
                )
                by = "name" if by_name else "address"
                scenario = Scenario(
                    id=f"{platform}, {factor:.0f} times, by {by}",
                    name="slowed",
                    rows=(),
                    source="",
                    platforms=(platform,),
                    alternatives=((happens,),),
                    expect=(expect,),
                    lasts_rounds=LASTS_ROUNDS,
                    # Nothing but a look from outside rules out the platform's own trouble.
                    abroad=not by_name or platform != "youtube",
                )
                rows.append(Row(scenario=scenario, line=line, effect=effect))
    return rows


@cache
def table(lines: tuple[str, ...], only: tuple[str, ...]) -> tuple[Row, ...]:
    """All rows, in their order."""
    rows = [
        Row(scenario=scenario, line=line, over=over)
        for scenarios, over in _TABLES
        for scenario in scenarios
        for line in scenario.lines
        if line in lines
    ]
    rows += [row for line in lines for row in factors(line)]
    return tuple(row for row in rows if not only or row.scenario.id.startswith(only))


def run(work: tuple[tuple[str, ...], tuple[str, ...], int, int]) -> Run:
    """One seed of one row."""
    lines, only, index, seed = work
    row = table(lines, only)[index]
    outcome = Play(load(None, {}), row.scenario, LINES[row.line], seed=seed).run()
    found: list[float | None] = []
    over: list[float | None] = []
    for (vantage, platform), moments in outcome.moments.items():
        expectation = row.scenario.expected(platform, vantage, row.over)
        if vantage == HOME and expectation is not None:
            found.append(detected(expectation, moments))
            over.append(_over(expectation, moments))
    return Run(
        row=index,
        wrong=outcome.wrong,
        unjust=outcome.unjust,
        found=tuple(found),
        over=tuple(over),
    )


def _over(expectation: Expectation, moments: Sequence[Moment]) -> float | None:
    after = ((m.rounds, told(expectation, m)) for m in moments if m.phase == "after")
    return next((rounds for rounds, said in after if said and said.state is State.OK), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=1_000, help="of each scenario on each line")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--line", action="append", choices=sorted(LINES))
    parser.add_argument("--only", action="append", default=[], help="ids that begin so")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args(arguments)
    lines, only = tuple(given.line or LINES), tuple(given.only)
    rows, began = table(lines, only), time.monotonic()
    seeds = range(given.first, given.first + given.seeds)
    work = [(lines, only, index, seed) for seed in seeds for index in range(len(rows))]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        runs = list(pool.imap_unordered(run, work, chunksize=4))
    fine = print_rows(Console(width=120), rows, runs)
    seconds = time.monotonic() - began
    print(f"\n{len(runs)} runs, seeds {seeds.start} to {seeds.stop - 1}, {seconds:.0f} s")
    return 0 if fine else 1


def print_rows(console: Console, rows: Sequence[Row], runs: Sequence[Run]) -> bool:
    """A line for each row, what went wrong below; whether all is as it must be."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("scenario", "line", "runs", "right", "unjust", "rounds (median, p90)"):
        made.add_column(heading)
    made.add_column("its end")
    made.add_column("asked")
    fine = True
    for index, row in enumerate(rows):
        own = [one for one in runs if one.row == index]
        if not own:
            continue
        found = [value for one in own for value in one.found]
        over = [value for one in own for value in one.over]
        awaited = any(e.recovers_within_rounds for e in row.scenario.expect)
        most = None if row.effect is None else most_rounds(row.effect.factor, row.line)
        middle = quantile(found, 0.5) if found else None
        late = most is not None and (middle is None or middle > most)
        unjust = sum(bool(one.unjust) for one in own)
        fine = fine and not unjust and not late
        made.add_row(
            row.scenario.id,
            row.line,
            str(len(own)),
            str(sum(not one.wrong for one in own)),
            str(unjust),
            f"{words(middle)}, {words(quantile(found, 0.9))}" if found else "",
            f"{words(quantile(over, 0.5))}, {words(quantile(over, 0.9))}" if awaited else "",
            "" if most is None else f"{most:.0f}{'  MISSED' if late else ''}",
        )
    console.print(made)
    console.print(
        f"right: {sum(not one.wrong for one in runs)} of {len(runs)}; "
        f"unjust: {sum(bool(one.unjust) for one in runs)}"
    )
    for one in runs:
        for text in one.unjust:
            row = rows[one.row]
            console.print(f"  UNJUST {row.scenario.id}, {row.line}: {text}", highlight=False)
    return fine


if __name__ == "__main__":
    raise SystemExit(main())
