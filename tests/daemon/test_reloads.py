"""Reloads that meet: each other, a start, a stop, a fault."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from probe.daemon.reloads import Reloads
from probe.publish.web.endpoints import ReloadResult
from tests.again import SOON_SECONDS


class Work:
    """A reload that takes until ``go`` is set; how often it was begun."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = 0
        self.at_once = 0
        self.most_at_once = 0

    async def __call__(self) -> ReloadResult:
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        return ReloadResult(ok=True, text="done")


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_after_the_other_and_none_before_the_daemon_runs() -> None:
    work = Work()
    reloads = Reloads(work)
    asked = [asyncio.create_task(reloads.reload()) for _ in range(3)]
    reloads.ask()
    await settle()
    assert work.begun == 0
    running = asyncio.create_task(reloads.run())
    await settle()
    assert (work.begun, reloads.under_way) == (1, True)
    work.go.set()
    assert all(result.ok for result in await asyncio.gather(*asked))
    await settle()
    assert (work.begun, work.most_at_once, reloads.under_way) == (4, 1, False)
    running.cancel()


async def test_signals_while_one_is_made_are_one_more() -> None:
    work = Work()
    reloads = Reloads(work)
    running = asyncio.create_task(reloads.run())
    reloads.ask()
    await settle()
    for _ in range(50):
        reloads.ask()
    work.go.set()
    await settle()
    assert work.begun == 2
    running.cancel()


@pytest.mark.parametrize("begun", [True, False])
async def test_a_stop_ends_what_is_under_way_and_what_waits(begun: bool) -> None:
    work = Work()
    reloads = Reloads(work)
    running = asyncio.create_task(reloads.run()) if begun else None
    asked = [asyncio.create_task(reloads.reload()) for _ in range(3)]
    await settle()
    reloads.stop()
    async with asyncio.timeout(SOON_SECONDS):
        results = await asyncio.gather(*asked)
    assert [result.ok for result in results] == [False] * 3
    assert {result.text for result in results} == {"not reloaded: the daemon stops"}
    assert work.begun == begun
    if running is not None:
        running.cancel()


async def test_a_fault_of_ours_is_told_and_ends_nothing() -> None:
    async def broken() -> ReloadResult:
        raise ZeroDivisionError

    reloads = Reloads(broken)
    running = asyncio.create_task(reloads.run())
    for _ in range(2):
        assert "fault of this program" in (await reloads.reload()).text
    assert not running.done()
    running.cancel()


async def test_what_this_machine_lacks_is_no_fault_of_the_program(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def lacks() -> ReloadResult:
        raise OSError(errno.EMFILE, "of 64", "/home/anna/main.yaml")

    reloads = Reloads(lacks)
    running = asyncio.create_task(reloads.run())
    said = await reloads.reload()
    assert said == ReloadResult(
        ok=False, text=f"not reloaded: OSError: {os.strerror(errno.EMFILE)}"
    )
    assert [record.exc_info for record in caplog.records] == [None]
    running.cancel()
