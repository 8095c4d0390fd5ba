"""Draws that the standard library does not have in this form."""

from __future__ import annotations

import math
from random import Random


def pareto(random: Random, least: float, index: float, *, most: float = math.inf) -> float:
    """Heavy-tailed: at least ``least``, above ``x`` with probability ``(least / x) ** index``."""
    return float(min(least * random.paretovariate(index), most))


def log_uniform(random: Random, least: float, most: float) -> float:
    """As likely between 1 and 2 as between 100 and 200."""
    return math.exp(random.uniform(math.log(least), math.log(most)))


def log_normal(random: Random, sd: float) -> float:
    """A factor: its logarithm is normal with mean 0."""
    return math.exp(random.gauss(0.0, sd)) if sd else 1.0
