"""What looks often whether something has changed looks seldom: in virtual time that costs CPU."""

from __future__ import annotations

import asyncio

import uvicorn

from probe.schedule import runner

TICK_SECONDS = 10.0


async def _ticking(server: uvicorn.Server) -> None:
    """In place of uvicorn's main loop, which looks ten times a second whether it is to end: that is
    864,000 times a day."""
    while not await server.on_tick(0):
        await asyncio.sleep(TICK_SECONDS)


def look_seldom() -> None:
    """For this process: the web server, and the watch for steps of the wall clock."""
    runner.WATCH_SECONDS = TICK_SECONDS
    setattr(uvicorn.Server, "main_loop", _ticking)  # noqa: B010
