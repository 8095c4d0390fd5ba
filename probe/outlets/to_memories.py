"""What the verdict remembers of each vantage, for its next round and over restarts."""

from __future__ import annotations

from probe.outlets.events import Event, RoundJudged
from probe.outlets.outlet import Outlet, Parts


class ToMemories(Outlet):
    """Replaces what is remembered."""

    def __init__(self, parts: Parts) -> None:
        self._memories = parts.memories

    def tell(self, event: Event) -> None:
        """Remember what a round taught."""
        if isinstance(event, RoundJudged):
            self._memories.put(event.observed.vantage, event.memory)

    async def close(self) -> None:
        """Write the memories of all vantages to the history."""
        self._memories.flush()
