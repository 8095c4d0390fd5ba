"""What troubles leave behind: a day after each is over, bursts, verdicts and power are as before.

    python -m benchmarks.aftermath [--seeds N] [--first N] [--line L] [--jobs N]

Plays every trial of ``synth/aftermath.py`` on every line, N seeds each (a seed draws other
distances, drifts and noise), and in the end one of: 10 times slower, 30 times slower, cut after
16 KiB. Printed are bursts on the day before and on the second day after, the share of that day's
rounds that were ``ok``, what was found, and accusations while nobody did anything, which must be
none: the exit status says so.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Sequence
from statistics import median

from benchmarks.false_alarms_report import words
from probe.config import load
from synth.aftermath import BY_NAME, TRIALS, Aftermath, aftermath
from synth.effects import Effect
from synth.lines import LINES

EFFECTS = (Effect(factor=10.0), Effect(factor=30.0), None)


def run(work: tuple[str, str, int]) -> Aftermath:
    """One seed of one trial on one line; the effect goes by the seed."""
    name, line, seed = work
    effect = EFFECTS[seed % len(EFFECTS)]
    return aftermath(load(None, {}), BY_NAME[name], LINES[line], seed=seed, effect=effect)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--line", action="append", choices=sorted(LINES))
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args(arguments)
    lines = given.line or ["fibre", "cable", "dsl", "mobile"]
    seeds = range(given.first, given.first + given.seeds)
    work = [(trial.name, line, seed) for trial in TRIALS for line in lines for seed in seeds]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        found = pool.map(run, work, chunksize=4)
    for trial in TRIALS:
        for line in lines:
            _print([one for one in found if (one.trial, one.line) == (trial.name, line)])
    accused = sum(one.accused > 0 for one in found)
    missed = sum(one.found is None for one in found)
    print(f"{len(found)} runs: {accused} accused somebody, {missed} did not find what was done")
    return 1 if accused else 0


def _print(runs: Sequence[Aftermath]) -> None:
    rounds = sum(sum(one.said.values()) for one in runs)
    fine = sum(one.said.get("ok", 0) for one in runs) / rounds
    before, after = (sorted(one.bursts[n] for one in runs) for n in (0, 1))
    late = sorted((one.found for one in runs), key=lambda found: (found is None, found or 0.0))
    print(
        f"{runs[0].trial}, {runs[0].line}: bursts a day {median(before):.0f} (most {before[-1]}) "
        f"before, {median(after):.0f} (most {after[-1]}) after; ok {fine:.0%}; found after "
        f"{words(late[len(late) // 2])}, at most {words(late[-1])} transfer rounds; "
        f"accused {sum(one.accused > 0 for one in runs)} of {len(runs)}",
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
