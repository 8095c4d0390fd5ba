"""When what is sent while a body comes is acknowledged, and what a kernel makes of it. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate

from synth.tcp import Delivery

LATEST_ACK = 0.2
"""So long at most a kernel puts off to acknowledge what needs no answer (Linux)."""
WEIGHT = 1.0 / 8.0
"""Of each new round trip in the smoothed one (RFC 6298, 2.3)."""


def smoothed(made: Delivery, rtt: float, updates: int, *, until: float) -> float:
    """The smoothed round trip at the end of a body, in seconds, that was ``rtt`` as it began.

    So many ``updates`` were sent, evenly over its bytes. An acknowledgement leaves with the next
    segment, or when it is put off no longer, and waits behind all that was handed to the way before
    it; after ``until`` it is not heard. ``rtt``: a round trip without a queue.
    """
    if not made.samples:
        return rtt
    whole, now = made.samples[-1][1], rtt
    counts = [count for _, count in made.samples]
    # In order, as a queue lets nothing overtake.
    arrived = list(accumulate((at for at, _ in made.samples), max))
    for number in range(1, updates):
        sent = made.samples[bisect_left(counts, number * whole / updates)][0]
        there = sent + rtt
        following = bisect_left(made.handed, there)
        late = there + LATEST_ACK
        if following < len(arrived) and made.handed[following] <= late:
            heard = max(there, arrived[following])
        else:
            before = bisect_right(made.handed, late)
            heard = max(late, arrived[before - 1] if before else 0.0)
        if heard <= until:
            now += WEIGHT * (heard - sent - now)
    return now
