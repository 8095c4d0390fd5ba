"""What may come again and again is told once a day."""

from __future__ import annotations

from collections.abc import Hashable

DAY_SECONDS = 86_400.0
# More than a configuration has of anything: what is not bounded by it is no key.
MOST_KEYS = 10_000


class OnceADay:
    """Remembers when each thing was told last."""

    def __init__(self) -> None:
        self._told_at: dict[Hashable, float] = {}

    def due(self, what: Hashable, now: float) -> bool:
        """Whether ``what`` is to be told at ``now`` (monotonic seconds); if so, it was."""
        before = self._told_at.get(what)
        if before is not None and now - before < DAY_SECONDS:
            return False
        if len(self._told_at) >= MOST_KEYS:
            self._told_at.clear()
        self._told_at[what] = now
        return True
