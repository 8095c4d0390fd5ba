"""Controls that do not serve on this line: dead, or far slower than all others, by themselves.

What its operator's other site shows as well is no matter of one site: it stays, as evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from statistics import median

from probe.model.identity import Family, LegRole
from probe.observe.effort import Measure
from probe.verdict.about import ControlFacts
from probe.verdict.remembered.keys import Series, family_key
from probe.verdict.remembered.memory import Memory

DEAD_SECONDS = 2 * 86_400.0
"""Longer than an operator's outage lasts. Ours."""
FRESH_SECONDS = 86_400.0
SLOW = 8.0
"""Times slower than the median of all others: it makes each round that draws it wait. Ours."""
LEAST_OTHERS = 3


def unserving(
    memories: Sequence[Memory], controls: Sequence[ControlFacts], now: float
) -> tuple[str, ...]:
    """The names of controls (of their files) that serve at none of the vantages whose ``memories``
    these are. ``now``: Unix seconds."""
    bad = [
        one
        for one in controls
        if _is_dead(one, controls, memories, now) or _is_slow(one, controls, memories)
    ]
    operators = {one.operator for one in controls if one not in bad}
    alone = [one for one in bad if _sites(one.operator, controls) == 1 or one.operator in operators]
    return tuple(dict.fromkeys(_file(one) for one in alone))


def _is_dead(
    one: ControlFacts, controls: Iterable[ControlFacts], memories: Iterable[Memory], now: float
) -> bool:
    """It has been silent for days wherever it was asked, while another operator's answered."""
    asked = False
    for memory in memories:
        for family in Family:
            known = memory.controls.get(family_key(family, one.name))
            if known is None:
                continue
            asked = True
            if not known.silent_since or now - known.silent_since < DEAD_SECONDS:
                return False
    return asked and any(
        now - known.answered_at < FRESH_SECONDS
        for other in controls
        if other.operator != one.operator
        for memory in memories
        for family in Family
        if (known := memory.controls.get(family_key(family, other.name))) is not None
        and not known.silent_since
    )


def _is_slow(
    one: ControlFacts, controls: Iterable[ControlFacts], memories: Iterable[Memory]
) -> bool:
    """Wherever it is known how long a byte of it takes, that is far longer than of the others."""
    told = False
    for memory in memories:
        for family in Family:
            own = _byte(one, memory, family)
            others = [
                value
                for other in controls
                if other.operator != one.operator
                and (value := _byte(other, memory, family)) is not None
            ]
            if own is None or len(others) < LEAST_OTHERS:
                continue
            told = True
            if own - median(others) <= log(SLOW):
                return False
    return told


def _byte(one: ControlFacts, memory: Memory, family: Family) -> float | None:
    """Logarithm of how long a byte of it normally takes."""
    owner, _, target = one.name.partition("/")
    level = memory.levels.get(Series(family, LegRole.CONTROL, owner, target, Measure.TRANSFER).key)
    return level.centre if level is not None and level.known else None


def _sites(operator: str, controls: Iterable[ControlFacts]) -> int:
    return len({_file(one) for one in controls if one.operator == operator})


def _file(one: ControlFacts) -> str:
    return one.name.partition("/")[0]
