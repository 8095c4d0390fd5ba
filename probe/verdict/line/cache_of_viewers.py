"""The cache that a platform sends its viewers here to, mostly inside their provider: how it was.

What slows the way abroad does not reach it, and who slows a name may spare it, or not. So it is
told by itself, by the same comparison as all targets, of a round that measured it. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, isfinite

from probe.model.identity import LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.model.viewers_cache import ViewersCache
from probe.observe.effort import Measure, gave, how_it_failed
from probe.observe.goodput import handshake_seconds
from probe.verdict.about import About
from probe.verdict.one_round.contrast import Contrast


def cache_seen(
    contrasts: Sequence[Contrast], observed: RoundObservation, about: About
) -> ViewersCache | None:
    """How it was in ``observed``, an ordinary round that came to ``contrasts``; ``None``: it was
    not measured, or what is normal for it is not known."""
    names = {target.name for target in about.targets if target.viewers_cache}
    told = [
        (one, one.slowdown)
        for one in contrasts
        if one.target in names and one.slowdown is not None and (one.usual or one.slowdown == inf)
    ]
    if observed.clock_stepped or not told:
        return None
    # What was read says more than a handshake.
    one, slowdown = max(told, key=lambda pair: pair[0].measure is not Measure.HANDSHAKE)
    own = _leg(observed, LegRole.TARGET, one.target)
    swap = _leg(observed, LegRole.SWAP, one.target)
    return ViewersCache(
        target=one.target,
        at=observed.started_at,
        family=observed.family,
        reads=one.measure is not Measure.HANDSHAKE,
        slowed=slowdown > about.thresholds.log_margin,
        failure="" if own is None else how_it_failed(own),
        times=exp(slowdown) if isfinite(slowdown) else None,
        seconds=None if own is None else handshake_seconds(own),
        swap_seconds=handshake_seconds(swap) if swap is not None and gave(swap) else None,
    )


def _leg(observed: RoundObservation, role: LegRole, target: str) -> LegObservation | None:
    return next((leg for leg in observed.by_role(role) if leg.leg.target == target), None)
