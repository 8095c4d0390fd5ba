"""How far away a far end is, and how much slowness that explains. Pure.

A round trip is what distance costs, so the kernel's least one is the path's time (``round_trip``).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, inf, log
from statistics import median

from probe.model.identity import Phase
from probe.model.observation import LegObservation
from probe.observe.round_trip import round_trip_seconds
from probe.verdict.keys import RTT
from probe.verdict.normal import Normal

# 100 km of glass fibre and back. Below it a round trip says how busy the two machines are, not how
# far apart, and a busy machine's would explain any slowness.
LEAST_RTT_SECONDS = 0.001
FARTHEST_SECONDS = 0.3
"""By how much a far end can move away at most: half the Earth and back through glass fibre is 0.2
seconds on the shortest way, and real ways are half as long again. What a round trip takes beyond
that is no distance."""


def log_rtt(leg: LegObservation) -> float | None:
    """Logarithm of the least round trip; of ``LEAST_RTT_SECONDS`` where it was shorter."""
    rtt = round_trip_seconds(leg)
    return None if rtt is None else log(max(rtt, LEAST_RTT_SECONDS))


def log_distance(leg: LegObservation) -> float | None:
    """``log_rtt``, or the logarithm of the time until a proxy's tunnel stood, of which the round
    trip behind the proxy is a part."""
    if (rtt := log_rtt(leg)) is not None or leg.tcp is not None:
        return rtt
    if leg.failure is not None and leg.failure.phase in (Phase.RESOLVE, Phase.CONNECT):
        return None
    seconds = leg.phases.get(Phase.CONNECT, 0.0)
    return log(max(seconds, LEAST_RTT_SECONDS)) if seconds > 0.0 else None


def path_shift(
    target: LegObservation, controls: Iterable[LegObservation], normal: Normal | None
) -> float:
    """Logarithm of how much farther away than normal the target was, relative to its controls.

    Without a history (of the round trip, or, when ``normal`` is ``None``, of what is
    compared): how much farther away than its nearest control. Never negative. Time grows at
    most in proportion to the round trip (flights x RTT + bytes / rate, and Mathis et al., CCR 1997,
    for a rate that losses limit), so this much slowness may be the path's; but no way becomes
    longer by more than ``FARTHEST_SECONDS``.
    """
    level = None if normal is None else normal.level(target, RTT)
    own = log_distance(target) if level is None else log_rtt(target)
    if own is None:
        return 0.0
    others = [(c, r) for c in controls if (r := log_distance(c)) is not None]
    # Through a proxy nobody knows how many round trips it was.
    farthest = FARTHEST_SECONDS if target.tcp is not None or log_rtt(target) is not None else inf
    if normal is not None and level is not None:
        moved = [r - its.centre for c, r in others if (its := normal.level(c, RTT)) is not None]
        if moved or not others:
            return _explained(own, level.centre + (median(moved) if moved else 0.0), farthest)
    return _explained(own, min((r for _, r in others), default=own), farthest)


def _explained(own: float, usual: float, farthest: float) -> float:
    """Logarithm by which a round trip of ``own`` (logarithm) is longer than the ``usual`` one, as
    far as a way that became ``farthest`` seconds longer can be the reason."""
    return max(0.0, min(own, log(exp(usual) + farthest)) - usual)
