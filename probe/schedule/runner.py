"""Starts rounds when they are due. The only place that knows APScheduler.

The plan is monotonic, and APScheduler is told each slot's next round in the monotonic clock's own
zone (monotonic.py): whatever the wall clock says, rounds come at their pace. A step of it is only
told.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from msgspec import Struct

from probe.config.schema import ScheduleConfig
from probe.model.identity import RoundKind
from probe.schedule.monotonic import MonotonicZone
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
# APScheduler drops a job beyond it, and with it the slot.
MOST_AT_ONCE = 1_000


# Rounds of a vantage overlap where one only waits (measure/line_turn.py). Of more than so many the
# names would be looked up long before they are asked.
ROUNDS_AT_ONCE = 8


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
        self._scheduler = AsyncIOScheduler(timezone=self._zone)
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
        # Before anything is waited for: a round that ends meanwhile is followed by none.
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()
            self._scheduler.shutdown(wait=False)
        if self._running:
            _, pending = await asyncio.wait(self._running.values(), timeout=grace_seconds)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    def _draw_long(self, vantage: str) -> LongTurn:
        platforms = [slot.platform for slot in self._slots.values() if slot.vantage == vantage]
        now = self._clocks.monotonic()
        return draw_long(platforms, self._schedule, now=now, draw=self._draw)

    def _place(self, key: str, due: Due) -> None:
        self._scheduler.add_job(
            self._fire,
            DateTrigger(self._zone.at(due.at)),
            args=(key, due),
            id=key,
            # A start that is due at once meets the one that placed it, which is over in a moment.
            max_instances=MOST_AT_ONCE,
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

    async def _fire(self, key: str, due: Due) -> None:
        if not self._scheduler.running:
            return  # it was under way when everything was stopped
        self._place_next(key, due)
        if key in self._running:
            self._hooks.late(self._slots[key])
        else:
            task = asyncio.get_running_loop().create_task(self._guarded(key, due))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key))

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

    async def _watch_clock(self) -> None:
        offset = self._clocks.wall() - self._clocks.monotonic()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            current = self._clocks.wall() - self._clocks.monotonic()
            if abs(current - offset) >= STEP_SECONDS:
                self._hooks.stepped(current - offset)
            offset = current
