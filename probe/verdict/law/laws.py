"""What experiments have shown of what is proven: kept, said, and asked for. Pure.

An experiment changes no state and no evidence: what is said after it is what was said before, with
the law as it is known now.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from msgspec import Struct
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import Compares
from probe.model.law import Experiment, TriedRead
from probe.model.observation import RoundObservation
from probe.model.verdict import State, Verdict
from probe.observe.effort import Measure
from probe.observe.tried_read import tried
from probe.verdict.law.known_laws import likeness
from probe.verdict.law.law_found import law_of
from probe.verdict.law.law_memory import LawMemory
from probe.verdict.law.next_experiment import DAY_SECONDS, next_experiment
from probe.verdict.remembered.memory import Memory, Proven

FIRST_BYTES = {Measure.TRANSFER: 131_072, Measure.LONG: 1_048_576}
"""Of the first read, by what showed that it is slow: twice as much."""


class Lawful(Struct, frozen=True):
    """A verdict with what is known of the law, what to remember, and the experiment to make now."""

    verdict: Verdict
    memory: Memory
    experiment: Burst | None = None


def after_round(
    memory: Memory, verdict: Verdict, *, over: str = "", beside: Iterable[Memory] = ()
) -> Lawful:
    """``verdict``, which a round or burst gave, with the law of what it accuses of.

    ``memory`` is that of one transport, by its prober ``over`` (empty: TCP), and ``beside`` those
    of the others, whose experiments are paid out of the same.
    """
    mine = memory.laws.get(verdict.platform)
    if not _accuses(verdict):
        if mine is not None and verdict.state is State.OK:
            memory = replace(memory, laws=_without(memory.laws, verdict.platform))
        return Lawful(verdict, memory)
    if mine is None or mine.onset != verdict.since:
        mine = LawMemory(onset=verdict.since)
    return _said(memory, replace(mine, said=verdict), verdict, over, beside)


def after_experiment(
    memory: Memory,
    observed: RoundObservation,
    *,
    over: str = "",
    beside: Iterable[Memory] = (),
) -> Lawful | None:
    """What was said before, with what ``observed`` shows of the law; ``None``: nothing was."""
    mine, planned = memory.laws.get(observed.platform), observed.burst
    if mine is None or mine.said is None or planned is None or planned.experiment is None:
        return None
    proven = memory.platform(observed.platform).proven
    below = None if proven is None else _slow_below(proven)
    reads = [
        read
        for place, leg in enumerate(observed.every_leg)
        if (
            read := tried(
                leg,
                planned.experiment,
                place=place,
                began=observed.started_at,
                slow_below=below,
            )
        )
        is not None
    ]
    made = (*mine.made, observed.started_at)
    kept = replace(mine, reads=(*mine.reads, *reads), made=made)
    again = replace(mine.said, at=observed.ended_at, holds_seconds=observed.holds_seconds)
    return _said(memory, kept, again, over, beside)


def _said(
    memory: Memory, mine: LawMemory, verdict: Verdict, over: str, beside: Iterable[Memory]
) -> Lawful:
    since = verdict.at - DAY_SECONDS
    reads = tuple(one for one in mine.reads if one.at >= since)
    mine = replace(mine, reads=reads, made=tuple(at for at in mine.made if at >= since))
    laws = {**memory.laws, verdict.platform: mine}
    memory = replace(memory, laws=laws)
    law = law_of(mine.reads)
    plan = _plan(memory, mine, verdict, over, beside)
    if law is None and not reads and plan is None:
        return Lawful(verdict, replace(memory, laws=_without(laws, verdict.platform)))
    if law is not None:
        # What was reported was seen over TCP.
        known = None if over else likeness(law)
        verdict = replace(verdict, law=replace(law, like="" if known is None else known.id))
    return Lawful(verdict, memory, plan)


def _without(laws: dict[str, LawMemory], name: str) -> dict[str, LawMemory]:
    return {other: one for other, one in laws.items() if other != name}


def _plan(
    memory: Memory, mine: LawMemory, verdict: Verdict, over: str, beside: Iterable[Memory]
) -> Burst | None:
    proven = memory.platform(verdict.platform).proven
    if proven is None or proven.measure not in FIRST_BYTES or len(mine.made) >= MOST_A_DAY:
        return None
    asked = next_experiment(
        mine.reads,
        first_bytes=FIRST_BYTES[proven.measure],
        spent_bytes=spent_bytes((memory, *beside), verdict.at),
        over=over,
    )
    return None if asked is None else planned(proven, asked, over)


MOST_A_DAY = 16
"""Experiments on one platform, whatever they show: a host that answers none is not asked on."""


def planned(proven: Proven, asked: Experiment, over: str = "") -> Burst:
    """``asked`` of what is ``proven``, by the prober ``over`` (empty: TCP)."""
    return Burst(
        target=proven.target,
        compares=Compares.GOODPUT,
        read_bytes=asked.read_bytes,
        family=proven.family,
        each=asked.reads,
        deadline_seconds=asked.deadline_seconds,
        over=over,
        experiment=asked,
    )


def spent_bytes(memories: Iterable[Memory], at: float) -> int:
    """What experiments took in the day before ``at``, of all platforms and transports."""
    laws = (mine for memory in memories for mine in memory.laws.values())
    reads: Iterable[TriedRead] = (one for mine in laws for one in mine.reads)
    return sum(one.cost_bytes for one in reads if one.at >= at - DAY_SECONDS)


def _accuses(verdict: Verdict) -> bool:
    return verdict.state is State.THROTTLED and verdict.basis is not None and verdict.basis.accuses


def _slow_below(proven: Proven) -> float | None:
    """Bytes a second from which on a read is not slow: halfway, in logarithms, between what was
    measured of it and what is normal. ``None``: reads stopped, which no rate tells."""
    if not proven.shown or not proven.factor:
        return None
    return sqrt(proven.factor) / proven.shown[-1].own
