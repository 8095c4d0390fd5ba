"""False alarms per probe-year, and beside them how long a real restriction goes unnoticed.

    python -m benchmarks.false_alarms [--years N] [--days N] [--world sites|home|all] [--dense N]
        [--references N] [--incidents N] [--seed S] [--line L] [--far] [--jobs N] TRACES...

TRACES are files, or folders of files, with two columns: seconds from the start and Mbit/s. Such
traces are public (Riiser et al., MMSys 2013; FCC, Measuring Broadband America); each folder is one
more line. Four platforms of one vantage are measured at the default cadence and with the default
thresholds, budgets and bursts, in the world of ``synth``: the kinds of line in
``synth/lines.py``, each with the far ends and troubles of ``edges.py`` and ``troubles.py``.
What goes wrong, where and how often: ``benchmarks/false_alarms_worlds.py``.

False alarms: every verdict that goes over to ``throttled`` or ``blocked`` while nobody restricts
anything counts, whatever the cause; beside them, how often ``impaired`` is said, for how long,
and which of it goes on hours after all that could be its cause (``LINGERS``). With ``--dense N``
what is rare comes N times as often, and a played day counts for N days of it. Delays, in the
same world: restrictions come and go, on one platform or on all four; counted are the transfer
rounds of a platform from the first that meets it until it is proven (an accusation, or
``impaired``), and from the first after the end until that is no longer said.

Pieces of work are worlds of their own and no longer than a quarter: what one long run would take
can be made in several, each with another ``--seed``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.false_alarms_report import Report, print_reports
from benchmarks.false_alarms_runs import Job, run
from benchmarks.false_alarms_worlds import Which
from synth.line import LineModel, Points
from synth.lines import LINES, read_trace, traced

LONGEST_DAYS = 91


def trace_lines(paths: Iterable[Path]) -> list[LineModel]:
    """One line for each folder or file."""
    lines = []
    for path in paths:
        files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
        points: list[Points] = [p for f in files if (p := read_trace(f)) is not None]
        if not points:
            raise SystemExit(f"{path}: no trace in it (two columns: seconds, Mbit/s)")
        lines.append(traced(f"traces {path.name} ({len(points)})", tuple(points)))
    return lines


def jobs(
    lines: Sequence[LineModel],
    days: float,
    incidents: int,
    seed: int,
    worlds: Sequence[Which] = (Which.SITES,),
    *,
    references: int = 0,
    far: bool = False,
    dense: float = 1.0,
    quic: bool = False,
    upload: bool = False,
) -> list[Job]:
    """The work, in pieces that can be done side by side: each piece is a world of its own."""
    made = []
    for index, line in enumerate(lines):
        pieces = max(1, round(days / LONGEST_DAYS))
        for which in worlds if days else ():
            made += [
                Job(
                    line=line,
                    seed=seed * 1_000_003 + index * 1_009 + piece,
                    days=days / pieces,
                    incidents=0,
                    which=which,
                    references=references,
                    far=far,
                    dense=dense,
                    quic=quic,
                    upload=upload,
                )
                for piece in range(pieces)
            ]
        if incidents:
            made.append(Job(line=line, seed=seed + index, days=0.0, incidents=incidents, far=far))
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and say by the exit status whether the criteria hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("traces", nargs="*", type=Path, help="trace files or folders of them")
    parser.add_argument("--years", type=float, default=1.0, help="probe-years of each line")
    parser.add_argument("--days", type=float, help="instead of --years")
    parser.add_argument("--incidents", type=int, default=8, help="of each effect on each line")
    parser.add_argument("--world", action="append", choices=[str(w) for w in Which])
    parser.add_argument("--references", type=int, default=0, help="looking from outside")
    parser.add_argument(
        "--dense",
        type=float,
        default=1.0,
        help="so many times as often as it is does what is rare come",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--line", action="append", choices=sorted(LINES), help="only these kinds")
    parser.add_argument(
        "--far", action="store_true", help="platforms 80 to 160 ms away, controls 2 to 8"
    )
    parser.add_argument("--quic", action="store_true", help="what is so over QUIC is judged, too")
    parser.add_argument("--upload", action="store_true", help="what is sent is judged, too")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args(arguments)
    kinds = list(LINES.values())
    if given.line or given.traces:
        kinds = [line for line in kinds if not given.line or line.name in given.line]
    lines = [*kinds, *trace_lines(given.traces)]
    days = given.days if given.days is not None else 365.0 * given.years
    began = time.monotonic()
    work = jobs(
        lines,
        days,
        given.incidents,
        given.seed,
        [Which(name) for name in given.world or (Which.SITES, Which.HOME)],
        references=given.references,
        far=given.far,
        dense=given.dense,
        quic=given.quic,
        upload=given.upload,
    )
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        reports: list[Report] = pool.map(run, work, chunksize=1)
    fine = print_reports([line.name for line in lines], reports)
    print(f"\nseed {given.seed}, {time.monotonic() - began:.0f} s with {given.jobs} processes")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
