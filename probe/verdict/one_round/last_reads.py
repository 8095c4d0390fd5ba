"""Whether the last read of a target stopped: then nobody may call it fine. Pure.

A suspicion holds what is slow or fails until a burst has spoken. Where none can be made, or what
follows from one is open, or the controls' reads stop as well and nothing can be compared, the
handshakes are well, and nothing else would remember that the read was cut.
"""

from __future__ import annotations

from collections.abc import Mapping

from probe.model.identity import Compares, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.signature import stopped_after
from probe.verdict.about import About
from probe.verdict.one_round.answers import READ_SECONDS
from probe.verdict.remembered.keys import FamilyKey, family_key
from probe.verdict.remembered.memory import StoppedRead


def stopped_reads(
    before: Mapping[FamilyKey, StoppedRead], observed: RoundObservation
) -> dict[FamilyKey, StoppedRead]:
    """``before`` (by family and target) with the reads of one more round or burst. What was read,
    however slowly, has not stopped; what was not reached says nothing of reads."""
    found = dict(before)
    for leg in _reads(observed):
        if stopped_after(leg) is not None and leg.failure is not None:
            how = f"{leg.failure.reason} in {leg.failure.phase}"
            key = family_key(observed.family, leg.leg.target)
            found[key] = StoppedRead(at=observed.started_at, how=how)
    for leg in _reads(observed):
        if leg.ok:
            found.pop(family_key(observed.family, leg.leg.target), None)
    return found


def last_stopped(
    known: Mapping[FamilyKey, StoppedRead], observed: RoundObservation, about: About
) -> StoppedRead | None:
    """The latest read that stopped, of the targets whose last one did in the last day; ``None``:
    there are none. ``known``: after ``observed``."""
    at = observed.started_at
    stand = [
        one
        for target in about.targets
        if target.reads
        and (one := known.get(family_key(observed.family, target.name))) is not None
        and 0.0 <= at - one.at < READ_SECONDS
    ]
    return max(stand, key=lambda one: one.at, default=None)


def _reads(observed: RoundObservation) -> list[LegObservation]:
    legs = observed.by_role(LegRole.TARGET)
    return [leg for leg in legs if leg.leg.compares is Compares.GOODPUT]
