"""The clock of benchmarks/everything_at_once.py: idle time is skipped, and only that."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from benchmarks.skipping_time import CLOCK, SkippingLoop, under_way
import asyncio, time

real = time.time_ns

class Legs:
    async def made(self, seconds):
        await asyncio.sleep(seconds)

async def spent(waiting):
    before = real(), time.monotonic(), time.monotonic_ns(), time.time(), loop.time()
    await waiting
    after = real(), time.monotonic(), time.monotonic_ns(), time.time(), loop.time()
    took = [b - a for a, b in zip(before, after)]
    print(took[0] / 1e9, took[1], took[2] / 1e9, took[3], took[4])

async def main():
    await spent(asyncio.sleep(3_600.0))
    await spent(Legs().made(0.3))
    await spent(asyncio.to_thread(lambda: __import__("threading").Event().wait(0.3)))
    CLOCK.settle_seconds = 0.3
    await Legs().made(0.0)
    await spent(asyncio.sleep(100.0))

under_way(Legs)
loop = SkippingLoop()
loop.run_until_complete(main())
"""


def test_only_idle_time_is_skipped_and_all_clocks_agree() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60.0
    )
    idle, leg, thread, settling = (
        tuple(map(float, line.split())) for line in done.stdout.splitlines()
    )
    for real, *virtual in (idle, leg, thread, settling):
        assert max(virtual) - min(virtual) < 0.5
        assert min(virtual) >= real - 0.5
    assert min(idle[1:]) >= 3_600.0
    assert idle[0] < 360.0
    for real, *virtual in (leg, thread):
        assert real >= 0.3
        assert max(virtual) < real + 0.5
    assert min(settling[1:]) >= 100.0
    assert 0.25 <= settling[0] < 10.0
