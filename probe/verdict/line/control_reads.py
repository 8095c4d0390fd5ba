"""The last reads of a control: how long they took, whether they stopped, whether packets of them
were missing. What is known of the line, and of operators behind curtains, follows from these. Pure.
"""

from __future__ import annotations

from math import isfinite, log

from msgspec.structs import replace

from probe.model.observation import LegObservation
from probe.observe.effort import READING, read_effort
from probe.observe.gaps import missing_share
from probe.observe.signature import STOPS, stopped_after
from probe.verdict.about import About
from probe.verdict.normal.distance import log_distance
from probe.verdict.remembered.control_memory import ControlMemory, ControlRead
from probe.verdict.remembered.kept_object import ALIKE

MOST_READS = 4
LEAST_SPAN = 600.0
"""Seconds from the first of several reads to the last: those of one burst are one moment. Ours.
Where rounds come faster than by default it is shorter, in transfer intervals (``SPAN_INTERVALS``).
"""
SPAN_INTERVALS = 2.0 / 3.0


def span_seconds(about: About) -> float:
    """So far apart reads are, at least, that show something lasting."""
    return min(LEAST_SPAN, SPAN_INTERVALS * about.transfer_seconds)


def read_noted(
    known: ControlMemory, leg: LegObservation, at: float, usual_bytes: int
) -> ControlMemory:
    """What a leg to a control adds to its last reads (``at``: Unix seconds). Long ones, beyond
    ``usual_bytes``, are rare, and another matter."""
    effort, failure = read_effort(leg), leg.failure
    if effort is None or leg.leg.max_bytes > ALIKE * usual_bytes:
        return known
    if failure is not None and (failure.phase not in READING or failure.reason not in STOPS):
        return known
    stopped = stopped_after(leg)
    if not isfinite(effort):
        if stopped is None:
            return known  # it was given too little time
        effort = leg.duration_seconds
    byte, far = log(max(effort, 1e-12)), log_distance(leg)
    one = ControlRead(at, byte, stopped, far, missing_share(leg))
    return replace(known, reads=(*known.reads[-(MOST_READS - 1) :], one))
