"""CPU of a leg in this tree beside one in another, in alternating pairs.

    python -m benchmarks.leg_pairs OTHER_TREE [PAIRS]

A machine that does other work as well makes any figure worse, and both of a pair alike: so the
median of the pairs' ratios shows a change of some per cent where single runs differ by a half. Each
tree has a process of its own with its own servers (those of ``benchmarks.leg_cpu``); a pair is five
legs of each. ``OTHER_TREE`` is a checkout of another commit; both run in this Python.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
PAIRS = 60
LEGS = 5
KINDS = [(protocol, size) for protocol in ("http/1.1", "h2") for size in (1_024, 65_536)]
READY = "ready\n"


class Tree:
    """The process that makes legs by the source in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != READY:
            raise RuntimeError(f"no legs can be made by {folder}")

    def milliseconds(self, protocol: str, size: int) -> float:
        """CPU of a leg, mean of ``LEGS``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{protocol} {size}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.communicate("")


def make_legs() -> None:
    """In a tree's process: legs as they are asked for, until nobody asks."""
    from benchmarks import leg_cpu
    from lab.loopback.servers import certificate, trust

    trust()
    certificate()
    ours, theirs = multiprocessing.Pipe()
    servers = multiprocessing.get_context("fork").Process(
        target=leg_cpu.run_servers, args=(theirs,), daemon=True
    )
    servers.start()
    ports = dict(zip(leg_cpu.PROTOCOLS, ours.recv(), strict=True))

    async def make(protocol: str, size: int, legs: int) -> float:
        began = time.thread_time()
        for _ in range(legs):
            await leg_cpu.our_leg(ports[protocol], protocol, size)
        return (time.thread_time() - began) / legs * 1e3

    with asyncio.Runner() as runner:
        for protocol, size in KINDS:
            runner.run(make(protocol, size, 2 * LEGS))
        gc.collect()
        gc.freeze()
        print(READY, end="", flush=True)
        for line in sys.stdin:
            asked, body_bytes = line.split()
            print(runner.run(make(asked, int(body_bytes), LEGS)), flush=True)
    servers.terminate()


def main() -> None:
    other, here = Tree(Path(sys.argv[1]).resolve()), Tree(HERE)
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else PAIRS
    print(f"CPU of a leg, ms, medians of {pairs} pairs, and the median of their ratios")
    print(f"{'':24}{'other':>8}{'here':>8}{'ratio':>8}")
    for protocol, size in KINDS:
        found = []
        for turn in range(pairs):
            order = (other, here) if turn % 2 else (here, other)
            took = {tree: tree.milliseconds(protocol, size) for tree in order}
            found.append((took[other], took[here]))
        theirs, ours = (statistics.median(each) for each in zip(*found, strict=True))
        ratio = statistics.median(mine / before for before, mine in found)
        print(f"{protocol:12}{size:9} B {theirs:8.2f}{ours:8.2f}{ratio:8.3f}")
    for tree in (other, here):
        tree.stop()


if __name__ == "__main__":
    main() if len(sys.argv) > 1 else make_legs()
