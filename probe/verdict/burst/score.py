"""What one burst says: pairs won against the controls and the swap, and what the legs looked like.

Before anything is compared, the target is given every doubt: the margin, the unfavourable end of
what it normally takes, and what its round-trip time explains. So "the target was slower" means that
it was slowed by more than the margin beyond all of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, isfinite, isnan, log
from statistics import median, pstdev

from msgspec import Struct

from probe.model.identity import Answer, Fame, LegRole
from probe.model.observation import RoundObservation
from probe.model.verdict import Signature
from probe.observe.effort import Measure, hard, how_it_failed
from probe.observe.signature import signature
from probe.verdict.basis.way_marks import MarksSeen, Usual, marks_seen
from probe.verdict.burst.bets import EACH, wins
from probe.verdict.normal.level import Levels
from probe.verdict.normal.path import path_shift
from probe.verdict.one_round.contrast import (
    between_rounds,
    explained,
    least_added,
    no_faster,
    says_something,
    swap_allowance,
)
from probe.verdict.one_round.readings import LegReading, read
from probe.verdict.one_round.whole_time import (
    calm_misses,
    gap_allowance,
    usual_gaps,
    whole_slowdown,
)
from probe.verdict.thresholds import Thresholds

ERRORS = 2.0
"""Standard errors of its own level that a target is given as doubt (one-sided, about 98 %)."""

# Three values spread less than what they come from: sqrt(3/2) / c4(3), for a normal.
SMALL_SAMPLE = 1.382
LATE_SHARE = 0.8
"""Of calm legs, so many were no later than what is called usual of a way. Ours."""


class Score(Struct, frozen=True, kw_only=True):
    """What one burst says.

    ``wins``: of nine pairs with the controls, how many the target lost for sure. ``swap_wins``: the
    same with its swap (``None``: no swap took part). ``recovered``: pairs in which the target was
    for sure not slowed any more (``_recovered``). ``slowdown``: logarithm of how many times slower
    than normal the target was, relative to the controls and beyond what its path explains
    (``None``: it failed, or the controls did).
    ``line``: logarithm of how much slower than their history the controls were. ``swap_slow``:
    whether the swap was slower than the controls by the margin, and ``first_swap_slow`` whether
    those of its legs were that came before any of the target's (``None``: there are none).
    ``complete``: every leg was made.
    ``handshake``: as ``slowdown``, of the handshakes (``None``: what is normal is not known).
    ``noise``: how much the legs of one group differed. ``any_answer``: the swap took any answer;
    ``fame``: of its name.
    ``gap_wins`` and ``swap_gap_wins``: as ``wins`` and ``swap_wins``, by what was missing
    (``None``: that cannot be compared).
    ``whole``: as ``slowdown``, of whole legs, from the first packet to the last byte (``None``: it
    is no burst of reads, or what is normal is not known).
    ``marks``: what the way left on the target (``None``: the kernel does not say).
    """

    wins: int
    swap_wins: int | None
    recovered: int
    slowdown: float | None
    line: float | None
    swap_slow: bool | None
    first_swap_slow: bool | None
    complete: bool
    usual: bool
    noise: float | None
    signature: Signature
    failures: tuple[str, ...]
    slow_legs: int
    handshake: float | None
    path: float
    any_answer: bool = False
    fame: Fame = Fame.UNKNOWN
    gap_wins: int | None = None
    swap_gap_wins: int | None = None
    marks: MarksSeen | None = None
    whole: float | None = None

    def costs(self, log_margin: float) -> bool:
        """Whether the target was slower than normal by the margin, in its measure or as a whole."""
        return max(self.slowdown or 0.0, self.whole or 0.0) > log_margin


def score(
    observed: RoundObservation,
    measure: Measure,
    *,
    levels: Levels,
    thresholds: Thresholds,
    slowed: float = 0.0,
) -> Score:
    """Score the burst ``observed`` in ``measure``. ``slowed``: logarithm of how many times slower
    than normal the target was when that was proven (infinite: it was blocked)."""
    burst = read(observed, levels)
    targets = burst.by_role(LegRole.TARGET)
    controls = burst.by_role(LegRole.CONTROL)
    swaps = burst.by_role(LegRole.SWAP)
    complete = len(targets) >= EACH and len(controls) >= EACH
    own = _efforts(targets, measure)
    theirs = _relative(controls, measure)
    level = targets[0].level(measure) if targets else None
    usual = theirs is not None and level is not None
    path = _path(targets, controls, usual=usual)
    if level is not None and theirs is not None:
        expected, doubt = level.expected(burst.at), level.doubt(ERRORS)
        edge = between_rounds(level, burst.noise.get(measure))
        raw, line = theirs, [no_faster(value) for value in theirs]
        slower = _explain(controls, theirs, measure, expected)
    else:
        expected, doubt, edge = log(thresholds.no_baseline), 0.0, 0.0
        raw = line = slower = _efforts(controls, measure)
    margin = thresholds.log_margin
    strict = [y - expected - doubt - edge - path - margin for y in own]
    slowdown = _difference(own, slower, expected + path) if own and line else None
    # What controls differed by is learnt once, however many platforms they were compared with.
    differed = [_finite(own)] if observed.shares_controls else [_finite(own), _finite(raw)]
    noise = [SMALL_SAMPLE * pstdev(group) for group in differed if len(group) == EACH]
    return Score(
        wins=wins(strict, slower) if complete else 0,
        swap_wins=_swap_wins(targets, swaps, measure, thresholds),
        recovered=_recovered(own, line, expected, slowdown, slowed, doubt, margin)
        if complete
        else 0,
        slowdown=slowdown,
        line=median(_finite(raw)) if usual and _finite(raw) else None,
        swap_slow=_swap_slow(swaps, controls, measure, thresholds),
        first_swap_slow=_swap_slow(_before(targets, swaps), controls, measure, thresholds),
        complete=complete,
        usual=usual,
        noise=median(noise) if noise else None,
        signature=signature([leg.seen for leg in targets], measure),
        failures=tuple(how for leg in targets if (how := how_it_failed(leg.seen))),
        slow_legs=sum(hard(leg.seen) is None for leg in targets),
        handshake=_handshake(targets, controls),
        path=path,
        any_answer=bool(swaps) and swaps[0].leg.answer is Answer.ANY,
        fame=swaps[0].leg.fame if swaps else Fame.UNKNOWN,
        gap_wins=_gap_wins(targets, controls, measure) if complete else None,
        swap_gap_wins=_gap_wins(_telling(targets, swaps), swaps, measure),
        marks=marks_seen(
            [leg.seen for leg in targets],
            [leg.seen for leg in controls],
            measure,
            usual=_usual(targets, controls, measure),
        ),
        whole=whole_slowdown(targets, controls, measure, path),
    )


def _usual(
    targets: Sequence[LegReading], controls: Sequence[LegReading], measure: Measure
) -> Usual:
    """What the way does to the target in calm times. What is missing of the (middle one of the)
    controls' segments as well is the line's doing, and is compared leg by leg."""
    if not targets:
        return Usual()
    theirs = median([usual_gaps(leg, measure) for leg in controls] or [0.0])
    late = targets[0].usually_late
    most = None if late is None else late.usually(LATE_SHARE)
    return Usual(
        lost=max(0.0, usual_gaps(targets[0], measure) - theirs),
        late=1.0 if most is None else exp(most),
        meets=calm_misses((targets[0], *controls), measure),
    )


def _telling(targets: Sequence[LegReading], swaps: Sequence[LegReading]) -> list[LegReading]:
    """Those of which a swap tells something."""
    others = [leg.seen for leg in swaps]
    return [leg for leg in targets if says_something(leg.seen, others)]


def _gap_wins(
    targets: Sequence[LegReading],
    others: Sequence[LegReading],
    measure: Measure,
) -> int | None:
    """In how many pairs more of the target's segments were missing for sure; ``None`` if that is
    not known of some leg, or not what is normal.

    The target is given the margin, and what four of five of its calm legs do not exceed; the others
    nothing at all. So a calm target loses hardly a pair, be the others as whole as they like.
    """
    if len(targets) < EACH or len(others) < EACH:
        return None
    allowance = gap_allowance(targets[0], measure)
    own, theirs = [leg.gaps for leg in targets], [leg.gaps for leg in others]
    if allowance is None or None in own or None in theirs:
        return None
    return wins(
        [value - allowance for value in own if value is not None],
        [value for value in theirs if value is not None],
    )


def _recovered(
    own: Sequence[float],
    line: Sequence[float],
    expected: float,
    slowdown: float | None,
    slowed: float,
    doubt: float,
    margin: float,
) -> int:
    """Pairs that speak against "still slowed": by the margin, at the favourable end of what is
    normal; or by half (of the logarithm) of what was proven.

    What was proven was measured from the same level, so the second needs no doubt about it: where
    the level is known badly, the first could not be told from normal for as long as one looks. It
    counts while the target looks normal within what the level may be wrong by.
    """
    if slowdown is None or slowdown > margin + doubt:
        return 0
    still = max(margin - doubt, slowed / 2.0)
    kind = [y - expected - still if isfinite(y) else inf for y in own]
    # A control that failed was slower than nothing.
    return wins(_finite(line), kind)


def _efforts(legs: Sequence[LegReading], measure: Measure) -> list[float]:
    return [value for leg in legs if (value := leg.log(measure)) is not None]


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if isfinite(value)]


def _relative(controls: Sequence[LegReading], measure: Measure) -> list[float] | None:
    """Each control relative to its own history; ``None`` unless every one has one."""
    found = []
    for leg in controls:
        value, expected = leg.log(measure), leg.expected(measure)
        if value is None or expected is None:
            return None
        found.append(value - expected)
    return found or None


def _explain(
    controls: Sequence[LegReading], theirs: Sequence[float], measure: Measure, expected: float
) -> list[float]:
    """What each of ``controls``, that took longer than normal by ``theirs`` (logarithms), explains
    of a target that normally takes ``expected``: so many times, or the seconds that were added to
    the middle one of them. The least of three is lucky: it would explain too little of what the
    line has added to all, which is many times what a near target takes."""
    added = median(least_added([leg], measure) for leg in controls)
    return [explained(value, added, expected) for value in theirs]


def _nearest(legs: Sequence[LegReading]) -> LegReading | None:
    """The leg with the least round trip: queues of our own making do not count."""
    timed = [(far, leg) for leg in legs if (far := leg.distance) is not None]
    return min(timed, key=lambda one: one[0])[1] if timed else None


def _path(
    targets: Sequence[LegReading],
    controls: Sequence[LegReading],
    *,
    usual: bool,
) -> float:
    nearest = _nearest(targets)
    endpoints = {c.endpoint for c in controls}
    others = [
        leg
        for endpoint in endpoints
        if (leg := _nearest([c for c in controls if c.endpoint == endpoint]))
    ]
    if nearest is None:
        return 0.0
    return path_shift(nearest, others, usual=usual)


def _difference(own: Sequence[float], line: Sequence[float], expected: float) -> float | None:
    mine, theirs = median(own), median(line)
    if not (isfinite(mine) and isfinite(theirs)):
        return inf if isfinite(theirs) else None
    return mine - theirs - expected


def _swap_wins(
    targets: Sequence[LegReading],
    swaps: Sequence[LegReading],
    measure: Measure,
    thresholds: Thresholds,
) -> int | None:
    if not swaps or not targets:
        return None
    allowance = _most_beyond_swap(targets[0], measure, thresholds)
    allowance += _path(targets, swaps, usual=False)
    told = _efforts(_telling(targets, swaps), measure)
    own = [y - allowance - thresholds.log_margin for y in told]
    return wins(own, _efforts(swaps, measure)) if len(swaps) >= EACH else 0


def _most_beyond_swap(target: LegReading, measure: Measure, thresholds: Thresholds) -> float:
    """The most by which a target is normally slower than its swap (logarithm): with the doubt of
    that, but no more than is allowed while it is unknown, as long as it agrees with that."""
    allowance = swap_allowance(target, measure, thresholds)
    level = target.efforts[measure].beyond_swap
    doubt = 0.0 if level is None else level.doubt(ERRORS)
    unknown = log(thresholds.no_swap_baseline)
    return allowance + doubt if allowance > unknown else min(allowance + doubt, unknown)


def _before(targets: Sequence[LegReading], swaps: Sequence[LegReading]) -> list[LegReading]:
    """The swap's legs before any of the target's."""
    first = min((leg.seen.order for leg in targets), default=0)
    return [leg for leg in swaps if leg.seen.order < first]


def _swap_slow(
    swaps: Sequence[LegReading],
    controls: Sequence[LegReading],
    measure: Measure,
    thresholds: Thresholds,
) -> bool | None:
    own = _efforts(swaps, measure)
    if not own:
        return None
    expected, theirs = swaps[0].expected(measure), _relative(controls, measure)
    path = _path(swaps, controls, usual=expected is not None and theirs is not None)
    if expected is None or theirs is None:
        expected, line = log(thresholds.no_baseline), _efforts(controls, measure)
    else:
        line = _explain(controls, theirs, measure, expected)
    return bool(line) and median(own) - median(line) - expected - path > thresholds.log_margin


def _handshake(targets: Sequence[LegReading], controls: Sequence[LegReading]) -> float | None:
    measure = Measure.HANDSHAKE
    own, theirs = _efforts(targets, measure), _relative(controls, measure)
    expected = targets[0].expected(measure) if targets else None
    if not own or not theirs or expected is None:
        return None
    line = explained(median(theirs), least_added(controls, measure), expected)
    slow = median(own) - line - expected - _path(targets, controls, usual=True)
    return None if isnan(slow) else slow
