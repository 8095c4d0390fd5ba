"""A clock that jumps: importing this module gives the whole process virtual time.

Both clocks of ``time`` stand still while the event loop computes and jump to the next timer when it
would wait. So a month of a daemon's timers takes as long as its computing. To be imported before
anything that keeps a reference to ``time.time`` or ``time.monotonic``, and by programs only.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Mapping
from typing import Any

REAL_MONOTONIC = time.monotonic
# A thread that has something for the loop is waited for in real time.
_LISTEN_SECONDS = 0.05


class Clock:
    """``now`` are seconds since the start; ``offset`` is what the wall clock says beyond that."""

    def __init__(self, begin: float) -> None:
        self.now = 0.0
        self.begin = begin
        self.offset = 0.0

    def monotonic(self) -> float:
        """As ``time.monotonic``."""
        return 1_000.0 + self.now

    def true(self) -> float:
        """Unix time as it is, whatever the wall clock says."""
        return self.begin + self.now

    def wall(self) -> float:
        """As ``time.time``."""
        return self.true() + self.offset


# 2026-02-01, a month after which no certificate in the tests ends.
CLOCK = Clock(1_769_904_000.0)


class _Jumping(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(_LISTEN_SECONDS if timeout is None else 0)
        if not found and timeout:
            CLOCK.now += timeout
        return list(found)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return super().get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time."""

    def __init__(self) -> None:
        super().__init__(_Jumping())

    def time(self) -> float:
        """The virtual monotonic clock."""
        return CLOCK.monotonic()


time.time = CLOCK.wall
time.monotonic = CLOCK.monotonic
