"""``python -m tests.nation.parity [HISTORIES] [SEED]``: Python and Prometheus, the same histories.

First the named situations under the default thresholds, then random histories, whose batches have
thresholds of their own. Prints how much was compared, and the seeds that differ; the exit status is
then 1.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from probe.config.schema import NationConfig
from tests.nation.histories import History, history, thresholds
from tests.nation.named import scenarios
from tests.nation.promtool import findings_of, run

BATCH = 50


def batches(count: int, seed: int) -> Iterator[tuple[NationConfig, list[History]]]:
    """``count`` histories in batches of the same thresholds."""
    for first in range(seed, seed + count, BATCH):
        seeds = range(first, min(first + BATCH, seed + count))
        yield thresholds(Random(first)), [history(one) for one in seeds]


class Tally:
    """What was compared so far."""

    def __init__(self) -> None:
        self.histories = self.steps = self.systematic = 0
        self.scopes: Counter[str] = Counter()
        self.wrong: list[int] = []

    def batch(self, config: NationConfig, several: list[History]) -> None:
        """Compare some histories, and print what differs."""
        with tempfile.TemporaryDirectory() as folder:
            differ, printed = run(Path(folder), several, config)
        if differ:
            print(printed[:4_000], flush=True)
            self.wrong += differ
        self.histories += len(several)
        for one in several:
            self.steps += one.steps
            for findings in findings_of(one, config):
                self.scopes.update(f"{f.kind}/{f.scope}" for f in findings)
                self.systematic += sum(f.systematic for f in findings)


def main(count: int, seed: int) -> int:
    """Compare, and print the result; interrupted, what there is of it."""
    begun, tally = time.monotonic(), Tally()
    failed = named()
    # A signal in a batch ends it: what it was about is not counted.
    with contextlib.suppress(KeyboardInterrupt):
        for config, several in batches(count, seed):
            tally.batch(config, several)
    print(
        f"{tally.histories} histories, {tally.steps} steps, {tally.scopes.total()} findings "
        f"compared in {time.monotonic() - begun:.0f} s; systematic {tally.systematic} times"
    )
    print(", ".join(f"{scope} {number}" for scope, number in sorted(tally.scopes.items())))
    print(f"different: {sorted(tally.wrong) or 'none'}")
    return 1 if tally.wrong or failed or tally.histories < count else 0


def named() -> bool:
    """Compare the named situations; whether any differs."""
    every, config = scenarios(), NationConfig()
    with tempfile.TemporaryDirectory() as folder:
        differ, printed = run(Path(folder), [one.history for one in every], config)
    for one in every:
        print(f"{'DIFFERENT' if one.history.seed in differ else 'same':<9} {one.title}")
    if differ:
        print(printed[:4_000])
    return bool(differ)


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(arguments + [2_000, 1][len(arguments) :])))
