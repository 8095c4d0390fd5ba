"""What comparing the legs of one round says. Pure arithmetic on logarithms of efforts.

The line's state is common to all legs of a round, so it cancels: a target's effort is set against
its controls' of the same round, and the difference against what that difference normally is. Where
the history is too short, an honest platform is allowed to be ``no_baseline`` times slower than its
controls, and further away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, inf, isfinite, log, log1p, sqrt

from msgspec import Struct

from probe.model.observation import LegObservation
from probe.observe.effort import Measure, came_large, only_small, turned_away
from probe.observe.gaps import repeated
from probe.verdict.normal.level import Level
from probe.verdict.normal.path import path_shift
from probe.verdict.one_round.readings import LegReading, deviations, giving
from probe.verdict.one_round.whole_time import misses_segments, whole_slowdown
from probe.verdict.thresholds import Thresholds


class Contrast(Struct, frozen=True, kw_only=True):
    """One target against its controls, and its swap, in one round.

    ``slowdown``: logarithm of how many times slower than normal it was relative to the slowest of
    its healthy controls, or to its own history if these are all faster than usual, beyond what its
    round-trip time explains; infinite if it failed. ``path``:
    the logarithm that the round-trip time explains. ``usual``: whether its own history was known;
    without, what honest platforms may differ by is already taken off. ``versus_swap``: the same
    against its swap. ``way_failed``: the target was not reached. ``as_usual``: it is no slower than
    its own history by the margin. ``by_timer``: it answered, and a handshake in which something was
    sent again may have waited for no more than a timer. ``whole``: as ``slowdown``, of the whole
    leg, if more of its segments were missing than calm legs miss (``whole_time.py``).
    """

    target: str
    measure: Measure
    address: str
    slowdown: float | None
    path: float
    usual: bool
    versus_swap: float | None
    way_failed: bool
    controls: int
    as_usual: bool = False
    by_timer: bool = False
    whole: float | None = None

    @property
    def worst(self) -> float:
        """The largest of all; minus infinity if there is none."""
        return max(self.of_measure, -inf if self.whole is None else self.whole)

    @property
    def of_measure(self) -> float:
        """The larger of both comparisons in its measure; minus infinity if there is neither.

        A swap that is faster than usual does not make its target slow: where the target's own
        history is known and it keeps to it, its swap says nothing.
        """
        values = [v for v in (self.slowdown, self.versus_swap) if v is not None]
        if self.as_usual:
            return self.slowdown or 0.0
        return max(values, default=-inf)


def contrast(
    target: LegReading,
    controls: Sequence[LegReading],
    swaps: Sequence[LegReading],
    measure: Measure,
    thresholds: Thresholds,
) -> Contrast | None:
    """The contrast of ``target`` in ``measure``; ``None`` if it has nothing to compare."""
    own = target.log(measure)
    if own is None:
        return None
    able = [c for c in giving(controls) if c.log(measure) is not None]
    if not able and own == inf:
        able = giving(controls)  # a failure needs no number to be compared with
    swap = next((s for s in swaps if s.leg.target == target.leg.target), None)
    expected = target.expected(measure)
    lines = deviations(able, measure)
    usual = expected is not None and bool(lines)
    path = path_shift(target, able, usual=usual)
    slowdown: float | None
    if not able:
        slowdown = None
    elif own == inf:
        slowdown = inf
    elif usual and expected is not None:
        line = explained(max(lines), least_added(able, measure), expected)
        slowdown = own - expected - line - path
    else:
        slowest = max(value for c in able if (value := c.log(measure)) is not None)
        slowdown = own - slowest - log(thresholds.no_baseline) - path
    return Contrast(
        target=target.leg.target,
        measure=measure,
        address=target.seen.address or "",
        slowdown=slowdown,
        path=path,
        usual=usual,
        versus_swap=_versus_swap(target, swap, measure, thresholds),
        way_failed=target.failed and own == inf,
        controls=len(able),
        as_usual=usual and slowdown is not None and slowdown <= thresholds.log_margin,
        by_timer=measure is Measure.HANDSHAKE and own < inf and repeated(target.seen),
        whole=whole_slowdown([target], able, measure, path)
        if usual and misses_segments(target, measure)
        else None,
    )


def no_faster(deviation: float) -> float:
    """What a control's deviation from its own history explains (logarithm). One that is faster than
    it normally is makes nobody slow: what is slow is so beside its own history, too. A line that
    is freed of a cap, say, lets near controls gain more than what is far away."""
    return max(0.0, deviation)


def least_added(controls: Iterable[LegReading], measure: Measure) -> float:
    """What every one of ``controls`` took longer than it normally does, at least (in the unit of
    the measure's effort: seconds for a handshake, or for a byte); 0 if one of them is as usual, or
    failed, or if that is not known of any."""
    added = []
    for leg in controls:
        value, expected = leg.log(measure), leg.expected(measure)
        if value is not None and expected is not None:
            added.append(exp(value) - exp(expected) if isfinite(value) else 0.0)
    return max(0.0, min(added, default=0.0))


def explained(deviation: float, added: float, expected: float) -> float:
    """What the line explains of a target that normally takes ``expected`` (logarithms): so many
    times as long as a control is slower than its own history, or the time that was ``added`` to
    every one of them, whichever is more. A line that is held to a rate, or has a queue, adds about
    the same time to each leg: to one that is near, and was done in no time, it is many times what
    it took, and to one that is far a small part."""
    return max(no_faster(deviation), log1p(added / exp(expected)))


def _versus_swap(
    target: LegReading, swap: LegReading | None, measure: Measure, thresholds: Thresholds
) -> float | None:
    if swap is None or not says_something(target.seen, [swap.seen]):
        return None
    own, other = target.log(measure), swap.log(measure)
    if own is None or other is None or other == inf:
        return None
    allowance = swap_allowance(target, measure, thresholds)
    return own - other - allowance - path_shift(target, [swap], usual=False)


def says_something(target: LegObservation, swaps: Iterable[LegObservation]) -> bool:
    """Whether ``swaps`` tell what is the matter with ``target``: not if the server itself turned it
    away, be the swap's answer whole or not. A server that is set up wrongly for one name, with the
    certificate of another, say, is well under every other. Nor if no large packet of the target's
    arrives, and none came to a swap either: an alert is small, and passes where a certificate does
    not."""
    if turned_away(target):
        return False
    return not only_small(target) or any(map(came_large, swaps))


def swap_allowance(target: LegReading, measure: Measure, thresholds: Thresholds) -> float:
    """How much slower than its swap a target normally is (logarithm)."""
    level = target.efforts[measure].beyond_swap
    return log(thresholds.no_swap_baseline) if level is None else level.expected(target.at)


def between_rounds(level: Level, noise: Level | None) -> float:
    """Spread of a target's level from round to round that its legs' own noise does not explain.

    The legs of one burst share whatever the platform's edge does in that minute, so the shuffle
    does not bound it; it has to be allowed for. A round compares one target leg with one control
    leg, which is twice a leg's variance. While the noise is not known, half of the spread is
    allowed for.
    """
    if noise is None or not noise.known:
        return level.spread / 2.0
    return sqrt(max(0.0, level.spread**2 - 2.0 * noise.centre**2))
