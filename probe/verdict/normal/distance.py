"""How far away a far end is. Pure.

A round trip is what distance costs, so the kernel's least one is the path's time (``round_trip``).
"""

from __future__ import annotations

from math import log

from probe.model.identity import Phase
from probe.model.observation import LegObservation
from probe.observe.round_trip import round_trip_seconds

# 100 km of glass fibre and back. Below it a round trip says how busy the two machines are, not how
# far apart, and a busy machine's would explain any slowness.
LEAST_RTT_SECONDS = 0.001


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
