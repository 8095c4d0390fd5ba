"""What is said of operators' own outages: ``python -m benchmarks.outages --seeds 4``.

Each outage of each operator is played by a whole daemon at the default cadence, on lines of two
kinds, with no reference, with one and with three that meet it too, with one of which nothing is
heard, and with one of three that is broken (finds it failing at all times) or lies (finds it fine
at all times). Printed: in how many runs somebody was accused (by what basis), and in how many it
was called impaired, down, or slow elsewhere too; ``none`` are those in which nothing of that was.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from probe.model.verdict import State, Verdict
from synth.lines import CABLE, FIBRE
from synth.outage_play import NOBODY, OPERATORS, Watch, played
from synth.outages import Outage

LINES = {line.name: line for line in (FIBRE, CABLE)}
WATCHES = {
    "none": NOBODY,
    "one": Watch(honest=1),
    "three": Watch(honest=3),
    "one, silent": Watch(silent=1),
    "three, one broken": Watch(honest=2, always=(State.DOWN,)),
    "three, one lying": Watch(honest=2, always=(State.OK,)),
}
CALLED = (str(State.IMPAIRED), str(State.DOWN), "slow_elsewhere_too")
SEEDS_APART = 100


class Work(Struct, frozen=True):
    """One run."""

    outage: Outage
    operator: str
    line: str
    watch: str
    seed: int


class Outcome(Struct, frozen=True):
    """``accused``: the bases that accused somebody. ``said``: the states, and the reasons of
    ``unknown``, that were said then."""

    work: Work
    accused: tuple[str, ...]
    said: tuple[str, ...]


def run(work: Work) -> Outcome:
    """Play it."""
    during, after = played(
        work.outage,
        work.operator,
        seed=work.seed * SEEDS_APART,
        watch=WATCHES[work.watch],
        line=LINES[work.line],
    )
    bases = [str(v.basis) for v in (*during, *after) if v.restricted]
    return Outcome(
        work=work,
        accused=tuple(dict.fromkeys(bases)),
        said=tuple(dict.fromkeys(_word(v) for v in during)),
    )


def _word(verdict: Verdict) -> str:
    return verdict.reason if verdict.state is State.UNKNOWN else str(verdict.state)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 if anybody was accused."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4, help="of each outage, operator and line")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args(arguments)
    began = time.monotonic()
    work = [
        Work(outage, operator, line, watch, seed)
        for seed in range(1, given.seeds + 1)
        for operator in OPERATORS
        for line in LINES
        for watch in WATCHES
        for outage in Outage  # the last: what was before it is played once
    ]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        found = list(pool.imap_unordered(run, work, chunksize=len(Outage)))
    heads = ("outage", "references", "runs", "accused", *CALLED, "none")
    print(f"| {' | '.join(heads)} |\n{'| --- ' * len(heads)}|")
    for outage in Outage:
        for watch in WATCHES:
            own = [one for one in found if one.work.outage is outage and one.work.watch == watch]
            bases = Counter(basis for one in own for basis in one.accused)
            accused = sum(bool(one.accused) for one in own)
            why = f" ({', '.join(f'{basis} {n}' for basis, n in bases.items())})" if bases else ""
            counts = [sum(word in one.said for one in own) for word in CALLED]
            none = sum(not set(CALLED) & set(one.said) for one in own)
            cells = (outage, watch, len(own), f"{accused}{why}", *counts, none)
            print(f"| {' | '.join(map(str, cells))} |")
    wrong = [one.work for one in found if one.accused]
    print(f"accused: {len(wrong)} of {len(found)}; {time.monotonic() - began:.0f} s")
    for one in wrong:
        print(f"  {one}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
