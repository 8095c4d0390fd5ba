"""A certificate whose dates alone are wrong: is it the platform's, or this machine's clock? Pure.

A Pi without a clock of its own wakes in the past, and time may not be set where NTP is filtered. A
chain that is not valid yet means that, unless other sites' clocks say otherwise; one that has ended
was not renewed, unless the others' clocks, or their certificates too, say that ours is ahead.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from statistics import median

from msgspec import Struct

from probe.model.identity import Dates, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.effort import misdated


class Fault(StrEnum):
    """Whose dates are wrong: our clock's (``behind``, ``ahead``), or the certificate's own."""

    BEHIND = "clock_behind"
    AHEAD = "clock_ahead"
    NOT_YET_VALID = "certificate_not_yet_valid"
    EXPIRED = "certificate_expired"


class DatesFound(Struct, frozen=True, kw_only=True):
    """``at``: when the certificate begins or ended (Unix seconds). ``off_seconds``: by how much the
    other sites' clocks are ahead of ours (``None``: none of them told the time)."""

    fault: Fault
    at: float
    off_seconds: float | None = None


def dates_found(observed: RoundObservation) -> DatesFound | None:
    """What the certificates of a round's targets say of dates that are wrong; ``None``: none is,
    or only a control's."""
    targets = observed.by_role(LegRole.TARGET)
    controls = observed.by_role(LegRole.CONTROL)
    off = _off(controls)
    now = observed.started_at + (off or 0.0)
    begins = [leg.tls.dates_at for leg in _misdated(targets, Dates.NOT_YET_VALID) if leg.tls]
    if told := [at for at in begins if at is not None]:
        own = off is not None and now < max(told)
        fault = Fault.NOT_YET_VALID if own else Fault.BEHIND
        return DatesFound(fault=fault, at=max(told), off_seconds=off)
    ends = [leg.tls.dates_at for leg in _misdated(targets, Dates.EXPIRED) if leg.tls]
    if told := [at for at in ends if at is not None]:
        ahead = now < min(told) if off is not None else bool(_misdated(controls, Dates.EXPIRED))
        return DatesFound(
            fault=Fault.AHEAD if ahead else Fault.EXPIRED, at=min(told), off_seconds=off
        )
    return None


def _misdated(legs: Iterable[LegObservation], kind: Dates) -> list[LegObservation]:
    return [leg for leg in legs if misdated(leg) is kind]


def _off(controls: Iterable[LegObservation]) -> float | None:
    """Seconds by which the controls' clocks are ahead of ours, the median of those that told."""
    told = [
        leg.http.date - leg.started_at
        for leg in controls
        if leg.ok and leg.http is not None and leg.http.date is not None
    ]
    return median(told) if told else None
