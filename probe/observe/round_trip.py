"""How long one round trip to the far end of a leg takes at least: what the way itself costs."""

from __future__ import annotations

from probe.model.observation import LegObservation

SYN_TIMER_SECONDS = 0.9
"""A SYN that was not answered is sent again after a second (RFC 6298, 2.1), give or take what the
kernel's clock ticks in."""

LATE_ACK_SECONDS = 0.01
"""A far end that is busy acknowledges our request late, by some 40 ms (Linux's least; RFC 1122
allows for 500). The kernel smooths that by an eighth for each of two samples: no mark of the way.
"""
LEAST_SECONDS = 0.001
"""Round trips below this differ by how busy the machines are."""


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


def grew_while_asking(leg: LegObservation) -> float | None:
    """How many times as long as its least a leg's round trips were up to its request, as the kernel
    smoothed those of what we sent; ``None``: not known."""
    least, tcp = round_trip_seconds(leg), leg.tcp
    if tcp is None or not tcp.rtt_seconds or not least:
        return None
    usual = max(least, LEAST_SECONDS)
    return max(1.0, (tcp.rtt_seconds - LATE_ACK_SECONDS) / usual)
