"""How many segments of a leg were missing when those after them came, as the kernel counted.

Who drops packets leaves gaps in what comes, whatever the pace: a read that meets a loss of a tenth
may take twice or ten times as long, by luck, but hardly one comes whole in order. So this is a
second witness beside the time that a leg took. It tells that packets are missing, and hardly how
many: all that comes behind one gap counts, until that is filled (``tests/lab/test_box_actions.py``
has it from a real kernel).
"""

from __future__ import annotations

from math import inf, log

from probe.model.observation import LegObservation
from probe.observe.effort import failed, gave, refused

ONE_GAP = 0.05
"""A share of the segments that tells nobody from anybody: two or three of a read of 64 KiB."""
# A handshake is a few segments: one of them is no larger share than one of these.
LEAST_SEGMENTS = 8


def log_gaps(leg: LegObservation) -> float | None:
    """Logarithm of the share of the segments that came in which came out of order, or that we had
    to send again, and of ``ONE_GAP`` beside; infinite for a leg that failed outright; ``None``: it
    was refused, or the kernel does not count (Linux before 5.4, a proxy)."""
    if refused(leg):
        return None
    if failed(leg) and not gave(leg):
        return inf
    share = missing_share(leg)
    return None if share is None else log(ONE_GAP + share)


def missing_share(leg: LegObservation) -> float | None:
    """The share of the segments that came in which came out of order, or that we had to send again;
    ``None``: the kernel does not count."""
    tcp = leg.tcp
    if tcp is None or tcp.out_of_order is None or tcp.segments_in is None:
        return None
    missing = tcp.out_of_order + (tcp.retransmits or 0)
    return missing / max(LEAST_SEGMENTS, tcp.segments_in)


def repeated(leg: LegObservation) -> bool:
    """Whether something of the leg was sent again, as far as the kernel says: a timer, of a second
    for a SYN, may then be all that it waited for."""
    tcp = leg.tcp
    return tcp is not None and (tcp.out_of_order or 0) + (tcp.retransmits or 0) > 0
