"""How slow a platform is beside others, where no normal is known that it could be compared with.

Whoever starts the probe into a restriction has no history. Then there is one honest number: the
plain ratio of two measured rates, whatever may be honest of it. It is said, shown as a metric and
written as evidence alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from msgspec import Struct

from probe.model.burst import Burst
from probe.model.observation import RoundObservation
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.burst.score import Score
from probe.verdict.ladder.shown import Beside, Told, added, shown, told
from probe.verdict.normal.pace import Paces
from probe.verdict.one_round.contrast import Contrast
from probe.verdict.remembered.memory import OpenSuspicion, PlatformMemory

FAR = 1.5
"""So many times as long by its distance alone is worth telling."""


class PlainRatio(Struct, frozen=True, kw_only=True):
    """``target`` in ``measure`` beside others: ``told``, of which its distance explains ``path``
    times. Of reads that stop there is no number that a history could make another."""

    target: str
    measure: Measure
    told: Told
    path: float = 1.0


class Pair(Struct, frozen=True, kw_only=True):
    """Two measured values and how many ``times`` as long the one takes: seconds of a handshake, or
    of a byte (``own``, and the ``other``'s)."""

    target: str
    measure: Measure
    own: float
    other: float
    times: float
    versus: str


def plainly(
    mine: PlatformMemory,
    contrasts: Sequence[Contrast],
    score: Score | None,
    observed: RoundObservation,
    about: About,
) -> PlainRatio | None:
    """What is said of what is suspected, or was slow in this round; ``None``: it is compared with
    its own history, or by how much it is slow is not known. What is proven has words of its own."""
    if mine.proven is not None:
        return None
    margin = about.thresholds.margin
    if observed.burst is not None:
        return _of_burst(mine.suspected, observed.burst, score, observed, about)
    holder = mine.suspected
    if holder is not None and holder.family is observed.family:
        seen = next((c for c in contrasts if _same(c, holder)), None)
        found = holder.shown
        if seen is not None and seen.worst > about.thresholds.log_margin:
            one = shown(
                observed,
                holder.target,
                holder.measure,
                normal=seen.slowdown if seen.usual else None,
            )
            found = added(found, one, margin)
        path = 1.0 if seen is None else exp(seen.path)
        return _plain(holder.target, holder.measure, told(found, margin), path)
    worst = max(contrasts, key=lambda one: one.worst, default=None)
    if worst is None or worst.usual or worst.slowdown is None:
        return None
    if worst.slowdown + log(about.thresholds.no_baseline) <= about.thresholds.log_margin:
        return None
    one = shown(observed, worst.target, worst.measure, normal=None)
    found = added((), one, margin)
    return _plain(worst.target, worst.measure, told(found, margin), exp(worst.path))


def _of_burst(
    holder: OpenSuspicion | None,
    burst: Burst,
    score: Score | None,
    observed: RoundObservation,
    about: About,
) -> PlainRatio | None:
    margin = about.thresholds.margin
    path = 1.0 if score is None else exp(score.path)
    if holder is not None:
        return _plain(holder.target, holder.measure, told(holder.shown, margin), path)
    if score is None or score.usual:
        return None
    measure = measure_of(burst, about)
    found = added((), shown(observed, burst.target, measure, normal=None), margin)
    return _plain(burst.target, measure, told(found, margin), path)


def measure_of(burst: Burst, about: About) -> Measure:
    """In which a burst compares its target."""
    if not burst.read_bytes:
        return Measure.HANDSHAKE
    return Measure.LONG if burst.read_bytes > about.transfer_bytes else Measure.TRANSFER


def _same(seen: Contrast, holder: OpenSuspicion) -> bool:
    return (seen.target, seen.measure) == (holder.target, holder.measure)


def _plain(target: str, measure: Measure, found: Told | None, path: float) -> PlainRatio | None:
    if found is None or (found.times is None and not found.stopped):
        return None
    if found.beside is Beside.NORMAL and not found.stopped:
        return None
    of = Measure.HANDSHAKE if found.before_reads else measure
    return PlainRatio(target=target, measure=of, told=found, path=path)


def pair_of(found: Told | None, target: str, measure: Measure) -> Pair | None:
    """The two values of which ``found`` is the ratio; ``None``: it is no ratio of two."""
    if found is None or found.own is None or found.other is None or found.times is None:
        return None
    return Pair(
        target=target,
        measure=Measure.HANDSHAKE if found.before_reads else measure,
        own=found.own,
        other=found.other,
        times=found.times,
        versus=found.beside.value,
    )


def pair_of_paces(found: Paces, *, foreign: bool) -> Pair:
    """What a platform reads beside the fastest control (or the fastest abroad)."""
    other = found.foreign if foreign else found.control
    return Pair(
        target=found.target,
        measure=Measure.TRANSFER,
        own=1.0 / found.platform,
        other=1.0 / other,
        times=other / found.platform,
        versus=Beside.CONTROLS.value,
    )
