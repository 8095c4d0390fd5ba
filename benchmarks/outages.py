"""What is said of operators' own outages: ``python -m benchmarks.outages --seeds 4``.

Each outage of each operator is played by a whole daemon at the default cadence, on lines of two
kinds, with no reference, with one and with three that meet it too. Printed: in how many runs
somebody was accused (by what basis), and what was said at most.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from probe.model.verdict import State
from synth.lines import CABLE, FIBRE
from synth.outage_play import OPERATORS, played
from synth.outages import Outage

LINES = {line.name: line for line in (FIBRE, CABLE)}
REFERENCES = (0, 1, 3)
SEEDS_APART = 100


class Work(Struct, frozen=True):
    """One run."""

    outage: Outage
    operator: str
    line: str
    references: int
    seed: int


class Outcome(Struct, frozen=True):
    """``accused``: the bases that accused somebody. ``said``: the states that were said then."""

    work: Work
    accused: tuple[str, ...]
    said: tuple[State, ...]


def run(work: Work) -> Outcome:
    """Play it."""
    during, after = played(
        work.outage,
        work.operator,
        seed=work.seed * SEEDS_APART,
        references=work.references,
        line=LINES[work.line],
    )
    bases = [str(v.basis) for v in (*during, *after) if v.restricted]
    return Outcome(
        work=work,
        accused=tuple(dict.fromkeys(bases)),
        said=tuple(dict.fromkeys(v.state for v in during)),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 if anybody was accused."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4, help="of each outage, operator and line")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args(arguments)
    began = time.monotonic()
    work = [
        Work(outage, operator, line, references, seed)
        for seed in range(1, given.seeds + 1)
        for outage in Outage
        for operator in OPERATORS
        for line in LINES
        for references in REFERENCES
    ]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        found = list(pool.imap_unordered(run, work))
    heads = ("outage", "references", "runs", "accused", "impaired", "down")
    print(f"| {' | '.join(heads)} |\n{'| --- ' * len(heads)}|")
    for outage in Outage:
        for references in REFERENCES:
            own = [
                one
                for one in found
                if one.work.outage is outage and one.work.references == references
            ]
            bases = Counter(basis for one in own for basis in one.accused)
            accused = sum(bool(one.accused) for one in own)
            why = f" ({', '.join(f'{basis} {n}' for basis, n in bases.items())})" if bases else ""
            counts = [
                sum(state in one.said for one in own) for state in (State.IMPAIRED, State.DOWN)
            ]
            cells = (outage, references, len(own), f"{accused}{why}", *counts)
            print(f"| {' | '.join(map(str, cells))} |")
    wrong = [one.work for one in found if one.accused]
    print(f"accused: {len(wrong)} of {len(found)}; {time.monotonic() - began:.0f} s")
    for one in wrong:
        print(f"  {one}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
