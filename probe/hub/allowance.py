"""How much a vantage may send: samples and bytes in a time, and different series in a day."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

# What waited for days is sent at 5,000 a second by default (``forward.samples_per_second``).
SAMPLES_PER_SECOND = 10_000.0
BURST_SAMPLES = 200_000.0
MOST_SERIES = 5_000
"""A daemon has some 700; one that invents names would fill the engine's memory."""
DAY_SECONDS = 86_400.0
# Packed rounds: a probe makes some MB a day, and a month of them may have waited.
ROUND_BYTES_PER_SECOND = 67_108_864 / DAY_SECONDS
BURST_ROUND_BYTES = 33_554_432.0


class SizeAllowance:
    """So much at once and so much a second. Times are those of a clock that is not set."""

    def __init__(self, most: float, per_second: float, now: float) -> None:
        self._most, self._per_second = most, per_second
        self._left, self._at = most, now

    def wait(self, size: int, now: float) -> float:
        """Takes ``size``: seconds until it may come; 0: it may now, and is counted."""
        earned = max(0.0, now - self._at) * self._per_second
        self._left, self._at = min(self._most, self._left + earned), now
        if size > self._left:
            return (size - self._left) / self._per_second
        self._left -= size
        return 0.0


class Allowance:
    """Of one vantage. Times are those of a clock that is not set."""

    def __init__(self, now: float) -> None:
        self._samples = SizeAllowance(BURST_SAMPLES, SAMPLES_PER_SECOND, now)
        self._round_bytes = SizeAllowance(BURST_ROUND_BYTES, ROUND_BYTES_PER_SECOND, now)
        self._series: set[int] = set()
        self._day = now

    def wait(self, samples: int, now: float) -> float:
        """Takes ``samples``: seconds until they may come; 0: they may now, and are counted."""
        return self._samples.wait(samples, now)

    def wait_rounds(self, size: int, now: float) -> float:
        """The same of a parcel of ``size`` bytes."""
        return self._round_bytes.wait(size, now)

    def knows(self, series: AbstractSet[int], now: float) -> bool:
        """Whether with these it has no more different series in a day than it may."""
        if now - self._day >= DAY_SECONDS:
            self._series, self._day = set(), now
        if len(self._series | series) > MOST_SERIES:
            return False
        self._series |= series
        return True
