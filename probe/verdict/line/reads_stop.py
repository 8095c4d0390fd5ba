"""Do reads of most sites abroad stop here, and the platform's with them? Then it is the line.

A box may let every connection come about and cut what comes over it after so many bytes, whoever
sends (Russia, June 2025, acted on most networks abroad). Handshakes are well then, and no read of a
control is left to set the platform's against: what is cut alike seems to be as usual, or nothing
can be compared. So the last reads of each site are counted, as silences are in ``cut.py``. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from msgspec import Struct

from probe.model.identity import FIRST_PROBER, Compares, Family, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.signature import stopped_after
from probe.verdict.about import About, ControlFacts
from probe.verdict.line.control_reads import span_seconds
from probe.verdict.line.curtains import FRESH_SECONDS
from probe.verdict.remembered.control_memory import ControlMemory, ControlRead
from probe.verdict.remembered.keys import FamilyKey, family_key, of_family
from probe.verdict.remembered.memory import PlatformMemory

READS_STOP = "reads_stop"
LEAST = 2
"""Operators whose reads stop, at least, as in ``cut.py``."""


class ReadsStop(Struct, frozen=True, kw_only=True):
    """Operators of controls abroad whose last reads ``stopped`` or were ``whole`` since the
    platform's was so last, and of controls inside the country whose reads are whole (``domestic``).
    ``bytes``: after how many of a body they stop, the middle one of the sites'."""

    stopped: int
    whole: int
    domestic: int
    bytes: int


def reads_stop(
    mine: PlatformMemory,
    controls: Mapping[FamilyKey, ControlMemory],
    observed: RoundObservation,
    about: About,
) -> ReadsStop | None:
    """Whether reads of most sites abroad stop as the platform's do; ``None``: no, or it is not
    known. ``mine`` and ``controls``: after ``observed``. In a round that reads nothing, what was
    said of the last one that did stands."""
    if not _stops(mine, observed):
        return None
    since = max((at for at, _ in mine.reads), default=0.0)
    since = max(since, observed.started_at - FRESH_SECONDS)
    last = {
        control: read
        for control in about.controls
        if (read := _last(controls, control, observed.family, since)) is not None
    }
    abroad: dict[str, list[ControlRead]] = {}
    for control, read in last.items():
        if control.foreign:
            abroad.setdefault(control.operator, []).append(read)
    whole = {name for name, reads in abroad.items() if any(r.stopped is None for r in reads)}
    stopped = abroad.keys() - whole
    # Who was not read yet may be well, above all where some are: several operators that are cut
    # with the platform are no line.
    others = _readable(controls, observed.family, about) - stopped
    if len(stopped) < LEAST or len(stopped) < len(others) + bool(whole):
        return None
    shown = [read for name in stopped for read in abroad[name]]
    times = sorted(read.at for read in shown)
    if times[-1] - times[0] < span_seconds(about):
        return None  # a line that was gone for a moment stops whatever is read
    inside = {c.operator for c, read in last.items() if not c.foreign and read.stopped is None}
    return ReadsStop(
        stopped=len(stopped),
        whole=len(whole),
        domestic=len(inside),
        bytes=int(median(read.stopped or 0 for read in shown)),
    )


def _stops(mine: PlatformMemory, observed: RoundObservation) -> bool:
    """The targets answer, and every read of one stopped: in this round, or in the last that read.
    What comes whole to the platform's own server under another name is not stopped by the line."""
    targets, read = observed.by_role(LegRole.TARGET), _reading(observed, LegRole.TARGET)
    stopped = [leg for leg in read if stopped_after(leg) is not None]
    if any(leg.failure is not None and leg not in stopped for leg in targets):
        return False
    if any(leg.ok for leg in _reading(observed, LegRole.SWAP)):
        return False
    if read:
        return len(stopped) == len(read)
    return bool(targets) and mine.last_reason(observed.family) == READS_STOP


def _readable(
    controls: Mapping[FamilyKey, ControlMemory], family: Family, about: About
) -> set[str]:
    """The operators of controls abroad that have an object to be read, and have not fallen
    silent."""
    silent = {name for name, one in of_family(controls, family) if one.silent_since}
    return {
        one.operator
        for one in about.controls
        if one.foreign and one.min_bytes > 0 and one.name not in silent
    }


def _reading(observed: RoundObservation, role: LegRole) -> list[LegObservation]:
    return [
        leg
        for leg in observed.by_role(role)
        if leg.leg.compares is Compares.GOODPUT and leg.leg.prober == FIRST_PROBER
    ]


def _last(
    controls: Mapping[FamilyKey, ControlMemory], control: ControlFacts, family: Family, since: float
) -> ControlRead | None:
    """Its last read, if it was made since, and the site has not fallen silent after it."""
    known = controls.get(family_key(family, control.name))
    if known is None or not known.reads:
        return None
    read = known.reads[-1]
    return read if read.at > since and read.at >= known.silent_since else None
