"""Forwarding to a receiver of remote write, where one is configured."""

from __future__ import annotations

from probe import __version__
from probe.outlets.events import Begun, Event
from probe.outlets.outlet import Outlet, Parts
from probe.publish.metrics.exposition import Registry


class ToForward(Outlet):
    """Records what the metrics show, and sends it, from the first round on."""

    def __init__(self, parts: Parts) -> None:
        self._forwarding = parts.forwarding
        self._board = parts.board

    def tell(self, event: Event) -> None:
        """Begin when the daemon does."""
        if isinstance(event, Begun):
            registry = Registry(__version__)
            self._forwarding.start(lambda: registry.collector(self._board.snapshot()))

    async def close(self) -> None:
        """Stop at once: what was not sent waits in the history."""
        await self._forwarding.stop()
