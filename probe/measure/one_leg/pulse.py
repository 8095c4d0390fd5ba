"""What a leg under way shows of itself to whoever waits for it, and how it is ended early."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

NANOSECONDS = 1e9


class Signs(NamedTuple):
    """What a leg has met so far; times are monotonic nanoseconds. ``moved_ns``: when something last
    came or began. ``connected_ns`` and ``asked_ns``: since when it has a connection, and has sent
    its request (``None``: not yet). ``received``: bytes that have come."""

    moved_ns: int
    connected_ns: int | None = None
    asked_ns: int | None = None
    received: int = 0


class Pulse:
    """Of one leg, which begins now. Whoever carries it out says what to look at."""

    def __init__(self) -> None:
        self._began_ns = time.monotonic_ns()
        self._signs: Callable[[], Signs] = lambda: Signs(self._began_ns)
        self._deadline: asyncio.Timeout | None = None

    def follow(self, signs: Callable[[], Signs], deadline: asyncio.Timeout | None = None) -> None:
        """``signs`` says what the leg has met so far; ``deadline``, which is entered already, is
        what ends it."""
        self._signs, self._deadline = signs, deadline

    @property
    def signs(self) -> Signs:
        """What the leg has met so far."""
        return self._signs()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self.since_beginning(time.monotonic_ns())

    def silent_seconds(self) -> float:
        """For how long nothing has moved."""
        return (time.monotonic_ns() - self.signs.moved_ns) / NANOSECONDS

    def since_beginning(self, at_ns: int) -> float:
        """Seconds from its beginning until then."""
        return (at_ns - self._began_ns) / NANOSECONDS

    def cut(self) -> None:
        """Its deadline passes now; who cannot be told goes on until the one that it has."""
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time())
