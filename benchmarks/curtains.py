"""A curtain around every shipped operator of controls, and around three at once: when it is seen,
and what is said of platforms meanwhile.

    python -m benchmarks.curtains [--seeds 1] [--only Cloudflare]
"""

from __future__ import annotations

import argparse
from collections import Counter
from random import Random
from statistics import median

from probe.config import load
from probe.model.verdict import State
from scenarios.lines import FIBRE, MOBILE
from synth.curtain_play import FROZEN, SLOWED, play
from synth.play import line_of

ACCUSING = (State.THROTTLED, State.BLOCKED)
MODES = ("calm", "slowed", "behind")


def main() -> None:
    """Print a row for each curtain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threes", type=int, default=12, help="so many times three at once")
    parser.add_argument("--only", default="", help="operators whose names have this")
    args = parser.parse_args()
    config, random = load(None, {}), Random(1)
    names = sorted({one.operator for one in config.pool})
    rows = [[name] for name in names if args.only in name]
    rows += [sorted(random.sample(names, 3)) for _ in range(0 if args.only else args.threes)]
    totals: Counter[str] = Counter()
    delays = []
    for line in (FIBRE, MOBILE):
        for effect, how in ((FROZEN, "frozen"), (SLOWED, "slow")):
            for mode in MODES:
                for operators in rows:
                    for seed in range(args.seeds):
                        found = play(
                            config,
                            line_of(line),
                            operators,
                            effect,
                            seed=seed,
                            slowed=mode == "slowed",
                            behind=mode == "behind",
                            hours=4.0,
                            after_hours=3.0,
                        )
                        seen = {one.operator for one in found.hung} == set(operators)
                        said = found.said["x"][-1]
                        accused = {
                            name
                            for name, verdicts in found.said.items()
                            if {verdict.state for verdict in verdicts} & set(ACCUSING)
                        }
                        wrong = accused - ({"x"} if mode == "slowed" else set())
                        totals[f"{mode}: all"] += 1
                        totals[f"{mode}: seen"] += seen
                        totals[f"{mode}: wrongly accused"] += bool(wrong)
                        totals[f"{mode}: x {said.state} {said.reason}".strip()] += 1
                        totals[f"{mode}: hangs three hours after its end"] += bool(found.after)
                        if found.seen_after is not None:
                            delays.append(found.seen_after / 60.0)
                        print(
                            f"{line.name:8} {how:7} {mode:7} {'+'.join(operators):50} "
                            f"{'seen' if seen else 'NOT SEEN':9} x: {said.state} {said.reason}"
                            f"{' WRONG: ' + ', '.join(wrong) if wrong else ''}",
                            flush=True,
                        )
    for name, count in sorted(totals.items()):
        print(f"{name}: {count}")
    if delays:
        ordered = sorted(delays)
        print(
            f"the first is seen after {median(ordered):.0f} minutes at the median, "
            f"{ordered[int(0.9 * (len(ordered) - 1))]:.0f} at p90"
        )


if __name__ == "__main__":
    main()
