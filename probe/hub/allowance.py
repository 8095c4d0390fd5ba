"""How much a vantage may send: samples in a time, and different series in a day."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

# What waited for days is sent at 5,000 a second by default (``forward.samples_per_second``).
SAMPLES_PER_SECOND = 10_000.0
BURST_SAMPLES = 200_000.0
MOST_SERIES = 5_000
"""A daemon has some 700; one that invents names would fill the engine's memory."""
DAY_SECONDS = 86_400.0


class Allowance:
    """Of one vantage. Times are those of a clock that is not set."""

    def __init__(self, now: float) -> None:
        self._samples, self._at = BURST_SAMPLES, now
        self._series: set[int] = set()
        self._day = now

    def wait(self, samples: int, now: float) -> float:
        """Takes ``samples``: seconds until they may come; 0: they may now, and are counted."""
        earned = max(0.0, now - self._at) * SAMPLES_PER_SECOND
        self._samples, self._at = min(BURST_SAMPLES, self._samples + earned), now
        if samples > self._samples:
            return (samples - self._samples) / SAMPLES_PER_SECOND
        self._samples -= samples
        return 0.0

    def knows(self, series: AbstractSet[int], now: float) -> bool:
        """Whether with these it has no more different series in a day than it may."""
        if now - self._day >= DAY_SECONDS:
            self._series, self._day = set(), now
        if len(self._series | series) > MOST_SERIES:
            return False
        self._series |= series
        return True
