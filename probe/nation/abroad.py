"""What the reference vantages say of a platform, weighed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind, Reference
from probe.model.identity import Vantage
from probe.model.verdict import State
from probe.nation.sight import (
    NOT_BY_REFERENCES,
    REFERENCE_FINE,
    Reading,
    fails_abroad,
    states_of,
)


class Abroad(Struct, frozen=True, kw_only=True):
    """``looked`` is when the one of those that are fine that looked longest ago did (``None``:
    none is fine, or that is not known)."""

    reference: Reference = Reference.ABSENT
    looked: float | None = None

    def bears(self, readings: Sequence[Reading], kind: FindingKind) -> bool:
        """Whether an impairment counts as a restriction: references looked after it began, and
        are fine, which rules out that it is so everywhere; and nothing here may be its cause."""
        return (
            kind is FindingKind.RESTRICTED
            and self.reference is Reference.FINE
            and self.looked is not None
            and any(reading.state is State.IMPAIRED for reading in readings)
            and not any(reading.reason in NOT_BY_REFERENCES for reading in readings)
            and max(reading.since for reading in readings) <= self.looked
        )


def abroad_of(
    heard: Mapping[Vantage, Sequence[Reading]], kind: FindingKind, thresholds: NationConfig
) -> Abroad:
    """Weigh what the vantages abroad say.

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
    looks = [max(times) for said in well if (times := [r.at for r in said if r.at is not None])]
    return Abroad(reference=Reference.FINE, looked=min(looks, default=None))
