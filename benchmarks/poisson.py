"""How often rare things happen: rates from counts, with exact intervals (Garwood 1936)."""

from __future__ import annotations

from math import exp, lgamma, log


def interval(count: int, *, level: float = 0.95) -> tuple[float, float]:
    """The exact interval for the mean of a Poisson variable of which ``count`` was seen."""
    tail = (1.0 - level) / 2.0
    low = 0.0 if count == 0 else _solve(lambda mean: 1.0 - _at_most(count - 1, mean), tail)
    high = _solve(lambda mean: 1.0 - _at_most(count, mean), 1.0 - tail)
    return low, high


def _at_most(count: int, mean: float) -> float:
    """P(X <= count) of a Poisson variable."""
    if mean <= 0.0:
        return 1.0
    return sum(exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(count + 1))


def _solve(rising: object, wanted: float) -> float:
    assert callable(rising)
    low, high = 0.0, 1.0
    while rising(high) < wanted:
        high *= 2.0
    for _ in range(80):
        middle = (low + high) / 2.0
        if rising(middle) < wanted:
            low = middle
        else:
            high = middle
    return high
