"""One moment on both clocks, and what passed since."""

from __future__ import annotations

import time

from msgspec import Struct

# The wall clock is slewed by at most 500 ppm; what moves more during a round is a step.
STEP_SECONDS = 0.5


class ClockReading(Struct, frozen=True, kw_only=True):
    """One moment on both clocks."""

    monotonic: float
    wall: float

    @classmethod
    def now(cls) -> ClockReading:
        """This one."""
        return cls(monotonic=time.monotonic(), wall=time.time())

    def seconds_to(self, later: ClockReading) -> float:
        """What passed until ``later``."""
        return later.monotonic - self.monotonic

    def stepped_until(self, later: ClockReading) -> bool:
        """Whether the wall clock was set between the two."""
        step = (later.wall - later.monotonic) - (self.wall - self.monotonic)
        return abs(step) >= STEP_SECONDS
