"""One ordinary round, compared: what it says of each target and decoy, and of the line. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from probe.model.identity import Family, LegRole, RoundKind
from probe.model.observation import RoundObservation
from probe.observe.effort import Measure
from probe.verdict.line.another_line import is_another
from probe.verdict.one_round.contrast import Contrast, contrast
from probe.verdict.one_round.readings import LegReading, Readings
from probe.verdict.remembered.memory import OpenSuspicion, Proven
from probe.verdict.thresholds import Thresholds


class Compared(Struct, frozen=True, kw_only=True):
    """One ordinary round, compared: targets, and decoys (the platform's name at a server that is
    nobody's target), each with the controls."""

    measures: tuple[Measure, ...]
    contrasts: tuple[Contrast, ...]
    decoys: tuple[Contrast, ...]
    another_line: bool

    def of(self, holder: Proven | OpenSuspicion, family: Family) -> Contrast | None:
        """What the round, over ``family``, says of what ``holder`` is about; another family is
        another matter."""
        if holder.family is not family:
            return None
        for c in self.contrasts:
            known = c.slowdown is not None
            if known and (c.target, c.measure) == (holder.target, holder.measure):
                return c
        return None


def reads(kind: RoundKind) -> Measure | None:
    """The measure of what a round of ``kind`` reads; ``None``: it reads nothing."""
    return next((m for m in _measures(kind) if m is not Measure.HANDSHAKE), None)


def _measures(kind: RoundKind) -> tuple[Measure, ...]:
    if kind is RoundKind.TRANSFER:
        return (Measure.HANDSHAKE, Measure.TRANSFER)
    if kind is RoundKind.LONG:
        return (Measure.HANDSHAKE, Measure.LONG)
    return (Measure.HANDSHAKE,)


def compare(read: Readings, thresholds: Thresholds) -> Compared:
    """What the round says of each target, decoy, and of the line."""
    measures = _measures(read.observed.kind)
    controls = read.by_role(LegRole.CONTROL)

    def contrasts(role: LegRole, swaps: Sequence[LegReading]) -> tuple[Contrast, ...]:
        found = (
            contrast(leg, controls, swaps, measure, thresholds)
            for leg in read.by_role(role)
            for measure in measures
        )
        return tuple(one for one in found if one is not None)

    return Compared(
        measures=measures,
        contrasts=contrasts(LegRole.TARGET, read.by_role(LegRole.SWAP)),
        decoys=contrasts(LegRole.DECOY, ()),
        another_line=is_another(read, thresholds),
    )


def waits_for_long(current: OpenSuspicion | Proven, observed: RoundObservation) -> bool:
    """Long reads are rare; what they have shown is followed up in rounds that read at all."""
    return current.measure is Measure.LONG and reads_over(current, observed)


def reads_over(holder: Proven | OpenSuspicion, observed: RoundObservation) -> bool:
    """Whether the round reads over the family that ``holder`` is about."""
    return observed.kind is RoundKind.TRANSFER and holder.family is observed.family
