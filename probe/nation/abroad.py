"""What the reference vantages say of a platform, weighed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from msgspec import Struct

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind, Reference
from probe.model.identity import Vantage
from probe.model.verdict import State
from probe.nation.sight import (
    NOT_BY_REFERENCES,
    REFERENCE_FINE,
    SETTLE_SECONDS,
    Reading,
    fails_abroad,
    states_of,
)

Looks = Mapping[tuple[str, str], float]
"""By target and measure: when the one that looked longest ago did (Unix seconds)."""


class Abroad(Struct, frozen=True, kw_only=True):
    """``looks``: of what of the platform enough of the references that are fine say by itself that
    it is well, and when."""

    reference: Reference = Reference.ABSENT
    looks: Looks = {}

    def bears(self, readings: Sequence[Reading], kind: FindingKind) -> bool:
        """Whether an impairment counts as a restriction: references are fine, and looked after it
        began at that which is impaired, in the same measure, which rules out that it is so
        everywhere; and nothing here may be its cause.

        A reference that only shakes hands with a platform, or that is turned away from what is
        slow here, says nothing of reads.
        """
        if (
            kind is not FindingKind.RESTRICTED
            or self.reference is not Reference.FINE
            or any(reading.reason in NOT_BY_REFERENCES for reading in readings)
        ):
            return False
        settled = max(reading.since for reading in readings) + SETTLE_SECONDS
        return any(
            settled <= self.looks.get((reading.target, reading.measure), -inf)
            for reading in readings
            if reading.state is State.IMPAIRED
        )


def abroad_of(
    heard: Mapping[Vantage, Sequence[Reading]],
    kind: FindingKind,
    thresholds: NationConfig,
    at: float,
) -> Abroad:
    """Weigh what the vantages abroad say ``at`` a step (Unix seconds).

    Strictly more that fail than are fine make ``failing``. To be ``fine`` takes more: most of all
    that are heard, also of those that say nothing yet, and at least ``min_references``. Else one
    that lies would convict while the others still look. In between nobody knows.
    """
    well, failing, torn = [], 0, 0
    for said in heard.values():
        good, bad = bool(states_of(said) & REFERENCE_FINE[kind]), fails_abroad(said, kind)
        if good and bad:
            torn += 1  # two servers hear it say opposite things: it says neither
        elif good:
            well.append(said)
        elif bad:
            failing += 1
    fine = len(well)
    if fine + failing + torn == 0:
        return Abroad()
    if failing > fine:
        return Abroad(reference=Reference.FAILING)
    if 2 * fine <= len(heard) or fine < thresholds.min_references:
        return Abroad(reference=Reference.DIVIDED)
    return Abroad(reference=Reference.FINE, looks=_looks(well, len(heard), thresholds, at))


def _looks(
    well: Sequence[Sequence[Reading]], heard: int, thresholds: NationConfig, at: float
) -> Looks:
    """Of each target and measure that most of all that are heard vouch for, and enough of them.

    Who looked later than now has a clock that is not known, and says nothing of when it looked.
    """
    times: dict[tuple[str, str], list[float]] = {}
    for said in well:
        own: dict[tuple[str, str], float] = {}
        for one in (vouch for reading in said for vouch in reading.vouches):
            for measure, when in one.looks.items():
                own[one.target, measure] = max(when, own.get((one.target, measure), -inf))
        for what, when in own.items():
            if when <= at:
                times.setdefault(what, []).append(when)
    return {
        what: min(several)
        for what, several in times.items()
        if 2 * len(several) > heard and len(several) >= thresholds.min_references
    }
