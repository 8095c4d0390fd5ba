"""One cell of ``benchmarks/everything_at_once.py --simulated``: no packet, and virtual time.

    python -m benchmarks.at_once_numbers RUN

The real daemon with its server, schedule, data budget, verdicts and rounds; what its legs and
look-ups meet comes from the world of numbers. Prints one line of JSON, which is a ``Told``.
"""

from __future__ import annotations

# First, because it replaces the clocks that everything else takes hold of.
from benchmarks.virtual_time import CLOCK, VirtualLoop  # isort: skip

import asyncio
import gc
import logging
import os
import random as random_module
import sys
import tempfile
from pathlib import Path
from random import Random

import click
import msgspec

from benchmarks.at_once_cells import LINES, MECHANISMS
from benchmarks.at_once_plan import Plan, Run, Told
from benchmarks.at_once_watch import watched
from benchmarks.numbers_under_rounds import FarEnds
from benchmarks.seldom import look_seldom
from probe.config import load
from scenarios.throttling import YOUTUBE_HOSTS
from synth.edges import CALM
from synth.play import line_of
from synth.world import World

LIGHT_SECONDS = 300.0


def main_file(folder: Path, count: int) -> Path:
    """The default configuration, with so many vantages and without a history."""
    file = folder / "throttlewatch.yaml"
    names = ", ".join(f"{{name: home-{n}}}" for n in range(count))
    file.write_text(
        "listen: 127.0.0.1:0\nacknowledge_risks: true\nstore: {path: null}\ncontrols: [all]\n"
        f"dns: {{allow_private: true}}\ncountry: PK\nvantages: [{names}]\n"
    )
    return file


async def live(run: Run, folder: Path, random: Random) -> Told:
    """From the start to the end of the cell."""
    cell = run.cell
    config = load(main_file(folder, cell.vantages), {})
    worlds = {
        vantage.name: World(
            config,
            line_of(LINES[cell.line]),
            seed=random.getrandbits(32),
            edges=CALM,
            begin=CLOCK.true(),
        )
        for vantage in config.settings.vantages
    }
    FarEnds(worlds).take_the_place()
    zone = next(iter(worlds.values())).zone
    hosts = {
        platform.name: tuple(
            host
            for host in (YOUTUBE_HOSTS if platform.name == "youtube" else platform.hosts)
            if host in zone
        )
        for platform in config.platforms
    }
    happens = cell.happens(random, hosts)
    plan = Plan(
        main_file="",
        least_seconds=run.least_seconds,
        enough_seconds=run.enough_seconds,
        most_seconds=run.most_seconds,
        met=tuple(f"{name}/{platform}" for name in worlds for platform in cell.met),
        right=MECHANISMS[cell.mechanism].right.value,
    )
    daemon, watch = watched(config, plan)
    if cell.born:
        for world in worlds.values():
            world.restrict((happens,))
    running = asyncio.create_task(daemon.run())
    if not cell.born:
        await asyncio.sleep(run.calm_seconds + random.uniform(0.0, 3 * LIGHT_SECONDS))
        for world in worlds.values():
            world.restrict((happens,))
    watch.begins()
    told = await watch.until_enough(running)
    daemon.stop()
    await running
    return told


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path))
def main(run: Path) -> None:
    """Run and print."""
    made = msgspec.json.decode(run.read_bytes(), type=Run)
    random = Random(f"{made.seed}/{made.cell.name}")
    # What is drawn so that nobody can foresee it is drawn from the seed here.
    seeds = Random(random.getrandbits(32))
    setattr(random_module, "SystemRandom", lambda: Random(seeds.getrandbits(32)))  # noqa: B010
    random_module.seed(seeds.getrandbits(32))
    look_seldom()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    # As the daemon does (probe/cli.py).
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        told = VirtualLoop().run_until_complete(live(made, Path(folder), random))
    print(msgspec.json.encode(told).decode(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
