"""How long a whole leg took, from its first packet to its last byte, beside what is normal. Pure.

Where packets are lost at random a leg waits for a timer or two: in its handshake, before the first
byte of the answer, or in the body. Where is chance, so that no part of it is slow for sure though
hardly a leg is as fast as it was. Nobody's evidence rests on this; it says what lost segments cost,
and which of a round's targets is worth a burst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, isfinite, log
from statistics import median

from probe.observe.effort import Measure
from probe.observe.gaps import ONE_GAP
from probe.verdict.one_round.readings import LegReading

GAP_MARGIN = 2.0
"""So many times as large must be the share of segments that came late, ``ONE_GAP`` being added to
each."""

CALM_SHARE = 2.0 / 3.0
"""Of calm legs, so many miss no more segments than what is called usual. A burst has three, each
held against controls that may miss none: if one of three exceeds it by chance, the careful bettor
(``way_marks.py``) loses half of his stake at the mean. More would hide what is dropped besides."""

# Of a share of missing segments, in its logarithm: less than one of a thousand of them.
_NOTHING = 0.01

_Log = Callable[[Measure], float | None]


def gap_allowance(target: LegReading, measure: Measure) -> float | None:
    """What a target's share of missing segments (``log_gaps``) is lowered by: what four of five of
    its calm legs do not exceed, and the margin. ``None``: that is not known."""
    level = target.efforts[measure].gaps
    mostly = None if level is None else level.mostly
    return None if mostly is None else max(0.0, mostly - log(ONE_GAP)) + log(GAP_MARGIN)


def usual_gaps(leg: LegReading, measure: Measure) -> float:
    """The share of a leg's segments that two of three calm ones do not exceed, or, while there are
    too few of them to say, half of them; 0: nothing is known."""
    level = leg.efforts[measure].gaps
    most = None if level is None else level.usually(CALM_SHARE)
    return 0.0 if most is None else max(0.0, exp(most) - ONE_GAP)


def calm_misses(legs: Sequence[LegReading], measure: Measure) -> float:
    """The share of calm legs to the far ends of ``legs`` of which any segment was missing, as one
    counts who has seen ``n`` and ``k`` such: (k + 1) / (n + 1), so 1 if nothing is known."""
    known = {f"{leg.leg.owner}/{leg.leg.target}": leg.efforts[measure].gaps for leg in legs}
    calm = [value for level in known.values() if level is not None for value in level.values]
    missed = sum(value > log(ONE_GAP) + _NOTHING for value in calm)
    return (missed + 1.0) / (len(calm) + 1.0)


def misses_segments(target: LegReading, measure: Measure) -> bool:
    """Whether more of its segments were missing than calm legs miss, for sure."""
    allowance = gap_allowance(target, measure)
    if allowance is None or target.gaps is None:
        return False
    return target.gaps - allowance > log(ONE_GAP)


def beyond_normal(leg: LegReading, measure: Measure) -> float | None:
    """Logarithm of how many times as long as normal the leg took for all that it read; ``None``: it
    read nothing, failed, or that is not known."""
    read = leg.seen.body_bytes
    own, usual = _seconds(leg.log, measure, read), _seconds(leg.expected, measure, read)
    return None if own is None or usual is None else log(own / usual)


def whole_slowdown(
    targets: Sequence[LegReading], controls: Sequence[LegReading], measure: Measure, path: float
) -> float | None:
    """The same of the middle one of ``targets``, beyond what the line (the middle one of
    ``controls``, if it is slower than normal) and the ``path`` explain; ``None``: that is not known
    of every one of them."""
    own = [beyond_normal(leg, measure) for leg in targets]
    line = [beyond_normal(leg, measure) for leg in controls]
    known = [value for value in own if value is not None]
    theirs = [max(0.0, value) for value in line if value is not None]
    if not known or not theirs or len(known) < len(own) or len(theirs) < len(line):
        return None
    return median(known) - median(theirs) - path


def _seconds(of: _Log, measure: Measure, read: int | None) -> float | None:
    if measure is Measure.HANDSHAKE or not read:
        return None
    handshake, byte = of(Measure.HANDSHAKE), of(measure)
    if handshake is None or byte is None or not (isfinite(handshake) and isfinite(byte)):
        return None
    return exp(handshake) + read * exp(byte)
