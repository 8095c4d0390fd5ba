"""``python -m benchmarks.fleets [FLEETS]``: simulated fleets, and how many were told wrong.

Prints a table by what happens and who looks from outside: as what the fleets end, and how many
said anything at any minute that they may not say. The exit status is 1 if any did.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import product

from probe.config.schema import NationConfig
from synth.fleets import Abroad, Truth, play, world

FLEETS = 10_000
CHUNK = 25


def chunk(task: tuple[Truth, Abroad, int, int]) -> tuple[Counter[str], Counter[str]]:
    """How some fleets end, and what was wrong."""
    truth, abroad, first, count = task
    ends: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for seed in range(first, first + count):
        outcome = play(world(truth, abroad, seed), NationConfig())
        ends[outcome.last] += 1
        wrong.update(outcome.wrong)
        wrong["fleets"] += bool(outcome.wrong)
    return ends, wrong


def main(fleets: int) -> int:
    """Play and print; the number of fleets that were told wrong."""
    begun = time.monotonic()
    pairs = list(product(Truth, Abroad))
    each = -(-fleets // len(pairs))
    tasks = [
        (truth, abroad, first, min(CHUNK, each - first))
        for truth, abroad in pairs
        for first in range(0, each, CHUNK)
    ]
    ends = {pair: Counter[str]() for pair in pairs}
    wrong = {pair: Counter[str]() for pair in pairs}
    with ProcessPoolExecutor() as pool:
        for (truth, abroad, *_), (ended, told) in zip(tasks, pool.map(chunk, tasks), strict=True):
            ends[truth, abroad] += ended
            wrong[truth, abroad] += told
    print("| what happens | who looks from outside | fleets | end as | told wrong |")
    print("| --- | --- | --- | --- | --- |")
    for pair in pairs:
        truth, abroad = pair
        bad = wrong[pair]
        why = f" ({_list(bad)})" if bad["fleets"] else ""
        print(f"| {truth} | {abroad} | {each} | {_list(ends[pair])} | {bad['fleets']}{why} |")
    total = sum(bad["fleets"] for bad in wrong.values())
    print(
        f"\n{each * len(pairs)} fleets in {time.monotonic() - begun:.0f} s, {total} told wrong",
        flush=True,
    )
    return 1 if total else 0


def _list(of: Counter[str]) -> str:
    shown: Iterable[tuple[str, int]] = (one for one in of.most_common() if one[0] != "fleets")
    return ", ".join(f"{name} {count}" for name, count in shown)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FLEETS))
