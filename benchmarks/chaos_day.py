"""One day of the daemon in virtual time with everything going wrong: see benchmarks/chaos.py.

    python -m benchmarks.chaos_day SEED HOURS [--calm]

Prints one line of JSON, which is a ``Told``.
"""

from __future__ import annotations

# First, because it replaces the clocks that everything else takes hold of.
from benchmarks.virtual_time import CLOCK, VirtualCondition, VirtualLoop  # isort: skip

import asyncio
import gc
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import cast

import click
import httpx
import msgspec
from msgspec.structs import replace

from benchmarks.chaos_draws import BAD_CONFIGS, GOOD_CONFIGS, KINDS
from benchmarks.chaos_files import Files, everywhere
from benchmarks.chaos_receiver import GOOD, Receiver
from benchmarks.chaos_told import Told
from benchmarks.seldom import look_seldom
from benchmarks.soak import Disk, SoakExperiments, SoakRounds
from probe.app import Daemon
from probe.config import load
from probe.config.schema import Config
from probe.measure.one_round.round import Rounds
from probe.model.burst import PlannedBurst
from probe.model.identity import Family, RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import State
from probe.outlets.events import Event, RoundJudged
from probe.outlets.order import OUTLETS
from probe.outlets.outlet import Parts
from probe.store import database, writer
from synth.edges import CALM
from synth.effects import Effect, How, restriction
from synth.lines import FIBRE
from synth.troubles import HOUR, Trouble
from synth.world import World

YEAR = 365 * 24 * HOUR
FAULTS_SHARE = 0.7
"""Of the day; in the rest of it all recovers."""
EVERY_SECONDS = 600.0
SCRAPE_SECONDS = 300.0
LOOK_SECONDS = 1_800.0
MORE_LOOKS = 6


class Wrong(logging.Handler):
    """Keeps every traceback, and each event of the log by its first words."""

    def __init__(self) -> None:
        super().__init__()
        self.tracebacks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.add(record.getMessage(), record.exc_info[1])
        elif record.name.startswith("asyncio"):
            self.tracebacks.append(f"asyncio: {record.getMessage()}"[:300])

    def add(self, what: str, error: BaseException) -> None:
        """One traceback."""
        lines = traceback.format_exception(error)
        self.tracebacks.append(f"{what}: {''.join(lines)[-700:]}")


class _Rounds:
    """Rounds of the world of numbers; while the far ends hang, each takes minutes."""

    def __init__(self, config: Config, day: Day, real: Rounds) -> None:
        self._soak = SoakRounds(config, day.world, real)
        self._day = day

    async def measure(
        self, *, platform: str, vantage: str, kind: RoundKind, family: Family, **_: object
    ) -> RoundObservation:
        if self._day.hangs:
            await asyncio.sleep(self._day.random.uniform(60.0, 600.0))
        observed = await self._soak.measure(
            platform=platform, vantage=vantage, kind=kind, family=family
        )
        return self._day.named(observed)

    @property
    def bursts(self) -> _Rounds:
        return self

    @property
    def experiments(self) -> SoakExperiments:
        return self._soak.experiments

    def joined(self, planned: Sequence[PlannedBurst], *, vantage: str) -> tuple[PlannedBurst, ...]:
        return self._soak.joined(planned, vantage=vantage)

    async def made(
        self, planned: Sequence[PlannedBurst], *, vantage: str
    ) -> tuple[RoundObservation, ...]:
        self._day.bursting.set()
        try:
            seen = await self._soak.made(planned, vantage=vantage)
        finally:
            self._day.bursting.clear()
        return tuple(map(self._day.named, seen))

    def unmade(self, planned: PlannedBurst, *, vantage: str) -> RoundObservation:
        return self._day.named(self._soak.unmade(planned, vantage=vantage))


class _Noted:
    """Which rounds are given to the history, before they are, and which it has acknowledged."""

    def __init__(self, parts: Parts, day: Day) -> None:
        self._given = day.given
        parts.store._acknowledged = day.acknowledged.update

    def tell(self, event: Event) -> None:
        if isinstance(event, RoundJudged):
            self._given.add(event.observed.id)

    async def close(self) -> None:
        """It has begun nothing."""


class Day:
    """``calm``: nothing goes wrong."""

    def __init__(self, seed: int, hours: float, *, calm: bool) -> None:
        self.random = Random(seed)
        self.seed, self.hours, self.calm = seed, hours, calm
        self.disk = Disk()
        # Not on the disk that fills up.
        self.place = Path(tempfile.mkdtemp(prefix="throttlewatch-chaos-"))
        self.file = self.place / "throttlewatch.yaml"
        self.files = Files(self.disk.folder / "there", self.random)
        self.files.path.parent.mkdir(parents=True)
        self.receiver = Receiver(self.random)
        self.acknowledged: set[str] = set()
        self.given: set[str] = set()
        self.made = 0
        self.hangs = False
        self.bursting = asyncio.Event()
        self.wrong: list[str] = []
        self.acts: Counter[str] = Counter()
        self.log = Wrong()
        self.full = False

    async def run(self) -> Told:
        """Live through it."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.set_exception_handler(self._unhandled)
        self.url = await self.receiver.start()
        self.configure("")
        config = load(self.file, {})
        begin = CLOCK.true()
        self.world = World(
            config, FIBRE, seed=self.seed, edges=CALM, begin=begin, least_addresses=2
        )
        self.config = config
        cpu = time.process_time()
        self._start()
        visits = asyncio.create_task(self._visit())
        if not self.calm:
            await self._suffer(begin + self.hours * FAULTS_SHARE * HOUR)
            await self._heal()
        await asyncio.sleep(begin + self.hours * HOUR - CLOCK.true())
        if not self.calm:
            self.wrong += await self._left()
        visits.cancel()
        await asyncio.gather(visits, return_exceptions=True)
        turns, used = loop.turns, time.process_time() - cpu
        await self._stop()
        self.receiver.close()
        found = await asyncio.to_thread(everywhere, self.disk.folder)
        lost = self.acknowledged - found - self.files.destroyed
        if lost:
            self.wrong.append(f"{len(lost)} acknowledged rounds are lost")
        # What waited in memory came to the disk as soon as there was one again.
        missing = self.given - found - self.files.destroyed
        store = self.daemon.snapshot().store
        if missing and not (store and store.dropped):
            self.wrong.append(f"{len(missing)} rounds of this daemon are in no file")
        self.wrong += self.log.tracebacks
        return Told(
            self.seed,
            self.made,
            len(self.acknowledged),
            len(lost),
            used,
            turns,
            dict(self.acts),
            self.wrong,
        )

    def named(self, observed: RoundObservation) -> RoundObservation:
        """With an identity of its own: each reload and restart begins the world's numbers anew."""
        self.made += 1
        return replace(observed, id=f"{self.made:032x}")

    def configure(self, text: str) -> None:
        """A good file, with ``text``."""
        if self.file.is_dir():
            self.file.rmdir()
        self.file.write_text(
            f"listen: 127.0.0.1:0\nacknowledge_risks: true\nstore: {{path: {self.files.path}}}\n"
            # Not a probe's own draw: the world has the fixed ones.
            f"forward: {{url: {self.url}, timeout: 20s}}\ncontrols: [all]\n" + text
        )

    def _start(self) -> None:
        self.given.clear()
        self.daemon = Daemon(
            self.config,
            lambda: load(self.file, {}),
            outlets=(lambda parts: _Noted(parts, self), *OUTLETS),
            rounds_of=lambda config, real: cast(Rounds, _Rounds(config, self, real)),
        )
        self._running = asyncio.create_task(self.daemon.run())

    async def _stop(self) -> None:
        self.daemon.stop()
        await self._running

    def _unhandled(self, _: object, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.log.add(str(context["message"]), error)
        else:
            self.log.tracebacks.append(str(context["message"]))

    async def _suffer(self, end: float) -> None:
        acts = (
            *[self._files] * 4,
            *[self._line] * 3,
            *[self._signals] * 2,
            self._clock,
            self._disk,
            self._restrict,
            self._receive,
            self._receive,
            self._hang,
            self._again,
            self._in_a_burst,
        )
        while CLOCK.true() < end:
            await asyncio.sleep(self.random.expovariate(1.0 / EVERY_SECONDS))
            act = self.random.choice(acts)
            self._settled()
            name = await act() or act.__name__
            self.acts[name] += 1

    def _settled(self) -> None:
        while any(one.works for one in VirtualCondition.every):
            threading.Event().wait(0.001)

    async def _files(self) -> str:
        if self.full:
            return "none"
        try:
            name = self.files.act()
        except OSError:
            return "impossible"  # as things are
        if self.random.random() < 0.8:
            await asyncio.sleep(self.random.uniform(0.0, 1_800.0))
            self.files.heal()
        return name

    async def _line(self) -> str:
        kind, value = self.random.choice(KINDS)
        now = CLOCK.true()
        seconds = self.random.uniform(60.0, HOUR)
        self.world.trouble([Trouble(begin=now, end=now + seconds, kind=kind, value=value)])
        return kind.value

    async def _signals(self) -> str:
        draw = self.random.random()
        if draw < 0.5:
            self.configure(self.random.choice(GOOD_CONFIGS))
        elif draw < 0.9:
            self.configure("")
            self.file.write_bytes(self.random.choice(BAD_CONFIGS))
        else:
            # A good one first: a folder may be there from before.
            self.configure("")
            self.file.unlink()
            self.file.mkdir()
        for _ in range(self.random.randrange(1, 4)):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(self.random.uniform(0.0, 1.0))
        return "reload, good" if draw < 0.5 else "reload, bad"

    async def _clock(self) -> str:
        CLOCK.offset = self.random.choice(
            (0.0, 30.0, -30.0, HOUR, -HOUR, YEAR, -YEAR, 30 * YEAR, -CLOCK.true() + 1_000.0)
        )
        return "clock"

    async def _disk(self) -> str:
        self.full = not self.full
        if self.full:
            self.disk.fill()
        else:
            self.disk.free()
        return "disk"

    async def _restrict(self) -> str:
        self._throttle(self.random.random() < 0.5)
        return "restriction"

    def _throttle(self, throttled: bool) -> None:
        effect = Effect(how=How.POLICER, factor=30.0, by_name=True)
        distance = self.world.distance("x")
        made = [restriction(self.config, "x", effect, FIBRE, distance)]
        self.world.restrict(made if throttled else [])

    async def _in_a_burst(self) -> str:
        """The daemon is told to do something else while it makes a burst."""
        self._throttle(True)
        try:
            async with asyncio.timeout(HOUR):
                await self.bursting.wait()
        except TimeoutError:
            return "no burst came"
        if self.random.random() < 0.5:
            self.configure(self.random.choice(GOOD_CONFIGS))
            os.kill(os.getpid(), signal.SIGHUP)
            return "reload in a burst"
        await self._again()
        return "restart in a burst"

    async def _receive(self) -> str:
        if self.receiver.mode != GOOD and self.random.random() < 0.5:
            self.receiver.mode = GOOD
            return "receiver, good"
        return f"receiver, {self.receiver.worsen()}"

    async def _hang(self) -> str:
        self.hangs = not self.hangs
        return "hang"

    async def _again(self) -> str:
        await self._stop()
        self._start()
        return "restart"

    async def _heal(self) -> None:
        CLOCK.offset = 0.0
        self.hangs = self.full = False
        self.disk.free()
        self.files.heal()
        self.world.restrict([])
        self.world.trouble([])
        self.receiver.mode = GOOD
        self.configure("")
        os.kill(os.getpid(), signal.SIGHUP)

    async def _left(self) -> list[str]:
        """What has not recovered. A round of an honest line may be suspicious, so a state has some
        more rounds; what is never well again is told."""
        left = self._look()
        for _ in range(MORE_LOOKS):
            if not left:
                break
            await asyncio.sleep(LOOK_SECONDS)
            left = [one for one in self._look() if one in left]
        return left

    def _look(self) -> list[str]:
        """What is not as on a calm day just now."""
        wrong: list[str] = []
        snapshot = self.daemon.snapshot()
        for (vantage, platform), verdict in snapshot.verdicts.items():
            if verdict is not None and vantage == "default" and verdict.state is not State.OK:
                wrong.append(f"{platform} is {verdict.state.value} ({verdict.reason})")
        if snapshot.store is None or snapshot.store.trouble is not None:
            wrong.append(f"the history: {snapshot.store}")
        forward = snapshot.forward
        if forward is None or forward.trouble:
            wrong.append(f"forwarding: {forward}")
        elif forward.refused or forward.waiting > 10:
            wrong.append(f"samples were given up, or wait: {forward}")
        if self._running.done():
            wrong.append("the daemon has ended")
        return wrong

    async def _visit(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
            while True:
                await asyncio.sleep(SCRAPE_SECONDS)
                if ":" not in (address := self.daemon.address) or address.endswith(":0"):
                    continue
                for path in ("metrics", ""):
                    try:
                        answer = await client.get(f"http://{address}/{path}")
                    except httpx.TransportError as error:
                        if not self.daemon.stopping:
                            self.wrong.append(f"/{path}: {error!r}")
                        break
                    if answer.status_code != 200:
                        self.wrong.append(f"/{path}: {answer.status_code}")


@click.command(help=__doc__)
@click.argument("seed", type=int)
@click.argument("hours", type=float)
@click.option("--calm", is_flag=True)
def main(seed: int, hours: float, calm: bool) -> None:
    """Run and print."""
    look_seldom()
    made = SimpleNamespace(Condition=VirtualCondition, Thread=threading.Thread)
    setattr(writer, "threading", made)  # noqa: B010
    # SQLite waits in real time.
    database.BUSY_SECONDS = 0.1
    loop = VirtualLoop()
    day = Day(seed, hours, calm=calm)
    logging.basicConfig(level=logging.DEBUG, handlers=[day.log], force=True)
    threading.excepthook = lambda args: day.log.add("a thread", args.exc_value or args.exc_type())
    sys.unraisablehook = lambda args: day.log.add("unraisable", args.exc_value or args.exc_type())
    # As the daemon does (probe/cli.py).
    gc.collect()
    gc.freeze()
    try:
        told = loop.run_until_complete(day.run())
    finally:
        day.disk.close()
        shutil.rmtree(day.disk.folder, ignore_errors=True)
        shutil.rmtree(day.place, ignore_errors=True)
    loop.close()
    print(msgspec.json.encode(told).decode())
    # Threads that hang in a system call would hold it.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
