"""What the history costs a disk: ``python -m benchmarks.store [--days 2] [--forward]``.

The daemon without its server, in virtual time at the default pace, with rounds of the world of
numbers (synth) in which nothing is restricted: everything that it gives to the history is
given at the time at which it would be. ``--forward`` records the metrics each minute too. As root
the history lies on an ext4 of its own in a file, and what reached that device is printed, with the
file system's journal; else only what the process gave to the kernel.
"""

from __future__ import annotations

# First, because it replaces the clocks that everything else takes hold of.
from benchmarks.virtual_time import CLOCK, REAL_MONOTONIC, VirtualLoop  # isort: skip

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import click
from msgspec.structs import replace

from benchmarks.seldom import look_seldom
from benchmarks.soak import SoakRounds
from probe import __version__
from probe.app import Daemon
from probe.config import load
from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.measure.one_round.round import Rounds
from probe.outlets.events import Event, NationFound, RoundJudged
from probe.outlets.order import OUTLETS
from probe.outlets.outlet import Parts
from probe.publish.forward.sampler import values
from probe.publish.metrics.exposition import Registry
from probe.store.history import History
from probe.store.records import Queued
from probe.store.samples import GRID_SECONDS
from synth.edges import CALM
from synth.lines import FIBRE
from synth.world import World

DAY = 86_400.0
SECTOR = 512


class Disk:
    """A file system whose writes can be counted; without root, a plain folder."""

    def __init__(self) -> None:
        self._under = Path(tempfile.mkdtemp(prefix="throttlewatch-disk-"))
        self.folder = self._under / "mounted"
        self.folder.mkdir()
        image = self._under / "image"
        with image.open("wb") as file:
            file.truncate(512 * 1024 * 1024)
        self.real = (
            subprocess.run(["mkfs.ext4", "-q", image], capture_output=True, check=False).returncode
            == 0
            and subprocess.run(
                ["mount", "-o", "loop", image, self.folder], capture_output=True, check=False
            ).returncode
            == 0
        )

    def written(self) -> int:
        """Bytes that reached the device."""
        if not self.real:
            return 0
        source = subprocess.check_output(["findmnt", "-n", "-o", "SOURCE", self.folder], text=True)
        stat = Path("/sys/block") / Path(source.strip()).name / "stat"
        return int(stat.read_text().split()[6]) * SECTOR

    def close(self) -> None:
        """Remove it."""
        if self.real:
            subprocess.run(["umount", self.folder], check=True)
        subprocess.run(["rm", "-r", self._under], check=True)


def given() -> int:
    """Bytes that this process has given to the disk."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


class Life:
    """Days of the daemon on one disk."""

    def __init__(self, path: Path, batch: float | None, *, forward: bool) -> None:
        config = load(None, {})
        store = StoreConfig(path=str(path))
        if batch is not None:
            store = replace(store, batch=Seconds(batch))
        self.config = replace(
            config,
            pool=(),  # controls are those of the world, and none is drawn
            settings=replace(config.settings, listen="127.0.0.1:0", store=store),
        )
        self.forward = forward
        self.commits = 0
        self.rounds = 0

    async def run(self, days: float) -> None:
        """Live through them."""
        world = World(self.config, FIBRE, seed=7, edges=CALM, begin=CLOCK.true(), least_addresses=2)
        daemon = Daemon(
            self.config,
            lambda: self.config,
            outlets=(*OUTLETS, self._watching),
            rounds_of=lambda known, real: cast(Rounds, SoakRounds(known, world, real)),
        )
        running = asyncio.create_task(daemon.run())
        tasks = [asyncio.create_task(self.script(daemon, world))]
        if self.forward:
            tasks.append(asyncio.create_task(self._sample(daemon)))
        await asyncio.sleep(days * DAY)
        for task in tasks:
            task.cancel()
        daemon.stop()
        await running

    async def script(self, daemon: Daemon, world: World) -> None:
        """What happens on the way; here nothing."""

    async def _sample(self, daemon: Daemon) -> None:
        # As the sampler does, but here: a thread's work takes no virtual time.
        registry = Registry(__version__)
        while True:
            await asyncio.sleep(GRID_SECONDS - time.time() % GRID_SECONDS)
            at = round(time.time() / GRID_SECONDS) * GRID_SECONDS
            self.store.sample(at, values(registry.collector(daemon.snapshot())))
            self._settle()

    def _watching(self, parts: Parts) -> Life:
        """Counts commits."""
        self.store = parts.store
        keeper = self.store._keeper
        assert keeper is not None
        commit = keeper.commit

        def counted(records: Sequence[Queued], state: Mapping[str, bytes]) -> bool:
            self.commits += 1
            return commit(records, state)

        keeper.commit = counted  # type: ignore[method-assign]
        return self

    def tell(self, event: Event) -> None:
        """Count rounds, and let the writer's thread, which lives in real time, come along."""
        if isinstance(event, RoundJudged):
            self.rounds += 1
        if isinstance(event, RoundJudged | NationFound):
            self._settle()

    async def close(self) -> None:
        """It has begun nothing."""

    def _settle(self) -> None:
        store = self.store
        while store._inbox or store._is_due():
            with store._wake:
                store._wake.notify_all()
            time.sleep(0.0002)


@click.command(help=__doc__)
@click.option("--days", default=2.0, show_default=True)
@click.option("--batch", type=float, help="store.batch in seconds; else the default.")
@click.option("--forward", is_flag=True, help="Record the metrics each minute too.")
def main(days: float, batch: float | None, forward: bool) -> None:
    """Print the figures."""
    look_seldom()
    disk, loop = Disk(), VirtualLoop()
    try:
        path = disk.folder / "history.sqlite3"
        life = Life(path, batch, forward=forward)
        subprocess.run(["sync"], check=True)
        before, device = given(), disk.written()
        loop.run_until_complete(life.run(days))
        subprocess.run(["sync", "-f", disk.folder], check=True)
        size = path.stat().st_size
        print(f"{life.rounds} rounds in {days:g} days, {life.commits / days:.0f} commits a day")
        print(f"file: {size / life.rounds:.0f} bytes a round, {size / days / 1e6:.2f} MB a day")
        print(f"given to the kernel: {(given() - before) / days / 1e6:.1f} MB a day")
        if disk.real:
            print(f"reached the disk: {(disk.written() - device) / days / 1e6:.1f} MB a day")
        began = REAL_MONOTONIC()
        with History(path) as history:
            count = sum(1 for _ in history.rounds())
        seconds = REAL_MONOTONIC() - began
        print(f"read: {count} rounds in {seconds:.1f} s, {count / seconds:.0f} a second")
    finally:
        loop.close()
        disk.close()


if __name__ == "__main__":
    main()
