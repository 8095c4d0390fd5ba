"""How long one round trip to the far end of a leg takes at least: what the way itself costs."""

from __future__ import annotations

from probe.model.observation import LegObservation

SYN_TIMER_SECONDS = 0.9
"""A SYN that was not answered is sent again after a second (RFC 6298, 2.1), give or take what the
kernel's clock ticks in."""


def round_trip_seconds(leg: LegObservation) -> float | None:
    """The least round trip that the kernel saw, or the SYN's if that is less; ``None``: not known.

    A SYN that was repeated has no round trip: the time until its answer is a timer's. Rounds that
    were stored before this was known may have one; then the kernel's is far less, or is missing
    while segments were sent again.
    """
    least = leg.tcp.min_rtt_seconds if leg.tcp is not None else None
    known = [seconds for seconds in (least, _of_syn(leg)) if seconds is not None and seconds > 0.0]
    return min(known, default=None)


def _of_syn(leg: LegObservation) -> float | None:
    syn, tcp = leg.connect_rtt_seconds, leg.tcp
    if syn is None or syn < SYN_TIMER_SECONDS:
        return syn
    once = tcp is not None and tcp.retransmits == 0
    return syn if once else None
