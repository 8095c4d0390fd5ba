"""Reloads of the configuration, whoever asks: one after the other, and only of a daemon that runs.

Those that come while it starts wait until it runs; those that come while it stops, and the one that
is under way then, end with words. However many are asked for by signals while one is under way, one
more follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from probe.publish.privacy import logged_fields
from probe.publish.web.endpoints import ReloadResult

log = logging.getLogger(__name__)


class Reloads:
    """Makes the reloads that are asked for, one after the other; ``take_up`` makes one."""

    def __init__(self, take_up: Callable[[], Awaitable[ReloadResult]]) -> None:
        self._take_up = take_up
        self._asked = asyncio.Event()
        self._runs = asyncio.Event()
        self._stopped = False
        self._one = asyncio.Lock()
        self._task: asyncio.Task[ReloadResult] | None = None

    @property
    def under_way(self) -> bool:
        """Whether one is being made."""
        return self._one.locked()

    def ask(self) -> None:
        """Reload as soon as that can be done; who asks does not wait."""
        self._asked.set()

    async def run(self) -> None:
        """The daemon runs: make what is asked for by signals, until cancelled."""
        self._runs.set()
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.reload()

    async def reload(self) -> ReloadResult:
        """Make one, and say how it ended."""
        await self._runs.wait()
        async with self._one:
            if not self._stopped:
                self._task = asyncio.get_running_loop().create_task(self._guarded())
                # Not the task itself: its end by ``stop`` is no end of whoever asked.
                await asyncio.wait({self._task})
                if not self._task.cancelled():
                    return self._task.result()
            return ReloadResult(ok=False, text="not reloaded: the daemon stops")

    def stop(self) -> None:
        """End the one that is under way, and make no more."""
        self._stopped = True
        self._runs.set()
        if self._task is not None:
            self._task.cancel()

    async def _guarded(self) -> ReloadResult:
        try:
            return await self._take_up()
        except OSError as error:  # this machine's: no descriptor, a disk that does not answer
            log.error("configuration not reloaded", extra={"error": error})
            return ReloadResult(ok=False, text=f"not reloaded: {logged_fields.said_of(error)}")
        except Exception:
            log.exception("configuration not reloaded")
            return ReloadResult(
                ok=False, text="not reloaded, by a fault of this program: see its log"
            )
