"""Rounds for the hub, where the probe's own file has them sent."""

from __future__ import annotations

import asyncio

from probe.outlets.events import Begun, Configured, Event
from probe.outlets.outlet import Outlet, Parts


class ToHub(Outlet):
    """Sends what the history has, from the first round on."""

    def __init__(self, parts: Parts) -> None:
        self._courier = parts.courier
        self._task: asyncio.Task[None] | None = None

    def tell(self, event: Event) -> None:
        """Begin when the daemon does."""
        match event:
            case Begun():
                self._task = asyncio.create_task(self._courier.run())
            case Configured(config=config):
                self._courier.use(config)

    async def close(self) -> None:
        """Stop at once: what was not sent waits in the history."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
