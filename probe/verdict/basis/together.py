"""Whether platforms of other operators are hit at the same time, from what is remembered.

Servers of one operator that are slow or down for their own reasons do not make another operator's
so. But two operators do have bad hours that overlap, now and then: so both must bear the whole
evidence, must have begun in the same minutes, and must be hit in the same way, as one cause would
have it. What is slow must bear a mark of the way, or be slow at three operators. And sites of other
operators must be well, or it is the line.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from probe.model.basis import Basis
from probe.model.identity import Family
from probe.model.verdict import Method, SlowPhase, State
from probe.observe.effort import ONLY_SMALL, TIMEOUT, Measure
from probe.verdict.about import About
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import FamilyKey, family_key
from probe.verdict.remembered.memory import Memory, OpenSuspicion, Proven
from probe.verdict.suspected.open_suspicion import (
    fails,
    failure,
    may_be_its_servers,
    method,
    speaks,
)
from probe.verdict.thresholds import Thresholds

# Operators of controls abroad that must have answered since it began.
LEAST_OPERATORS = 2
# Two operators' servers are now and then slow of themselves in the same minutes. So where the way
# left no mark on what is slow, a third operator must be hit as well.
OTHERS_OVER_CLEAR_WAYS = 2


class Mechanism(Struct, frozen=True):
    """How a platform is hit: at which ``layer`` it fails, ended by somebody or met with silence; or
    in which measures it is ``slow``."""

    layer: Method | None = None
    ended: bool | None = None
    slow: frozenset[Measure] = frozenset()

    def like(self, other: Mechanism) -> bool:
        """Whether one cause may be behind both."""
        if self.layer is not None and self.ended is not None:
            return (self.layer, self.ended) == (other.layer, other.ended)
        return bool(self.slow & other.slow)


def mechanism(holder: Proven | OpenSuspicion) -> Mechanism:
    """How what ``holder`` is about is hit."""
    if isinstance(holder, Proven):
        if holder.state is State.BLOCKED:
            return Mechanism(layer=holder.method, ended=_ended(holder.failure))
        both = holder.phase is SlowPhase.BOTH
    else:
        if fails(holder):
            return Mechanism(layer=method(holder), ended=_ended(failure(holder)))
        both = holder.also_handshake
    also = {Measure.HANDSHAKE} if both else set()
    return Mechanism(slow=frozenset({holder.measure, *also}))


def _ended(how: str) -> bool | None:
    """Whether somebody ended it; ``None`` if that was not kept, or is a fault of the way."""
    return how.partition("/")[2] != TIMEOUT if how and how != ONLY_SMALL else None


def together(
    memory: Memory, platform: str, mine: OpenSuspicion | Proven | None, about: About
) -> tuple[str, ...]:
    """Platforms of other operators that are hit as ``platform`` is, by what ``mine`` says of it,
    since the same minutes, while controls are well.

    Whoever is not in ``about.operators`` is nobody's neighbour: it may be the same operator.
    """
    own = about.operators.get(platform)
    if mine is None or own is None or not controls_well(memory.controls, mine, about):
        return ()
    found = {
        name: held
        for name, known in memory.platforms.items()
        if about.operators.get(name, own) != own
        and (held := known.proven or known.suspected) is not None
        and _bears(held, mine, about.thresholds)
    }
    marked = not _way_clear(mine) and not all(map(_way_clear, found.values()))
    if not marked and len({about.operators[name] for name in found}) < OTHERS_OVER_CLEAR_WAYS:
        return ()
    return tuple(sorted(found))


def _way_clear(holder: OpenSuspicion | Proven) -> bool:
    """The way did nothing to it that it did not do to controls."""
    if isinstance(holder, OpenSuspicion):
        return may_be_its_servers(holder)
    return holder.way_clear


def _bears(
    holder: OpenSuspicion | Proven, mine: OpenSuspicion | Proven, thresholds: Thresholds
) -> bool:
    if abs(holder.onset_at - mine.onset_at) > thresholds.together_seconds:
        return False
    if isinstance(holder, Proven):
        if holder.basis is Basis.DNS:  # a resolver that leads astray says nothing of servers
            return False
    elif not speaks(holder, holder.control, thresholds) or holder.rounds < thresholds.rounds:
        return False
    return mechanism(holder).like(mechanism(mine))


def controls_well(
    controls: Mapping[FamilyKey, ControlMemory], mine: OpenSuspicion | Proven, about: About
) -> bool:
    """Controls of two operators abroad have answered since it began and are not silent, and not all
    that are inside the country (if any is known) are silent."""
    foreign = {
        control.operator
        for control in about.controls
        if control.foreign
        and (one := _known(controls, mine.family, control.name)) is not None
        and not one.silent_since
        and one.answered_at >= mine.onset_at
    }
    domestic = [
        one
        for control in about.controls
        if not control.foreign and (one := _known(controls, mine.family, control.name)) is not None
    ]
    at_home = not domestic or any(not one.silent_since for one in domestic)
    return len(foreign) >= LEAST_OPERATORS and at_home


def _known(
    controls: Mapping[FamilyKey, ControlMemory], family: Family, name: str
) -> ControlMemory | None:
    return controls.get(family_key(family, name))
