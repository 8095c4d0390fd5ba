"""What is normal for a leg at one moment, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from msgspec import Struct

from probe.model.observation import LegObservation, RoundObservation
from probe.verdict.keys import SeriesKey, difference, series
from probe.verdict.level import Level

Levels = Mapping[SeriesKey, Level]


class Normal(Struct, frozen=True):
    """The levels of legs over one address family, at Unix time ``at``."""

    levels: Levels
    family: str
    at: float

    @classmethod
    def of(cls, observed: RoundObservation, levels: Levels) -> Self:
        """As of when ``observed`` was made."""
        return cls(levels, observed.family.value, observed.started_at)

    def level(self, leg: LegObservation, measure: str) -> Level | None:
        """That of the series of ``leg`` in ``measure``, once it says what is normal."""
        found = self.levels.get(series(leg, measure, self.family))
        return found if found is not None and found.known else None

    def difference(self, leg: LegObservation, measure: str) -> Level | None:
        """That of how much slower the target is than its swap, once it says what is normal."""
        found = self.levels.get(difference(leg, measure, self.family))
        return found if found is not None and found.known else None

    def expected(self, leg: LegObservation, measure: str) -> float | None:
        """What the leg is expected to take now (a log effort); ``None``: not known."""
        found = self.level(leg, measure)
        return None if found is None else found.expected(self.at)
