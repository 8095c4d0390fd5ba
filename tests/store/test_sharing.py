"""When the daemon tells the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.schedule.host_budget import BURST, HostBudget
from probe.store import sharing
from probe.store.shared import Shared, SharedBudget
from probe.store.sharing import Sharing
from tests.again import SOON_SECONDS


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(sharing, "LOOK_SECONDS", 0.01)


async def until_told(path: Path, kept: int) -> Shared:
    """What another process hears once that many buckets are kept."""
    async with asyncio.timeout(SOON_SECONDS):
        while True:
            shared = SharedBudget(path, HostBudget()).exchange({})
            if len(shared.buckets) >= kept:
                return shared
            await asyncio.sleep(0.01)


async def test_a_host_that_wants_to_be_left_alone_is_told_before_its_time(tmp_path: Path) -> None:
    path, budget = tmp_path / "asked", HostBudget()
    budget.take("home", "x.test", time.monotonic())
    heard: list[Shared] = []
    told = Sharing(SharedBudget(path, budget), used=dict, heard=heard.append)
    task = asyncio.create_task(told.run())
    try:
        (first,) = (await until_told(path, 1)).buckets
        assert (first.host, first.closed_seconds) == ("x.test", 0.0)
        before = len(heard)
        await asyncio.sleep(0.2)
        assert len(heard) == before
        now = time.monotonic()
        budget.close("home", "y.test", now, now + 600.0)
        kept = {one.host: one for one in (await until_told(path, 2)).buckets}
        assert kept["y.test"].closed_seconds > 500.0
        # It is in the file a moment before the daemon's own thread goes on.
        async with asyncio.timeout(SOON_SECONDS):
            while len(heard) == before:
                await asyncio.sleep(0.01)
        assert len(heard) == before + 1
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_disk_in_trouble_is_said_once_and_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, budget = tmp_path / "asked", HostBudget()
    path.mkdir()
    told = Sharing(SharedBudget(path, budget), used=dict, heard=lambda shared: None)
    for _ in range(3):
        budget.take("home", "x.test", time.monotonic())
        await told.exchange()
    assert len(caplog.records) == 1
    path.rmdir()
    await told.exchange()
    (kept,) = (await until_told(path, 1)).buckets
    assert kept.tokens == pytest.approx(BURST - 3, abs=0.1)


async def test_it_ends_whenever_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the very turn in which an exchange has ended: else the daemon would never stop."""

    async def at_once(do: Callable[..., object], *given: object, **named: object) -> object:
        await asyncio.sleep(0)
        return do(*given, **named)

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    told = Sharing(SharedBudget(tmp_path / "asked", HostBudget()), used=dict, heard=lambda _: None)
    for turns in range(12):
        task = asyncio.create_task(told.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        ended, _ = await asyncio.wait({task}, timeout=SOON_SECONDS)
        task.cancel()
        assert ended, turns
