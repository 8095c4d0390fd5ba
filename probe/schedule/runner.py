"""Starts rounds when they are due. APScheduler does it: a job for each slot, whose trigger is the
slot's grid (grid_trigger.py). Jobs can be listed and paused as those of any scheduler. A job that
still runs when it is due again is left out, and one whose times came together runs once.

It all happens in the monotonic clock's own zone (monotonic.py): whatever the wall clock says,
rounds come at their pace, and a step of it is only told. docs/decisions/0014-wall-clock.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from msgspec import Struct

from probe.config.schema import ScheduleConfig
from probe.model.identity import RoundKind
from probe.schedule.grid_trigger import GridTrigger
from probe.schedule.monotonic import MonotonicZone
from probe.schedule.round_grid import (
    Cadence,
    Draw,
    Due,
    LongTurn,
    Slot,
    at_pace,
    draw_long,
    first_due,
    hastened,
    interval_to_next,
    kind_now,
    next_due,
    start_cadence,
)
from probe.schedule.round_pace import Pace, fastest

log = logging.getLogger(__name__)
# What it warns of is counted (``Hooks.late``).
_LOG_OF_APSCHEDULER = logging.getLogger(f"{__name__}.apscheduler")
_LOG_OF_APSCHEDULER.setLevel(logging.ERROR)

# NTP slews by at most 500 ppm; what moves faster is a step.
STEP_SECONDS = 0.5
WATCH_SECONDS = 1.0


# A round that should be made at once waits for the next place on the grid if that is no farther
# away than this share of the light interval.
NEAR_SHARE = 0.1

# Rounds of a vantage overlap where one only waits (measure/one_round/line_turn.py). Of more
# than so many the names would be looked up long before they are asked.
ROUNDS_AT_ONCE = 8


class Clocks(Struct, frozen=True):
    """The two clocks, so that tests can step one of them."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Hooks(Struct, frozen=True, kw_only=True):
    """What the runner calls: ``round`` makes one round, the next of which comes in so many seconds
    as far as can be told; ``late`` counts one that was left out or could not start in time,
    ``stepped`` hears of a step of the wall clock in seconds. ``pace`` says how often a slot's
    rounds are made now (``None``: as configured), ``at_once`` whether one should be made now,
    between two places of the grid. ``permit`` says which kind of round may be made
    in place of the one that is due, or (``None``) that none may."""

    round: Callable[[Slot, RoundKind, float], Awaitable[None]]
    late: Callable[[Slot], None]
    stepped: Callable[[float], None]
    pace: Callable[[Slot], Pace | None] = lambda slot: None
    at_once: Callable[[Slot], bool] = lambda slot: False
    permit: Callable[[Slot, RoundKind], RoundKind | None] = lambda slot, kind: kind


class Runner:
    """Runs the rounds of a fixed set of slots, one at a time of each, until stopped."""

    def __init__(
        self,
        slots: tuple[Slot, ...],
        schedule: ScheduleConfig,
        hooks: Hooks,
        *,
        clocks: Clocks = Clocks(),  # noqa: B008  (a frozen value)
        draw: Draw = random.random,
    ) -> None:
        self._slots = {f"{slot.vantage}/{slot.platform}": slot for slot in slots}
        self._schedule = schedule
        self._hooks = hooks
        self._clocks = clocks
        self._draw = draw
        self._zone = MonotonicZone(clocks.monotonic)
        self._triggers: dict[str, GridTrigger] = {}
        self.scheduler = AsyncIOScheduler(timezone=self._zone, logger=_LOG_OF_APSCHEDULER)
        self.scheduler.add_listener(self._left_out, EVENT_JOB_MAX_INSTANCES)
        self._stopping = False
        self._lines = {slot.vantage: asyncio.Semaphore(ROUNDS_AT_ONCE) for slot in slots}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._anchor = 0.0
        self._cadence: dict[str, Cadence] = {}
        self._began: dict[str, float] = {}
        self._long: dict[str, LongTurn] = {}

    def start(self) -> None:
        """Place the first rounds. Needs a running loop."""
        self._anchor = self._clocks.monotonic()
        for key, slot in self._slots.items():
            self._cadence[key] = start_cadence(slot, self._schedule, self._anchor)
            self._triggers[key] = GridTrigger(
                self._zone, first_due(slot, self._anchor), partial(self._following, slot)
            )
            self.scheduler.add_job(
                self._fire,
                self._triggers[key],
                args=(key,),
                id=key,
                max_instances=1,
                coalesce=True,
                # It would be reckoned by the wall clock; ``_run`` tells who is late.
                misfire_grace_time=None,
            )
        for vantage in self._lines:
            self._long[vantage] = self._draw_long(vantage)
        self.scheduler.start()
        self._watch = asyncio.get_running_loop().create_task(self._watch_clock())

    @property
    def alive(self) -> bool:
        """Whether rounds are being placed."""
        return (
            not self._stopping
            and self.scheduler.running
            and self._watch is not None
            and not self._watch.done()
        )

    async def stop(self, *, grace_seconds: float = 0.0) -> None:
        """Start nothing more; let rounds finish for ``grace_seconds``, then cancel them."""
        if self._watch is not None:
            self._watch.cancel()
        # Before anything is waited for: a round that ends meanwhile is followed by none.
        self._stopping = True
        if self.scheduler.running:
            self.scheduler.remove_all_jobs()
        if self._running:
            _, pending = await asyncio.wait(self._running.values(), timeout=grace_seconds)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        if self.scheduler.running:
            self.scheduler.shutdown(wait=False)

    def _draw_long(self, vantage: str) -> LongTurn:
        platforms = [slot.platform for slot in self._slots.values() if slot.vantage == vantage]
        now = self._clocks.monotonic()
        return draw_long(platforms, self._schedule, now=now, draw=self._draw)

    def _pace(self, slot: Slot) -> Pace:
        return self._hooks.pace(slot) or fastest(self._schedule)

    def _following(self, slot: Slot, due: Due) -> Due:
        return next_due(
            slot,
            self._schedule,
            anchor=self._anchor,
            previous=due.number + self._pace(slot).every - 1,
            now=self._clocks.monotonic(),
            draw=self._draw,
        )

    def _left_out(self, event: JobSubmissionEvent) -> None:
        self._hooks.late(self._slots[event.job_id])

    async def _fire(self, key: str) -> None:
        if self._stopping:
            return  # it was under way when everything was stopped
        task = asyncio.create_task(self._guarded(key, self._triggers[key].fired))
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key))
        # The job lasts as long as its round. A round is ended by ``stop`` and by nobody else.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task})

    async def _guarded(self, key: str, due: Due) -> None:
        try:
            await self._run(key, due)
        except Exception:
            # One broken round must not end the daemon, and must not pass unseen.
            log.exception("round failed", extra={"slot": key})

    async def _run(self, key: str, due: Due) -> None:
        slot = self._slots[key]
        async with self._lines[slot.vantage]:
            now = self._clocks.monotonic()
            if now - due.at > float(self._schedule.light) / 2:
                self._hooks.late(slot)
            turn = self._long[slot.vantage]
            paced = at_pace(self._schedule, self._pace(slot))
            cadence = hastened(self._cadence[key], paced, now)
            kind, after = kind_now(slot, paced, cadence=cadence, long_turn=turn, now=now)
            permitted = self._hooks.permit(slot, kind)
            if permitted is None:
                return
            # What was refused stays due.
            self._cadence[key] = after if permitted is kind else cadence
            if permitted is RoundKind.LONG:
                self._long[slot.vantage] = self._draw_long(slot.vantage)
            interval = interval_to_next(float(paced.light), now - self._began.get(key, now))
            self._began[key] = now
            await self._hooks.round(slot, permitted, interval)

    def _draw_near(self) -> None:
        """Let the rounds that should be made at once begin. The next place on the grid is waited
        for if it is near."""
        now = self._clocks.monotonic()
        for key, slot in self._slots.items():
            if key in self._running or not self._hooks.at_once(slot):
                continue
            least = float(self._schedule.light) * NEAR_SHARE
            if self._triggers[key].draw_near(now, least_seconds=least):
                self.scheduler.modify_job(key, next_run_time=self._zone.at(now))

    async def _watch_clock(self) -> None:
        offset = self._clocks.wall() - self._clocks.monotonic()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            self._draw_near()
            current = self._clocks.wall() - self._clocks.monotonic()
            if abs(current - offset) >= STEP_SECONDS:
                self._hooks.stepped(current - offset)
            offset = current
