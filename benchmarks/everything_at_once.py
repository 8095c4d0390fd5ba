"""How soon it is said when everything is hit at once: the real daemon, in a lab or in numbers, at
the default cadence.

    python -m benchmarks.everything_at_once [--mechanism policed] [--line fibre] [--born] [--one]
    python -m benchmarks.everything_at_once --simulated [--seeds 3] [...]

As root. Each cell is a lab (namespaces, the lab's own line and censor) with the daemon in it, its
own schedule and deadlines. Only idle time is skipped: while a leg or a look-up is under way all
clocks run as they are. The four platforms are hit at the same moment, or (``--one``) X alone. After
a calm day: all cells of a line start from one history, which is made first by ``--calm-hours`` of
calm rounds of the real daemon (5 by default: 60 rounds of each platform, 20 of them reads; each
level has its values, and it is known how many segments are missing usually, which takes a dozen
reads; the offsets of hours and the memory of days have none). ``--born``: no history at all, and
what is wrong is wrong from the first packet on.

Printed for each cell: minutes from the onset until ``throttled`` or ``blocked`` (what is right)
of each platform, ``~`` before it where it was ``impaired`` that was said by then (nothing at hand
could accuse), ``-`` where neither was; until all are said; the most rounds in a row that a platform
which was not met had lost; and bytes since the onset. ``--keep`` keeps all that was told, as JSON,
and the histories, which the next run takes up. For the figures of another tree, copy
``benchmarks/at_once_*.py``, ``skipping_time.py`` and this file there and run them there.

``--simulated`` needs no root and hours less: the same daemon with its schedule, budgets, rounds,
turns on the line, deadlines and verdicts in virtual time, after a whole calm day; what a leg, a
page or a look-up meets comes from the world of numbers (``numbers_under_rounds.py``). It leaves out
packets: the kernel's TCP with its retransmissions and its stamps, TLS and HTTP, real servers, the
time that computing takes, and what two legs that move bytes at once do to each other (of one
vantage none do; several vantages have a line each here, and share one in the lab).
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random

import click
import msgspec
from msgspec import Struct, structs

from benchmarks.at_once_cells import LINES, MECHANISMS, Cell, cells
from benchmarks.at_once_plan import Plan, Run, Told
from lab.box.spec import BoxSpec
from lab.lab import REPOSITORY, Lab
from lab.net import CLIENT_INTERFACE
from lab.scenario.setting import places_of, world_of
from lab.scenario.wire import line_for, rules_for
from probe.config import load
from probe.config.schema import Config
from probe.model.verdict import State
from scenarios.model import LineKind
from scenarios.throttling import ALL_PLATFORMS, YOUTUBE_HOSTS

MINUTE = 60.0
HOUR = 3_600.0
LIGHT_SECONDS = 300.0
# The onset comes when the daemon has been up for so long; where between, is drawn.
ONSET_SECONDS = (600.0, 1_500.0)
LEAST_SECONDS = 20 * MINUTE
MOST_SECONDS = 75 * MINUTE
REAL_SECONDS = 3 * HOUR
FIRST_SOURCE = 11
PAUSE_SECONDS = 60.0


class Result(Struct, kw_only=True):
    """A cell and what came of it; ``error``: why nothing did."""

    cell: Cell
    seed: int
    told: Told | None = None
    error: str = ""


class History(Struct, kw_only=True):
    """A file to start from, and what the wall clock said at its end."""

    file: str
    wall_end: float


def vantages(count: int) -> list[dict[str, object]]:
    """So many, each with an address of its own on the same line."""
    if count == 1:
        return [{"name": "home"}]
    return [
        {"name": f"home-{n}", "source_address": f"100.64.0.{FIRST_SOURCE + n}"}
        for n in range(count)
    ]


@contextmanager
def lab_of(kind: LineKind, count: int, random: Random) -> Iterator[tuple[Lab, Config, Path]]:
    """A lab with a line of ``kind`` and so many vantages; the configuration, and its file."""
    settings = {
        "country": "PK",
        "listen": "127.0.0.1:9880",
        "vantages": vantages(count),
        "acknowledge_risks": True,
        "dns": {"allow_private": True},
    }
    spec = world_of(load(None, {}))
    with Lab(spec, path=BoxSpec(line=line_for(kind, random), seed=random.getrandbits(32))) as lab:
        if count > 1:
            lab.topology.client.ip(
                *(
                    f"addr add 100.64.0.{FIRST_SOURCE + n}/24 dev {CLIENT_INTERFACE}"
                    for n in range(count)
                )
            )
        main_file = lab.daemon_config(settings)
        yield lab, load(main_file, {}), main_file


def live(lab: Lab, plan: Plan) -> Told:
    """Let the daemon live through ``plan``."""
    file = lab.folder / "plan.json"
    file.write_bytes(msgspec.json.encode(plan))
    done = lab.topology.client.run(
        [sys.executable, "-m", "benchmarks.at_once_daemon", str(file)],
        timeout_seconds=REAL_SECONDS,
        cwd=REPOSITORY,
    )
    try:
        return msgspec.json.decode(done.stdout, type=Told)
    except msgspec.DecodeError:
        raise RuntimeError(f"{done.returncode}: {done.stderr[-2_000:]}") from None


def copied(source: Path, target: Path) -> None:
    """A history, whatever its journal still holds."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def calm(kind: LineKind, count: int, hours: float, folder: Path) -> History:
    """The history of calm rounds on a line; made once and kept in ``folder``."""
    file = folder / f"calm-{kind.name}-{count}.sqlite"
    told = file.with_suffix(".json")
    if told.exists():
        return msgspec.json.decode(told.read_bytes(), type=History)
    with lab_of(kind, count, Random(f"calm/{kind.name}")) as (lab, _, main_file):
        seen = live(lab, Plan(main_file=str(main_file), most_seconds=hours * HOUR))
        copied(lab.folder / "history.sqlite", file)
    made = History(file=str(file), wall_end=seen.wall_end)
    told.write_bytes(msgspec.json.encode(made))
    words = sorted({f"{s.pair} {s.state} {s.reason}" for s in seen.said if s.state != "ok"})
    print(f"calm on {kind.name}: {len(seen.made)} rounds, {seen.skipped_seconds / HOUR:.1f} h "
          f"skipped; {words}", file=sys.stderr, flush=True)  # fmt: skip
    return made


def play(cell: Cell, seed: int, history: History | None, most_seconds: float) -> Result:
    """One cell."""
    random = Random(f"{seed}/{cell.name}")
    history = None if cell.born else history
    try:
        with lab_of(LINES[cell.line], cell.vantages, random) as (lab, config, main_file):
            places = places_of(lab.spec)
            hosts = {
                p.name: tuple(
                    h for h in (YOUTUBE_HOSTS if p.name == "youtube" else p.hosts)
                    if h in lab.spec.zone
                )
                for p in config.platforms
            }  # fmt: skip
            if history is not None:
                copied(Path(history.file), lab.folder / "history.sqlite")
            plan = Plan(
                main_file=str(main_file),
                box=str(lab.folder / "box.sock"),
                rules=rules_for((cell.happens(random, hosts),), places),
                onset_seconds=0.0 if history is None else random.uniform(*ONSET_SECONDS),
                least_seconds=LEAST_SECONDS if len(cell.met) < len(config.platforms) else 0.0,
                enough_seconds=LEAST_SECONDS,
                most_seconds=most_seconds,
                met=tuple(
                    f"{v.name}/{platform}"
                    for v in config.settings.vantages
                    for platform in cell.met
                ),
                right=MECHANISMS[cell.mechanism].right.value,
                wall_begin=0.0 if history is None else history.wall_end + PAUSE_SECONDS,
            )
            return Result(cell=cell, seed=seed, told=live(lab, plan))
    except Exception as error:
        return Result(cell=cell, seed=seed, error=f"{type(error).__name__}: {error}")


def simulate(cell: Cell, seed: int, calm_seconds: float, most_seconds: float) -> Result:
    """One cell in the world of numbers, in a process of its own: its clocks are virtual."""
    run = Run(
        cell=cell,
        seed=seed,
        calm_seconds=calm_seconds,
        least_seconds=LEAST_SECONDS if cell.met != ALL_PLATFORMS else 0.0,
        enough_seconds=LEAST_SECONDS,
        most_seconds=most_seconds,
    )
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        Path(file.name).write_bytes(msgspec.json.encode(run))
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.at_once_numbers", file.name],
            capture_output=True,
            check=False,
            cwd=REPOSITORY,
        )
    try:
        told = msgspec.json.decode(done.stdout, type=Told)
    except msgspec.DecodeError:
        error = done.stderr[-2_000:].decode(errors="replace")
        return Result(cell=cell, seed=seed, error=f"{done.returncode}: {error}")
    return Result(cell=cell, seed=seed, told=told)


def first(told: Told, pair: str, *states: State) -> float | None:
    """Seconds until one of these was first said of it."""
    return next((s.at for s in told.said if s.pair == pair and s.state in states), None)


def lost(told: Told, pair: str) -> int:
    """The most rounds in a row that were not made of a platform since the onset."""
    begins = [one.at for one in told.made if one.pair == pair and one.kind != "burst"]
    before = max((at for at in begins if at < 0.0), default=0.0)
    points = [before, *(at for at in begins if at >= 0.0), told.seconds]
    gaps = (later - earlier for earlier, later in pairwise(points))
    # Jitter moves a round by a tenth of an interval either way.
    return max(0, *(round(gap / LIGHT_SECONDS - 0.2) - 1 for gap in gaps))


class Summary(Struct, kw_only=True):
    """``said``: seconds until each pair that was met was said, with whether it was accused by then
    (``None``: not said). ``lost``: of the others, or of all if all were met."""

    said: dict[str, tuple[float, bool] | None]
    lost: int

    @property
    def all_said(self) -> float | None:
        """Seconds until all were."""
        if any(one is None for one in self.said.values()):
            return None
        return max(one[0] for one in self.said.values() if one is not None)


def summary(result: Result) -> Summary:
    """Of a cell that came to something."""
    told = result.told
    assert told is not None
    right = MECHANISMS[result.cell.mechanism].right
    pairs = sorted({one.pair for one in told.made})
    said: dict[str, tuple[float, bool] | None] = {}
    for pair in pairs:
        if pair.partition("/")[2] in result.cell.met:
            at, proven = first(told, pair, right), first(told, pair, right, State.IMPAIRED)
            said[pair] = None if proven is None else (proven, at == proven)
    others = [pair for pair in pairs if pair not in said]
    return Summary(said=said, lost=max((lost(told, pair) for pair in others or pairs), default=0))


def minutes(seconds: float | None) -> str:
    """For people."""
    return "-" if seconds is None else f"{seconds / MINUTE:.1f}"


def row(result: Result) -> str:
    """A line of the table."""
    if result.told is None:
        return f"{result.cell.name:34} {result.error}"
    made = summary(result)
    words = []
    for platform in result.cell.met:
        own = [one for pair, one in made.said.items() if pair.endswith(f"/{platform}")]
        latest = None if None in own else max(one for one in own if one is not None)
        mark = "" if latest is None or latest[1] else "~"
        words.append(f"{mark}{minutes(latest and latest[0])}")
    return (
        f"{result.cell.name:34} {result.seed:4} "
        + " ".join(f"{word:>7}" for word in words)
        + f" | {minutes(made.all_said):>6} | {made.lost:3} | {result.told.bytes / 1e6:6.1f}"
    )


def show(results: Iterable[Result]) -> None:
    """The medians."""
    for born in (False, True):
        times = [
            float("inf") if (at := summary(r).all_said) is None else at
            for r in results
            if r.told is not None and r.cell.born is born
        ]
        if times:
            times.sort()
            p90 = times[min(len(times) - 1, int(0.9 * len(times)))]
            print(
                f"{'born into it' if born else 'after calm'}: {len(times)} cells, all said after "
                f"{statistics.median_low(times) / MINUTE:.1f} min at the median, "
                f"{p90 / MINUTE:.1f} at p90, {sum(t == float('inf') for t in times)} never"
            )


@click.command(help=__doc__)
@click.option("--mechanism", multiple=True, type=click.Choice(list(MECHANISMS)))
@click.option("--line", multiple=True, type=click.Choice(list(LINES)))
@click.option("--calm/--born", "after_calm", default=None, help="Only one of both.")
@click.option("--one", is_flag=True, help="X alone is hit; the others are well.")
@click.option("--vantages", "count", default=1, type=click.IntRange(1, 20))
@click.option("--seed", default=1)
@click.option("--seeds", default=1, help="So many, from --seed on.")
@click.option("--simulated", is_flag=True, help="Without packets, in virtual time.")
@click.option("--calm-hours", type=float, help="Of rounds before the onset (5; simulated: 24).")
@click.option("--most-minutes", default=MOST_SECONDS / MINUTE, help="Then a cell ends.")
@click.option("--jobs", type=int, help="Labs at once, which mostly wait (4); simulated: 1.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False))
def main(
    mechanism: tuple[str, ...],
    line: tuple[str, ...],
    after_calm: bool | None,
    one: bool,
    count: int,
    seed: int,
    seeds: int,
    simulated: bool,
    calm_hours: float | None,
    most_minutes: float,
    jobs: int | None,
    keep: Path | None,
) -> None:
    """Run and print."""
    births = (False, True) if after_calm is None else (not after_calm,)
    lines = line or tuple(LINES)
    wanted = cells(mechanism or tuple(MECHANISMS), lines, births, count, one=one)
    folder = keep or Path(tempfile.mkdtemp(prefix="throttlewatch-at-once-"))
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    hours = calm_hours or (24.0 if simulated else 5.0)
    most = most_minutes * MINUTE
    with ThreadPoolExecutor(jobs or (1 if simulated else 4)) as pool:
        histories: dict[str, History] = {}
        if False in births and not simulated:
            made = pool.map(lambda name: calm(LINES[name], count, hours, folder), lines)
            histories = dict(zip(lines, made, strict=True))
        print("minutes until it is said of " + ", ".join(wanted[0].met) + " | of all | lost | MB")
        waiting = [
            pool.submit(simulate, cell, number, hours * HOUR, most)
            if simulated
            else pool.submit(play, cell, number, histories.get(cell.line), most)
            for number in range(seed, seed + seeds)
            for cell in wanted
        ]
        for done in as_completed(waiting):
            result = done.result()
            results.append(result)
            print(row(result), flush=True)
            (folder / f"{result.cell.name}-{seed}.json").write_bytes(
                msgspec.json.format(msgspec.json.encode(structs.asdict(result)))
            )
    show(results)
    if keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if any(result.told is None for result in results) else 0)


if __name__ == "__main__":
    main()
