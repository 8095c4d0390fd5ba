"""``python -m lab scenarios``: the matrix and its table."""

from __future__ import annotations

import secrets
import sys
import time
from pathlib import Path

import click
import msgspec
from msgspec import structs

from lab.requires import missing
from lab.scenario.broken import BREAKS
from lab.scenario.many import AT_ONCE, Failed, drawn_runs, every_run, outcomes
from lab.scenario.play import Outcome
from lab.scenario.report import console, table
from scenarios.lines import LINES, from_trace
from scenarios.table import BY_ID, EVERY_ONE


@click.command()
@click.option("--line", type=click.Choice([*LINES, "all"]), default="all", show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(BY_ID)), help="One or more of them.")
@click.option("--seed", type=int, help="What draws the parameters (default: a new one, printed).")
@click.option("--at-once", type=click.IntRange(1), default=AT_ONCE, show_default=True)
@click.option(
    "--trace",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of `seconds Mbit/s`: the capacity of the lines.",
)
@click.option(
    "--break",
    "broken",
    type=click.Choice(list(BREAKS)),
    help="Take an idea away from the daemon, to see which scenarios need it.",
)
@click.option("--drawn", is_flag=True, help="Each on one of the lines, drawn, as the tests do.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep each daemon's history here, to ask it what it saw.",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="All of it, as JSON.")
def scenarios(
    line: str,
    only: tuple[str, ...],
    seed: int | None,
    at_once: int,
    trace: Path | None,
    broken: str | None,
    drawn: bool,
    keep: Path | None,
    json_file: Path | None,
) -> None:
    """Run every scenario on every line with the real daemon, and print what was right and wrong.

    The exit status is 0 when all is right.
    """
    if (reason := missing()) is not None:
        raise click.ClickException(reason)
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    lines = LINES if line == "all" else {line: LINES[line]}
    if trace is not None:
        lines = {name: from_trace(kind, trace) for name, kind in lines.items()}
    wanted = [BY_ID[id] for id in only] if only else EVERY_ONE
    runs = (drawn_runs if drawn else every_run)(wanted, lines, seed=seed)
    runs = [structs.replace(run, broken=broken, keep=keep) for run in runs]
    print(f"seed {seed}: {len(runs)} runs, {at_once} at once", flush=True)
    began = time.monotonic()
    results: list[Outcome | Failed] = []
    for result in outcomes(runs, at_once=at_once):
        results.append(result)
        if json_file is not None:
            json_file.write_bytes(msgspec.json.format(msgspec.json.encode(plain(results))))
        print(f"  {brief(result)}", file=sys.stderr, flush=True)
    results.sort(key=lambda r: list(BY_ID).index(id_of(r)))
    console().print(table(results))
    wrong = [r for r in results if isinstance(r, Failed) or not r.right]
    print(f"{len(results) - len(wrong)} right, {len(wrong)} wrong, "
          f"{time.monotonic() - began:.0f} s, seed {seed}")  # fmt: skip
    sys.exit(1 if wrong else 0)


def id_of(result: Outcome | Failed) -> str:
    """Of the scenario."""
    return result.run.scenario.id if isinstance(result, Failed) else result.scenario.id


def brief(result: Outcome | Failed) -> str:
    """A line while people wait."""
    if isinstance(result, Failed):
        return f"{id_of(result)} on {result.run.line.name}: no outcome: {result.error}"
    mark = "right" if result.right else "WRONG"
    return f"{result.scenario.id} on {result.line.name}: {mark}, {result.seconds:.0f} s"


def plain(results: list[Outcome | Failed]) -> list[dict[str, object]]:
    """For JSON, which has no pairs as keys."""
    return [
        {"run": id_of(r), "error": r.error}
        if isinstance(r, Failed)
        else {
            "run": id_of(r),
            "line": r.line.name,
            "asked": r.asked,
            "curl": [r.before, r.during],
            "moments": {key.text(): own for key, own in r.moments.items()},
            "judgements": {key.text(): own for key, own in r.judgements.items()},
            "punctuality": r.stats.punctuality,
            "rules": r.stats.rules,
            "late": r.late,
            "seconds": r.seconds,
            "log": r.log,
        }
        for r in results
    ]
