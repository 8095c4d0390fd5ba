"""The daemon of one cell of ``benchmarks/everything_at_once.py``, in the client's namespace.

    python -m benchmarks.at_once_daemon PLAN

The real daemon with its server, schedule, data budget, history and rounds on the lab's wire; only
idle time is skipped. Prints one line of JSON, which is a ``Told``.
"""

from __future__ import annotations

# First, because it replaces the clocks that everything else takes hold of.
from benchmarks.skipping_time import CLOCK, SkippingLoop, under_way  # isort: skip

import asyncio
import gc
import logging
import os
import sys
import time
from pathlib import Path

import click
import msgspec

from benchmarks.at_once_plan import Plan, Told
from benchmarks.at_once_watch import watched
from benchmarks.seldom import look_seldom
from lab.box.control import BoxControl
from probe.config import load
from probe.daemon.judging import Judging
from probe.measure.one_round.round import Rounds

# What lives in real time in the box: 64 KiB of a queue at 150 kbit/s.
SETTLE_SECONDS = 4.0


async def live(plan: Plan) -> Told:
    """From the start to the end of the cell."""
    config = load(Path(plan.main_file), {})
    skipped_ns = CLOCK.skipped_ns
    daemon, watch = watched(config, plan)
    running = asyncio.create_task(daemon.run())
    if plan.onset_seconds:
        await asyncio.sleep(plan.onset_seconds)
    if plan.rules:
        CLOCK.settle_seconds = SETTLE_SECONDS
        with BoxControl(Path(plan.box)) as box:
            box.set_rules(plan.rules)
    watch.begins()
    told = await watch.until_enough(running)
    told.skipped_seconds = (CLOCK.skipped_ns - skipped_ns) / 1e9
    daemon.stop()
    await running
    told.wall_end = time.time()
    return told


@click.command(help=__doc__)
@click.argument("plan", type=click.Path(path_type=Path))
def main(plan: Path) -> None:
    """Run and print."""
    made = msgspec.json.decode(plan.read_bytes(), type=Plan)
    look_seldom()
    under_way(Rounds, Judging)
    CLOCK.wall_offset = made.wall_begin - CLOCK.wall() if made.wall_begin else 0.0
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
    # As the daemon does (probe/cli.py).
    gc.collect()
    gc.freeze()
    loop = SkippingLoop()
    told = loop.run_until_complete(live(made))
    print(msgspec.json.encode(told).decode(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
