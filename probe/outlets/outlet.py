"""An outlet: somebody who is told what happens. What it does with that is its own affair."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from probe.config.schema import Config
from probe.outlets.events import Event
from probe.outlets.spent import Spent
from probe.publish.forward.forwarding import Forwarding
from probe.publish.latest.board import Board
from probe.publish.parcels.courier import Courier
from probe.schedule.data_budget import DataBudget
from probe.store import files
from probe.store.memories import Memories
from probe.store.writer import Store

log = logging.getLogger(__name__)


class Outlet(Protocol):
    """``tell`` is called on the event loop and returns at once: what takes time goes to a task or a
    thread of the outlet's own. ``close`` is called once, when the daemon stops."""

    def tell(self, event: Event) -> None:
        """Something happened. Events that it is not about are left."""

    async def close(self) -> None:
        """End what it has begun; nothing, if it does not say otherwise."""
        return


class Parts(Struct, frozen=True, kw_only=True):
    """What the daemon has that an outlet may hold on to."""

    config: Config
    store: Store
    data: DataBudget
    spent: Spent
    memories: Memories
    board: Board
    forwarding: Forwarding
    courier: Courier

    def own_file(self, name: str) -> Path | None:
        """Where the outlet ``name`` keeps a file of its own, beside the history: ``wipe`` erases
        it with all else. ``None``: nothing is to be kept."""
        return None if self.store.path is None else files.of_outlet(self.store.path, name)


Makes = Callable[[Parts], Outlet]
"""Makes the outlet of a daemon that has these parts."""


class Outlets:
    """All of them: told in the order given, closed in the opposite one. A fault of one is logged,
    once until it has gone, and keeps nothing from the others."""

    def __init__(self, makes: Sequence[Makes], parts: Parts) -> None:
        self._outlets = tuple(make(parts) for make in makes)
        # Those that failed last time they were told of such an event.
        self._failing: set[tuple[Outlet, type[Event]]] = set()

    def tell(self, event: Event) -> None:
        """Take in an event. Called on the event loop; returns at once."""
        for outlet in self._outlets:
            fault = (outlet, type(event))
            try:
                outlet.tell(event)
                self._failing.discard(fault)
            except Exception:
                if fault not in self._failing:
                    log.exception("an outlet failed; the others are told")
                self._failing.add(fault)

    async def close(self) -> None:
        """End what this outlet has begun. Called once, after the last event."""
        for outlet in reversed(self._outlets):
            try:
                await outlet.close()
            except Exception:
                log.exception("an outlet could not be closed")
