"""Quantiles of many numbers in little memory.

Positive numbers are counted in buckets that grow by 2 % each, so a quantile is right within 1 % of
its value whatever the shape, and a year's bin holds a few dozen buckets and no number.
"""

from __future__ import annotations

from math import exp, log

_WIDTH = log(1.02)


class Sketch:
    """Counts of positive numbers by the 2 % bucket that they fall into."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, value: float) -> None:
        """Count one number; what is not above 0 is left out."""
        if value > 0.0:
            bucket = round(log(value) / _WIDTH)
            self._counts[bucket] = self._counts.get(bucket, 0) + 1

    def merge(self, other: Sketch) -> None:
        """Count all of ``other``'s too."""
        for bucket, count in other._counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count

    @property
    def count(self) -> int:
        """How many numbers were counted."""
        return sum(self._counts.values())

    def quantile(self, q: float) -> float | None:
        """The number below which a share ``q`` lies (nearest rank); ``None`` of none."""
        total = self.count
        if total == 0:
            return None
        rank = q * (total - 1)
        passed = 0
        for bucket in sorted(self._counts):
            passed += self._counts[bucket]
            if passed > rank:
                return exp(bucket * _WIDTH)
        raise AssertionError("a rank lies below the total")

    @property
    def median(self) -> float | None:
        """The middle number; ``None`` of none."""
        return self.quantile(0.5)
