"""What comparing the legs of one round says. Pure arithmetic on logarithms of efforts.

The line's state is common to all legs of a round, so it cancels: a target's effort is set against
its controls' of the same round, and the difference against what that difference normally is. Where
the history is too short, an honest platform is allowed to be ``no_baseline`` times slower than its
controls, and further away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, isfinite, log, sqrt
from statistics import median

from msgspec import Struct

from probe.model.identity import Phase
from probe.model.observation import LegObservation
from probe.observe.effort import Effort, Measure, effort, failed
from probe.verdict.level import Level
from probe.verdict.normal import Normal
from probe.verdict.thresholds import Thresholds

RTT = "rtt"
# 100 km of glass fibre and back. Below it a round trip says how busy the two machines are, not how
# far apart, and a busy machine's would explain any slowness.
LEAST_RTT_SECONDS = 0.001
NOISE = "noise"


def noise_key(measure: Measure) -> str:
    """The key of the series of how much legs of one burst differ."""
    return f"{NOISE}|{measure}"


def log_rtt(leg: LegObservation) -> float | None:
    """Logarithm of the SYN's round trip, or of the least that the kernel saw; of
    ``LEAST_RTT_SECONDS`` where it was shorter."""
    rtt = leg.connect_rtt_seconds or (leg.tcp.min_rtt_seconds if leg.tcp else None)
    return log(max(rtt, LEAST_RTT_SECONDS)) if rtt and rtt > 0.0 else None


def log_distance(leg: LegObservation) -> float | None:
    """``log_rtt``, or the logarithm of the time until a proxy's tunnel stood, of which the round
    trip behind the proxy is a part."""
    if (rtt := log_rtt(leg)) is not None or leg.tcp is not None:
        return rtt
    if leg.failure is not None and leg.failure.phase in (Phase.RESOLVE, Phase.CONNECT):
        return None
    seconds = leg.phases.get(Phase.CONNECT, 0.0)
    return log(max(seconds, LEAST_RTT_SECONDS)) if seconds > 0.0 else None


def log_effort(leg: LegObservation, measure: Measure) -> float | None:
    """Logarithm of the effort: infinite for a failure; ``None``: there is nothing to compare."""
    found = effort(leg, measure)
    return None if found is None else _log(found)


def _log(found: Effort) -> float:
    return log(found.value) if isfinite(found.value) and found.value > 0.0 else inf


class Contrast(Struct, frozen=True, kw_only=True):
    """One target against its controls, and its swap, in one round.

    ``slowdown``: logarithm of how many times slower than normal it was relative to the slowest of
    its healthy controls, beyond what its round-trip time explains; infinite if it failed. ``path``:
    the logarithm that the round-trip time explains. ``usual``: whether its own history was known;
    without, what honest platforms may differ by is already taken off. ``versus_swap``: the same
    against its swap. ``way_failed``: the target was not reached.
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

    @property
    def worst(self) -> float:
        """The larger of both; minus infinity if there is neither."""
        values = [v for v in (self.slowdown, self.versus_swap) if v is not None]
        return max(values, default=-inf)


def healthy(controls: Iterable[LegObservation]) -> list[LegObservation]:
    """Controls that gave what was asked of them."""
    return [leg for leg in controls if leg.ok]


def contrast(
    target: LegObservation,
    controls: Sequence[LegObservation],
    swaps: Sequence[LegObservation],
    measure: Measure,
    *,
    normal: Normal,
    thresholds: Thresholds,
) -> Contrast | None:
    """The contrast of ``target`` in ``measure``; ``None`` if it has nothing to compare."""
    own = log_effort(target, measure)
    if own is None:
        return None
    able = [c for c in healthy(controls) if log_effort(c, measure) is not None]
    if not able and own == inf:
        able = healthy(controls)  # a failure needs no number to be compared with
    swap = next((s for s in swaps if s.leg.target == target.leg.target), None)
    expected = normal.expected(target, measure)
    lines = deviations(able, measure, normal)
    usual = expected is not None and bool(lines)
    path = path_shift(target, able, normal if usual else None)
    slowdown: float | None
    if not able:
        slowdown = None
    elif own == inf:
        slowdown = inf
    elif usual and expected is not None:
        slowdown = own - expected - max(lines) - path
    else:
        slowest = max(value for c in able if (value := log_effort(c, measure)) is not None)
        slowdown = own - slowest - log(thresholds.no_baseline) - path
    return Contrast(
        target=target.leg.target,
        measure=measure,
        address=target.address or "",
        slowdown=slowdown,
        path=path,
        usual=usual,
        versus_swap=_versus_swap(target, swap, measure, normal, thresholds),
        way_failed=failed(target) and own == inf,
        controls=len(able),
    )


def _versus_swap(
    target: LegObservation,
    swap: LegObservation | None,
    measure: Measure,
    normal: Normal,
    thresholds: Thresholds,
) -> float | None:
    if swap is None:
        return None
    own, other = log_effort(target, measure), log_effort(swap, measure)
    if own is None or other is None or other == inf:
        return None
    return own - other - swap_allowance(target, swap, measure, normal, thresholds)


def swap_allowance(
    target: LegObservation,
    swap: LegObservation,
    measure: Measure,
    normal: Normal,
    thresholds: Thresholds,
) -> float:
    """How much slower than its swap a target normally is (logarithm)."""
    mine, its = normal.expected(target, measure), normal.expected(swap, measure)
    if mine is None or its is None:
        return log(thresholds.no_swap_baseline)
    return mine - its


def deviations(controls: Iterable[LegObservation], measure: Measure, normal: Normal) -> list[float]:
    """How much slower than their own history controls were; those without one are left out."""
    found = []
    for leg in controls:
        value, expected = log_effort(leg, measure), normal.expected(leg, measure)
        if value is not None and isfinite(value) and expected is not None:
            found.append(value - expected)
    return found


def path_shift(
    target: LegObservation, controls: Iterable[LegObservation], normal: Normal | None
) -> float:
    """Logarithm of how much farther away than normal the target was, relative to its controls.

    Without a history (of the round trip, or, when ``normal`` is ``None``, of what is
    compared): how much farther away than its nearest control. Never negative. Time grows at
    most in proportion to the round trip (flights x RTT + bytes / rate, and Mathis et al., CCR 1997,
    for a rate that losses limit), so this much slowness may be the path's.
    """
    level = None if normal is None else normal.level(target, RTT)
    own = log_distance(target) if level is None else log_rtt(target)
    if own is None:
        return 0.0
    others = [(c, r) for c in controls if (r := log_distance(c)) is not None]
    if normal is not None and level is not None:
        moved = [r - its.centre for c, r in others if (its := normal.level(c, RTT)) is not None]
        if moved or not others:
            return max(0.0, own - level.centre - (median(moved) if moved else 0.0))
    return max(0.0, own - min((r for _, r in others), default=own))


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
