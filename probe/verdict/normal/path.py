"""How much slowness the way explains: an edge that is farther away is no slower. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, inf, log
from statistics import median

from probe.verdict.one_round.readings import LegReading

FARTHEST_SECONDS = 0.3
"""By how much a far end can move away at most: half the Earth and back through glass fibre is 0.2
seconds on the shortest way, and real ways are half as long again. What a round trip takes beyond
that is no distance."""


def path_shift(target: LegReading, controls: Iterable[LegReading], *, usual: bool) -> float:
    """Logarithm of how much farther away than normal the target was, relative to its controls.

    Without a history (of the round trip, or, unless ``usual``, of what is compared): how much
    farther away than its nearest control. Never negative. Time grows at
    most in proportion to the round trip (flights x RTT + bytes / rate, and Mathis et al., CCR 1997,
    for a rate that losses limit), so this much slowness may be the path's; but no way becomes
    longer by more than ``FARTHEST_SECONDS``.
    """
    level = target.usual_rtt if usual else None
    own = target.distance if level is None else target.rtt
    if own is None:
        return 0.0
    others = [(c, r) for c in controls if (r := c.distance) is not None]
    # Through a proxy nobody knows how many round trips it was.
    direct = target.seen.tcp is not None or target.rtt is not None
    farthest = FARTHEST_SECONDS if direct else inf
    if level is not None:
        moved = [r - its.centre for c, r in others if (its := c.usual_rtt) is not None]
        if moved or not others:
            return _explained(own, level.centre + (median(moved) if moved else 0.0), farthest)
    return _explained(own, min((r for _, r in others), default=own), farthest)


def _explained(own: float, usual: float, farthest: float) -> float:
    """Logarithm by which a round trip of ``own`` (logarithm) is longer than the ``usual`` one, as
    far as a way that became ``farthest`` seconds longer can be the reason."""
    return max(0.0, min(own, log(exp(usual) + farthest)) - usual)
