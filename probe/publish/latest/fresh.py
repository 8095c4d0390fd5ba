"""Values that are forgotten when they are not learnt again in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Fresh(Generic[K, T]):
    """Last values by key, each with the monotonic time until which it holds."""

    def __init__(self) -> None:
        self._held: dict[K, tuple[T, float]] = {}

    def put(self, key: K, value: T, *, until: float) -> None:
        """Replace what is held under ``key``."""
        self._held[key] = (value, until)

    def keep(self, wanted: Callable[[K], bool]) -> None:
        """Forget every key that is not ``wanted``."""
        self._held = {key: held for key, held in self._held.items() if wanted(key)}

    def at(self, now: float) -> dict[K, T]:
        """What still holds at ``now``. The rest is forgotten: it can only grow older."""
        self._held = {key: held for key, held in self._held.items() if held[1] >= now}
        return {key: value for key, (value, _) in self._held.items()}
