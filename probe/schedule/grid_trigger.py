"""APScheduler's trigger of a slot: when its rounds are due, one after another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from apscheduler.triggers.base import BaseTrigger

from probe.schedule.monotonic import MonotonicZone
from probe.schedule.round_grid import Due


class GridTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires at ``first``, then whenever ``following`` says of the one before.

    ``following`` is asked once for each, as it draws. APScheduler asks more often.
    """

    def __init__(self, zone: MonotonicZone, first: Due, following: Callable[[Due], Due]) -> None:
        self._zone = zone
        self._following = following
        self._next = first
        self.fired = first
        """The latest whose time came. Of those that came together it is the last."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The round after that of ``previous_fire_time``. ``None``: the job is new, or was paused;
        then a round whose time passed meanwhile is due at once."""
        if previous_fire_time is not None and previous_fire_time >= self._zone.at(self._next.at):
            self.fired = self._next
            self._next = self._following(self.fired)
        return self._zone.at(self._next.at)

    def draw_near(self, now: float, *, least_seconds: float) -> bool:
        """Put a round at ``now`` before the next one, and whether that was done: not if that one is
        due within ``least_seconds`` anyway. The places on the grid stay where they are."""
        if self._next.at - now < least_seconds:
            return False
        self._next = Due(at=now, number=self._next.number - 1)
        return True

    def __str__(self) -> str:
        return "grid"
