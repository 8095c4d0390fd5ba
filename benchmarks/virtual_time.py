"""A clock that jumps: importing this module gives the whole process virtual time.

Both clocks of ``time`` stand still while the event loop computes and jump to the next timer when it
would wait. So a month of a daemon's timers takes as long as its computing. What the loop has given
to a thread is waited for in real time, and takes no virtual time; a thread that waits for a time
itself does so with a ``VirtualCondition``. To be imported before anything that keeps a reference to
``time.time`` or ``time.monotonic``, and by programs only.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

REAL_MONOTONIC = time.monotonic
# A thread that has something for the loop is waited for in real time.
_LISTEN_SECONDS = 0.05
_WORK_SECONDS = 0.002


class Clock:
    """``now`` are seconds since the start; ``offset`` is what the wall clock says beyond that."""

    def __init__(self, begin: float) -> None:
        self.now = 0.0
        self.begin = begin
        self.offset = 0.0

    def monotonic(self) -> float:
        """As ``time.monotonic``."""
        return 1_000.0 + self.now

    def monotonic_ns(self) -> int:
        """As ``time.monotonic_ns``."""
        return round(self.monotonic() * 1e9)

    def true(self) -> float:
        """Unix time as it is, whatever the wall clock says."""
        return self.begin + self.now

    def wall(self) -> float:
        """As ``time.time``."""
        return self.true() + self.offset


# 2026-02-01, a month after which no certificate in the tests ends.
CLOCK = Clock(1_769_904_000.0)


class VirtualCondition(threading.Condition):
    """On which one thread waits for a virtual time, or to be told. Time stands still while that
    thread has something to do."""

    every: list[VirtualCondition] = []

    def __init__(self) -> None:
        super().__init__()
        self.until = float("inf")
        self._thread: threading.Thread | None = None
        self._works = False
        VirtualCondition.every.append(self)

    @property
    def works(self) -> bool:
        """Whether the thread does something, or is about to."""
        return self._works and self._thread is not None and self._thread.is_alive()

    def wait(self, timeout: float | None = None) -> bool:
        self._thread = threading.current_thread()
        self.until = float("inf") if timeout is None else CLOCK.monotonic() + timeout
        self._works = False
        told = super().wait()
        self.until = float("inf")
        return told

    def notify_all(self) -> None:
        self._works = True
        super().notify_all()


class _Jumping(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.turns = 0
        self.working = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        found = super().select(0)
        if found or timeout == 0.0:
            return list(found)
        if self.working or any(one.works for one in VirtualCondition.every):
            return list(super().select(_WORK_SECONDS))
        until = min((one.until for one in VirtualCondition.every), default=float("inf"))
        jump = until - CLOCK.monotonic()
        if timeout is not None:
            jump = min(jump, timeout)
        if jump == float("inf"):
            return list(super().select(_LISTEN_SECONDS))
        CLOCK.now += max(0.0, jump)
        for one in VirtualCondition.every:
            if one.until <= CLOCK.monotonic():
                with one:
                    one.notify_all()
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return super().get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The virtual monotonic clock."""
        return CLOCK.monotonic()

    @property
    def turns(self) -> int:
        """How often it has looked for what to do."""
        return self._jumping.turns

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self._jumping.working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _: object) -> None:
        self._jumping.working -= 1


time.time = CLOCK.wall
time.monotonic = CLOCK.monotonic
time.monotonic_ns = CLOCK.monotonic_ns
