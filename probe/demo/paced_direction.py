"""When a piece of a connection may go on: a rate and a delay, in virtual time. Pure."""

from __future__ import annotations


class PacedDirection:
    """One direction of a connection. Times are monotonic seconds.

    Pieces leave one after the other at the rate of the moment, each ``delay`` later than it came;
    what is waiting keeps its place, so nothing overtakes anything.
    """

    __slots__ = ("_free_at",)

    def __init__(self) -> None:
        self._free_at = 0.0

    def leaves_at(
        self, size_bytes: int, *, now: float, rate_bytes_per_second: float, delay_seconds: float
    ) -> float:
        """When a piece of ``size_bytes`` that came at ``now`` has gone on whole."""
        begins = max(now + delay_seconds, self._free_at)
        self._free_at = begins + size_bytes / rate_bytes_per_second
        return self._free_at
