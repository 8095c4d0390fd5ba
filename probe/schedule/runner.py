"""Starts rounds when they are due. The only place that knows APScheduler.

APScheduler lives on the wall clock and plans only as far as each slot's next round; the plan itself
is monotonic. When the wall clock steps (a Pi without a clock learns the time, a line comes back),
every waiting round is placed again at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from msgspec import Struct

from probe.config.schema import ScheduleConfig
from probe.model.identity import RoundKind
from probe.schedule.pace import Pace, fastest
from probe.schedule.plan import (
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

log = logging.getLogger(__name__)

# NTP slews by at most 500 ppm; what moves faster is a step.
STEP_SECONDS = 0.5
WATCH_SECONDS = 1.0


class Clocks(Struct, frozen=True):
    """The two clocks, so that tests can step one of them."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Hooks(Struct, frozen=True, kw_only=True):
    """What the runner calls: ``round`` makes one round, the next of which comes in so many seconds
    as far as can be told; ``late`` counts one that was left out or could not start in time,
    ``stepped`` hears of a step of the wall clock in seconds. ``pace`` says how often a slot's
    rounds are made now (``None``: as configured). ``permit`` says which kind of round may be made
    in place of the one that is due, or (``None``) that none may."""

    round: Callable[[Slot, RoundKind, float], Awaitable[None]]
    late: Callable[[Slot], None]
    stepped: Callable[[float], None]
    pace: Callable[[Slot], Pace | None] = lambda slot: None
    permit: Callable[[Slot, RoundKind], RoundKind | None] = lambda slot, kind: kind


class Runner:
    """Runs the rounds of a fixed set of slots, one at a time per vantage, until stopped."""

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
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.add_listener(self._still_running, EVENT_JOB_MAX_INSTANCES)
        self._due: dict[str, Due] = {}
        self._lines = {slot.vantage: asyncio.Lock() for slot in slots}
        self._running: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._cut: set[asyncio.Task[None]] = set()
        self._anchor = 0.0
        self._cadence: dict[str, Cadence] = {}
        self._began: dict[str, float] = {}
        self._long: dict[str, LongTurn] = {}

    def start(self) -> None:
        """Place the first rounds. Needs a running loop."""
        self._anchor = self._clocks.monotonic()
        for key, slot in self._slots.items():
            self._cadence[key] = start_cadence(slot, self._schedule, self._anchor)
            self._place(key, first_due(slot, self._anchor))
        for vantage in self._lines:
            self._long[vantage] = self._draw_long(vantage)
        self._scheduler.start()
        self._watch = asyncio.get_running_loop().create_task(self._watch_clock())

    @property
    def alive(self) -> bool:
        """Whether rounds are being placed."""
        return self._scheduler.running and self._watch is not None and not self._watch.done()

    async def stop(self, *, grace_seconds: float = 0.0) -> None:
        """Start nothing more; let rounds finish for ``grace_seconds``, then cancel them."""
        if self._watch is not None:
            self._watch.cancel()
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()
        if self._running:
            _, pending = await asyncio.wait(self._running, timeout=grace_seconds)
            self._cut |= pending
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _draw_long(self, vantage: str) -> LongTurn:
        platforms = [slot.platform for slot in self._slots.values() if slot.vantage == vantage]
        now = self._clocks.monotonic()
        return draw_long(platforms, self._schedule, now=now, draw=self._draw)

    def _place(self, key: str, due: Due) -> None:
        self._due[key] = due
        wall = self._clocks.wall() + due.at - self._clocks.monotonic()
        self._scheduler.add_job(
            self._fire,
            DateTrigger(datetime.fromtimestamp(wall, UTC)),
            args=(key, due),
            id=key,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            replace_existing=True,
        )

    def _pace(self, slot: Slot) -> Pace:
        return self._hooks.pace(slot) or fastest(self._schedule)

    def _place_next(self, key: str, due: Due) -> None:
        slot = self._slots[key]
        following = next_due(
            slot,
            self._schedule,
            anchor=self._anchor,
            previous=due.number + self._pace(slot).every - 1,
            now=self._clocks.monotonic(),
            draw=self._draw,
        )
        self._place(key, following)

    def _still_running(self, event: JobSubmissionEvent) -> None:
        key = str(event.job_id)
        self._hooks.late(self._slots[key])
        self._place_next(key, self._due[key])

    async def _fire(self, key: str, due: Due) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
        try:
            self._place_next(key, due)
            await self._run(key, due)
        except asyncio.CancelledError:
            # APScheduler would take a round that ``stop`` cut off for a broken job, and say so.
            if task not in self._cut:
                raise
        except Exception:
            # One broken round must not end the daemon, and must not pass unseen.
            log.exception("round failed", extra={"slot": key})
        finally:
            if task is not None:
                self._running.discard(task)
                self._cut.discard(task)

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

    async def _watch_clock(self) -> None:
        offset = self._clocks.wall() - self._clocks.monotonic()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            current = self._clocks.wall() - self._clocks.monotonic()
            if abs(current - offset) >= STEP_SECONDS:
                self._hooks.stepped(current - offset)
                for key, due in self._due.items():
                    if self._scheduler.get_job(key) is not None:
                        self._place(key, due)
            offset = current
