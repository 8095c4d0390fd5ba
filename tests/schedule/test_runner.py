"""The runner on the real event loop, at intervals of a fraction of a second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from probe.config.schema import ScheduleConfig
from probe.config.values import Seconds
from probe.model.identity import RoundKind
from probe.schedule.grid_trigger import GridTrigger
from probe.schedule.monotonic import MonotonicZone
from probe.schedule.round_grid import Due, Slot
from probe.schedule.runner import Clocks, Hooks, Runner
from tests.again import SOON_SECONDS

pytestmark = pytest.mark.usefixtures("unblocked")

FAST = ScheduleConfig(light=Seconds(0.2), transfer=Seconds(0.6), jitter=0.0)


def two_slots() -> tuple[Slot, ...]:
    return tuple(
        Slot(vantage="default", platform=name, index=index, count=2)
        for index, name in enumerate(("x", "youtube"))
    )


class Recorder:
    """Notes what the runner does; a round takes ``seconds``."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.rounds: list[tuple[str, RoundKind]] = []
        self.intervals: list[float] = []
        self.late: list[str] = []
        self.steps: list[float] = []
        self.active = 0
        self.most_active = 0
        self.cancelled = 0
        self.broken = False

    async def round(self, slot: Slot, kind: RoundKind, interval_seconds: float) -> None:
        self.rounds.append((slot.platform, kind))
        self.intervals.append(interval_seconds)
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        try:
            if self.broken:
                raise RuntimeError("broken round")
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.active -= 1

    def hooks(self) -> Hooks:
        return Hooks(
            round=self.round,
            late=lambda slot: self.late.append(slot.platform),
            stepped=self.steps.append,
        )


@pytest.fixture(autouse=True)
def first_rounds_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.schedule.round_grid.FIRST_ROUNDS_SECONDS", 0.1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def test_rounds_come_again_and_again_for_every_slot() -> None:
    seen = Recorder()
    runner = Runner(two_slots(), FAST, seen.hooks())
    runner.start()
    await until(lambda: len(seen.rounds) >= 10)
    await runner.stop()
    for platform in ("x", "youtube"):
        kinds = [kind for name, kind in seen.rounds if name == platform]
        assert kinds[0] is RoundKind.TRANSFER
        assert RoundKind.LIGHT in kinds
        assert len(kinds) >= 4
    assert min(seen.intervals) == float(FAST.light)
    after = len(seen.rounds)
    await asyncio.sleep(0.5)
    assert len(seen.rounds) == after


async def test_who_should_be_looked_at_at_once_is_and_the_grid_stays() -> None:
    """Not while it runs, and not when its place on the grid is near."""
    seen, wanted, now = Recorder(), {"youtube"}, time.monotonic
    made: list[tuple[str, float]] = []

    async def round_(slot: Slot, kind: RoundKind, interval_seconds: float) -> None:
        wanted.discard(slot.platform)
        made.append((slot.platform, now()))
        await seen.round(slot, kind, interval_seconds)

    slow = ScheduleConfig(light=Seconds(60.0), transfer=Seconds(60.0), jitter=0.0)
    hooks = replace(seen.hooks(), round=round_, at_once=lambda slot: slot.platform in wanted)
    runner = Runner(two_slots(), slow, hooks)
    runner.start()
    await until(lambda: len(made) == 2)
    following = runner._triggers["default/youtube"]._next
    wanted.add("youtube")
    await until(lambda: len(made) == 3)
    assert made[2][0] == "youtube"
    await until(lambda: not runner._running)
    assert runner._triggers["default/youtube"]._next == following
    await runner.stop()


@pytest.mark.parametrize("zone", ["Foo/Bar", ":/dev/zero", "", ":::", "../../etc/passwd"])
async def test_the_systems_time_zone_does_not_matter(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    monkeypatch.setattr("tzlocal.unix._cache_tz", None)
    recorder = Recorder()
    runner = Runner(two_slots(), FAST, recorder.hooks())
    runner.start()
    await until(lambda: len(recorder.rounds) >= 2)
    await runner.stop(grace_seconds=1.0)


async def test_a_platform_that_takes_long_does_not_hold_another() -> None:
    seen = Recorder(seconds=0.5)
    runner = Runner(two_slots(), FAST, seen.hooks())
    runner.start()
    await until(lambda: len(seen.rounds) >= 5)
    await runner.stop()
    assert seen.most_active == 2


async def test_so_many_rounds_at_once_and_late_ones_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("probe.schedule.runner.ROUNDS_AT_ONCE", 1)
    seen = Recorder(seconds=0.5)
    runner = Runner(two_slots(), FAST, seen.hooks())
    runner.start()
    await until(lambda: len(seen.rounds) >= 5)
    await runner.stop()
    assert seen.most_active == 1
    assert seen.late
    # The first of each has nothing behind it; then both take their turns.
    assert seen.intervals[:2] == [float(FAST.light)] * 2
    assert seen.intervals[-1] >= 2 * seen.seconds


async def test_of_rounds_that_are_left_out_only_the_hook_hears(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """APScheduler warns of each; one line a day is enough (outlets/to_log.py)."""
    seen = Recorder(seconds=5 * float(FAST.light))
    runner = Runner(two_slots()[:1], FAST, seen.hooks())
    with caplog.at_level(logging.WARNING):
        runner.start()
        await until(lambda: len(seen.late) >= 3)
        await runner.stop()
    assert len(seen.rounds) <= 2
    assert not caplog.records


async def test_a_round_that_is_due_as_the_one_before_begins_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def at_once(*_: object, previous: int, now: float, **__: object) -> Due:
        return Due(number=previous + 1, at=now + (0.05 if previous % 2 else 0.0))

    monkeypatch.setattr("probe.schedule.runner.next_due", at_once)
    seen = Recorder()
    runner = Runner(two_slots(), FAST, seen.hooks())
    runner.start()
    await until(lambda: all([n for n, _ in seen.rounds].count(p) >= 8 for p in ("x", "youtube")))
    await runner.stop()


@pytest.mark.parametrize("vantages", [2, 10])
async def test_vantages_do_not_wait_for_each_other(vantages: int) -> None:
    seen = Recorder(seconds=0.3)
    places = tuple(
        Slot(vantage=f"v{index}", platform="x", index=index, count=vantages)
        for index in range(vantages)
    )
    runner = Runner(places, FAST, seen.hooks())
    runner.start()
    await until(lambda: seen.most_active == vantages)
    await runner.stop()


async def test_a_broken_round_does_not_end_the_schedule(caplog: pytest.LogCaptureFixture) -> None:
    seen = Recorder()
    seen.broken = True
    runner = Runner(two_slots(), FAST, seen.hooks())
    runner.start()
    await until(lambda: len(seen.rounds) >= 5)
    await runner.stop()
    assert "round failed" in caplog.text


@pytest.mark.parametrize(("seconds", "cancelled"), [(0.2, 0), (600.0, 1)])
async def test_stop_lets_a_round_finish_and_cancels_what_takes_longer(
    seconds: float, cancelled: int, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Recorder(seconds=seconds)
    runner = Runner(two_slots()[:1], FAST, seen.hooks())
    runner.start()
    await until(lambda: seen.active == 1)
    began = time.monotonic()
    await runner.stop(grace_seconds=1.0)
    assert time.monotonic() - began < 10.0
    assert seen.active == 0
    assert seen.cancelled == cancelled
    assert not [record for record in caplog.records if record.exc_info], "a stop is no failure"


@pytest.mark.parametrize("step", [-3600.0, 3600.0, 2e9, -1.7e9, 1e10, 2.5e11, 1e300])
async def test_a_step_of_the_wall_clock_does_not_move_the_rounds(
    step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    offset = [0.0]
    monkeypatch.setattr("probe.schedule.runner.WATCH_SECONDS", 0.02)
    seen = Recorder()
    runner = Runner(
        two_slots(), FAST, seen.hooks(), clocks=Clocks(wall=lambda: time.time() + offset[0])
    )
    runner.start()
    await until(lambda: len(seen.rounds) >= 2)
    offset[0] = step
    stepped_at, before = time.monotonic(), len(seen.rounds)
    await until(lambda: len(seen.rounds) >= before + 8)
    passed = time.monotonic() - stepped_at
    await runner.stop()
    assert seen.steps == [pytest.approx(step, abs=0.5)]
    # Two slots make a round each per interval.
    assert passed > 3 * float(FAST.light)


async def test_jobs_can_be_listed_and_paused() -> None:
    seen = Recorder()
    runner = Runner(two_slots(), FAST, seen.hooks())
    runner.start()
    scheduler = runner.scheduler
    await until(lambda: len(seen.rounds) >= 4)
    assert sorted(job.id for job in scheduler.get_jobs()) == ["default/x", "default/youtube"]
    scheduler.pause_job("default/x")
    assert scheduler.get_job("default/x").next_run_time is None
    await asyncio.sleep(0)  # one that was about to begin
    before = len(seen.rounds)
    await until(lambda: len(seen.rounds) >= before + 4)
    assert {platform for platform, _ in seen.rounds[before + 1 :]} == {"youtube"}
    scheduler.resume_job("default/x")
    before = len(seen.rounds)
    await until(lambda: len(seen.rounds) >= before + 6)
    assert {platform for platform, _ in seen.rounds[before:]} == {"x", "youtube"}
    assert [name for name, _ in seen.rounds[before:]].count("x") <= 4, "nothing is made up for"
    await runner.stop()
    assert not scheduler.get_jobs()


async def test_times_that_came_together_are_one_round_and_none_is_taken_for_missed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The loop stood still for five intervals. APScheduler's own reckoning is the wall clock's, by
    which every round of the monotonic zone is half a century late."""
    seen = Recorder()
    runner = Runner(two_slots()[:1], FAST, seen.hooks())
    runner.start()
    await until(lambda: len(seen.rounds) >= 2)
    before = len(seen.rounds)
    time.sleep(5 * float(FAST.light))
    await until(lambda: len(seen.rounds) > before)
    assert len(seen.rounds) - before in (1, 2)
    assert seen.late, "it is told that it was late"
    await until(lambda: len(seen.rounds) >= before + 4)
    await runner.stop()
    assert not [record for record in caplog.records if "missed" in record.getMessage()]


def test_a_trigger_draws_once_for_each_round_however_often_it_is_asked() -> None:
    asked: list[Due] = []

    def following(due: Due) -> Due:
        asked.append(due)
        return Due(number=due.number + 1, at=due.at + 10.0)

    zone = MonotonicZone(lambda: 0.0)
    trigger = GridTrigger(zone, Due(number=-1, at=5.0), following)
    now = zone.at(5.0)
    assert [trigger.get_next_fire_time(None, now) for _ in range(3)] == [zone.at(5.0)] * 3
    assert [trigger.get_next_fire_time(zone.at(5.0), now) for _ in range(3)] == [zone.at(15.0)] * 3
    assert [due.number for due in asked] == [-1]
    assert trigger.fired == Due(number=-1, at=5.0)
    assert trigger.get_next_fire_time(zone.at(15.0), now) == zone.at(25.0)
    assert trigger.fired == Due(number=0, at=15.0)
