"""A clock that skips idle time: importing this module gives the whole process such a clock.

While something is under way the clocks run as they do anywhere, so deadlines, retransmissions and
the kernel's stamps mean what they say. While nothing is, the event loop does not wait for its next
timer but moves the clocks there. To be imported before anything that keeps a reference to
``time.time`` or ``time.monotonic``, and by programs only.

``time.time_ns`` is left alone: it is compared with the kernel's stamps, which know of no skip.
"""

from __future__ import annotations

import asyncio
import inspect
import selectors
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

_MONOTONIC, _MONOTONIC_NS, _WALL = time.monotonic, time.monotonic_ns, time.time
NANOSECONDS = 1_000_000_000
_LISTEN_SECONDS = 0.05


class SkippingClock:
    """``skipped_ns``: what has been left out. ``wall_offset``: what the wall clock says beyond it.
    ``settle_seconds``: so long after something was under way nothing is skipped, so that what lives
    in real time (a queue in the box, a token bucket) is as it would be after a pause."""

    def __init__(self) -> None:
        self.skipped_ns = 0
        self.wall_offset = 0.0
        self.settle_seconds = 0.0
        self._under_way = 0
        self._ended = _MONOTONIC()

    def monotonic(self) -> float:
        """As ``time.monotonic``."""
        return _MONOTONIC() + self.skipped_ns / NANOSECONDS

    def monotonic_ns(self) -> int:
        """As ``time.monotonic_ns``."""
        return _MONOTONIC_NS() + self.skipped_ns

    def wall(self) -> float:
        """As ``time.time``."""
        return _WALL() + self.skipped_ns / NANOSECONDS + self.wall_offset

    def begin(self) -> None:
        """Something is under way."""
        self._under_way += 1

    def end(self) -> None:
        """It no longer is."""
        self._under_way -= 1
        self._ended = _MONOTONIC()

    def real_seconds(self) -> float:
        """For how long time must still run as it does: without end while something is under way."""
        if self._under_way:
            return float("inf")
        return max(0.0, self._ended + self.settle_seconds - _MONOTONIC())

    def skip(self, seconds: float) -> None:
        """Leave out so much."""
        self.skipped_ns += round(seconds * NANOSECONDS)


CLOCK = SkippingClock()
"""The process's own."""


class _Skipping(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        real = CLOCK.real_seconds()
        if timeout is None or timeout <= real:
            return list(super().select(timeout if real else _LISTEN_SECONDS))
        found = list(super().select(real))
        if not found and CLOCK.real_seconds() == 0.0:
            CLOCK.skip(timeout - real)
        return found


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop that waits for nothing while nothing is under way."""

    def __init__(self) -> None:
        super().__init__(_Skipping())

    def time(self) -> float:
        """The clock's."""
        return CLOCK.monotonic()

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        CLOCK.begin()
        future.add_done_callback(lambda _: CLOCK.end())
        return future


def under_way(*kinds: type) -> None:
    """While a public coroutine of one of these classes runs, something is under way."""
    for kind in kinds:
        for name, method in list(vars(kind).items()):
            if inspect.iscoroutinefunction(method) and not name.startswith("_"):
                setattr(kind, name, _counted(method))


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    async def counted(*args: Any, **named: Any) -> Any:
        CLOCK.begin()
        try:
            return await method(*args, **named)
        finally:
            CLOCK.end()

    return counted


time.monotonic = CLOCK.monotonic
time.monotonic_ns = CLOCK.monotonic_ns
time.time = CLOCK.wall
