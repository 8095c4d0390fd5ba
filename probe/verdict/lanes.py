"""A lane for each transport and direction: the same test, over its own legs, with its own memory.
Pure.

What a leg takes over QUIC says nothing of what one takes over TCP, and what goes up nothing of what
comes down: whoever throttles may act on one of them alone, or on each at another rate. So a round
is taken apart by who made its legs, and each part is judged as if it were all that was measured:
with the targets and controls that speak this transport, and a whole memory of levels, suspicions,
proofs and controls. Nothing crosses over: not evidence, not what is normal, not what references
say, who look at what comes down over TCP.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from probe.config.probers import LEAST_OPERATORS, goes_up
from probe.model.identity import FIRST_PROBER
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.sent_body import as_carried
from probe.verdict.about import About, Lane


def over(observed: RoundObservation, prober: str) -> RoundObservation | None:
    """``observed`` as it would be if only the legs of ``prober`` had been made; ``None``: it says
    nothing over this transport, as a burst over another one does not."""
    if observed.burst is not None and observed.burst.prober != prober:
        return None
    skipped = tuple(one for one in observed.skipped if one.leg.prober == prober)
    if prober == FIRST_PROBER:
        if not observed.beside and len(skipped) == len(observed.skipped):
            return observed
        return replace(observed, beside=(), skipped=skipped)
    legs = tuple(_judged(leg for leg in observed.beside if leg.leg.prober == prober))
    if goes_up(prober):
        legs = tuple(one for leg in legs if (one := as_carried(leg)) is not None)
    if not legs and not skipped:
        return None
    return replace(observed, legs=legs, beside=(), skipped=skipped)


def _judged(legs: Iterable[LegObservation]) -> Iterable[LegObservation]:
    """Those that can be: an earlier version sent no packet without a name, so of its legs nobody
    knows whether the name was what was dropped."""
    return (
        leg for leg in legs if leg.quic is not None or leg.upload is not None or leg.address is None
    )


def known_over(about: About, lane: Lane) -> About:
    """What is known of the platform over ``lane``."""
    operators = {control.operator for control in lane.controls if control.foreign}
    return replace(
        about,
        title=f"{about.title} {lane.over}",
        direction=lane.direction,
        targets=lane.targets,
        controls=lane.controls,
        references=(),
        has_references=False,
        may_burst=about.may_burst and len(operators) >= LEAST_OPERATORS,
        prober=lane.prober,
        lanes=(),
    )
