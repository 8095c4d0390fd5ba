"""Does this line lose packets of every site? Then reads take long or short by luck, and who was
slow in a round says little of who is slowed. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from probe.model.identity import FIRST_PROBER
from probe.model.observation import RoundObservation
from probe.observe.gaps import ONE_GAP
from probe.verdict.about import About
from probe.verdict.line.control_reads import span_seconds
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import FamilyKey, family_key
from probe.verdict.remembered.memory import PlatformMemory

LOSSY = "line_lossy"
LATEST = 10
MOST_OF_THEM = 9
"""So many of the latest reads abroad show it, and as long as ``STILL`` do it is still so. Where one
packet in ten is lost, of a read's 45 none is in one read of a hundred; where one in fifty is, as on
bad Wi-Fi, in four of ten. Ours."""
STILL = 7
LEAST_OPERATORS = 3
SECONDS = 6 * 3_600.0
"""What was read longer ago says nothing of the line now, as of a slow one (``slow_line.py``)."""


class LossyLine(Struct, frozen=True, kw_only=True):
    """Of the latest ``reads`` of controls abroad ``gaps`` had more segments missing than happens by
    chance (``ONE_GAP``); ``inside`` and ``inside_gaps``: of those of controls inside the country in
    that time."""

    reads: int
    gaps: int
    inside: int
    inside_gaps: int


def lossy_line(
    mine: PlatformMemory,
    controls: Mapping[FamilyKey, ControlMemory],
    observed: RoundObservation,
    about: About,
) -> LossyLine | None:
    """Whether the line loses packets of nearly all that is read of controls abroad; ``None``: no,
    or too little was read. ``controls``: after ``observed``. Told of TCP alone, whose kernel counts
    what comes."""
    if about.prober != FIRST_PROBER:
        return None
    family, at = observed.family, observed.started_at
    abroad: list[tuple[float, bool, str]] = []
    inside: list[tuple[float, bool, str]] = []
    for control in about.controls:
        known = controls.get(family_key(family, control.name))
        for read in known.reads if known is not None else ():
            if read.missing is not None and 0.0 <= at - read.at <= SECONDS:
                one = (read.at, read.missing > ONE_GAP, control.operator)
                (abroad if control.foreign else inside).append(one)
    latest = sorted(abroad)[-LATEST:]
    if len(latest) < LATEST or len({operator for *_, operator in latest}) < LEAST_OPERATORS:
        return None
    if latest[-1][0] - latest[0][0] < span_seconds(about):
        return None  # a bad moment
    gaps = sum(gap for _, gap, _ in latest)
    if gaps < (STILL if mine.last_reason(family) == LOSSY else MOST_OF_THEM):
        return None
    meanwhile = [gap for when, gap, _ in inside if when >= latest[0][0]]
    return LossyLine(
        reads=len(latest), gaps=gaps, inside=len(meanwhile), inside_gaps=sum(meanwhile)
    )
