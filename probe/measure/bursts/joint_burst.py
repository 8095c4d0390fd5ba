"""Which bursts of several platforms can be made in one, and what that one is. Pure.

The legs of all platforms and one set of controls are drawn in one random order. They must be
compared by the same, read as much, and go over the same family; and there must be controls that
each of them would have been compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from probe.config.definition import Definition
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares, Family

# Controls of so many operators abroad must suit all: one operator's servers that have a good or a
# bad hour must not speak for several platforms at once.
LEAST_OPERATORS = 2

BytesRead = Callable[[PlannedBurst], int]
"""How many bytes a planned burst would really read."""


def operators_abroad(controls: Sequence[Definition]) -> dict[str, str]:
    """Who runs each control outside the country, by its ``owner/target``."""
    return {
        f"{control.name}/{target.name}": control.operator or control.name
        for control in controls
        if control.scope == "foreign"
        for target in control.targets
    }


def joined(
    planned: Sequence[PlannedBurst], reads: BytesRead, abroad: Mapping[str, str]
) -> tuple[PlannedBurst, ...]:
    """The first of ``planned``, and those after it that can be made with it. ``abroad``: the
    operators of controls outside the country (``operators_abroad``)."""
    made: tuple[PlannedBurst, ...] = ()
    for one in planned:
        if not made or _fits(made, one, reads, abroad):
            made = (*made, one)
    return made


def _fits(
    made: Sequence[PlannedBurst],
    more: PlannedBurst,
    reads: BytesRead,
    abroad: Mapping[str, str],
) -> bool:
    first = made[0]
    if any(one.platform == more.platform for one in made) or _kind(first) != _kind(more):
        return False
    if reads(first) != reads(more):
        return False
    plans = [one.burst for one in (*made, more)]
    # None is named: any will do.
    suitable = common_controls(plans) if any(plan.controls for plan in plans) else abroad
    return len({abroad[name] for name in suitable if name in abroad}) >= LEAST_OPERATORS


def _kind(planned: PlannedBurst) -> tuple[Family, Compares, int, str]:
    burst = planned.burst
    return burst.family, burst.compares, burst.each, burst.prober


def common_controls(plans: Sequence[Burst]) -> tuple[str, ...]:
    """The controls that all of ``plans`` would draw from, as the first of them that names any
    prefers them; empty: any, if none names one."""
    naming = [plan.controls for plan in plans if plan.controls]
    if not naming:
        return ()
    return tuple(name for name in naming[0] if all(name in controls for controls in naming))


def as_one(planned: Sequence[PlannedBurst]) -> tuple[PlannedBurst, ...]:
    """``planned`` as parts of one burst: the same controls, and one deadline for every leg, since
    what is compared must be cut alike."""
    if len(planned) < 2:
        return tuple(planned)
    controls = common_controls([one.burst for one in planned])
    seconds = max(one.burst.deadline_seconds for one in planned)
    joint = tuple(one.platform for one in planned)
    return tuple(
        PlannedBurst(
            one.platform,
            replace(one.burst, controls=controls, deadline_seconds=seconds, joint=joint),
        )
        for one in planned
    )
