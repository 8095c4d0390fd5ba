"""A round is read once: for each leg and measure its effort, what is normal for it, and by how much
the one deviates from the other; and how far away the far end was.

All that compares or learns takes these readings and never goes back to the legs. Efforts, levels
and distances are natural logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, isfinite, log

from msgspec import Struct

from probe.model.identity import LegRole
from probe.model.observation import Leg, LegObservation, RoundObservation
from probe.observe.effort import Measure, effort, failed, gave
from probe.observe.gaps import log_gaps
from probe.observe.round_trip import grew_while_asking
from probe.verdict.normal.distance import log_distance, log_rtt
from probe.verdict.normal.level import Level, Levels
from probe.verdict.remembered.keys import LATE, RTT, difference, gaps_key, noise_key, series


class Effort(Struct, frozen=True):
    """One leg in one measure."""

    log: float | None
    """Of its effort; infinite: it failed. ``None``: there is nothing to compare."""
    kept: Level | None
    """What is remembered of its series, be it enough to say what is normal or not."""
    expected: float | None
    """What is normal for it now; ``None``: that is not known."""
    beyond_swap: Level | None
    """How much slower than its swap it normally is, once that is known."""
    gaps: Level | None
    """How many of its segments are normally missing, once that is known."""

    @property
    def deviation(self) -> float | None:
        """How much slower than normal it was; ``None``: it failed, or that is not known."""
        if self.log is None or self.expected is None or not isfinite(self.log):
            return None
        return self.log - self.expected


class LegReading(Struct, frozen=True):
    """One leg."""

    seen: LegObservation
    efforts: dict[Measure, Effort]
    gave: bool
    """It gave what was asked, or was giving it when our own deadline cut it."""
    failed: bool
    """Its way failed."""
    rtt: float | None
    """Of its least round trip."""
    distance: float | None
    """The same, or of the time until a proxy's tunnel stood."""
    far: Level | None
    """What is remembered of its round trip."""
    gaps: float | None
    """Of the share of its segments that were missing."""
    late: float | None
    """Of how many times as long as their least its round trips were while it was asked."""
    usually_late: Level | None
    """What is remembered of that."""
    at: float
    """When its round began (Unix seconds)."""

    @property
    def leg(self) -> Leg:
        """As it was declared."""
        return self.seen.leg

    @property
    def endpoint(self) -> tuple[str, str]:
        """Whose it is, and which."""
        return self.seen.leg.owner, self.seen.leg.target

    @property
    def usual_rtt(self) -> Level | None:
        """What is normal for its round trip, once that is known."""
        return _known(self.far)

    def log(self, measure: Measure) -> float | None:
        """Of its effort in ``measure``."""
        return self.efforts[measure].log

    def expected(self, measure: Measure) -> float | None:
        """What is normal for it now."""
        return self.efforts[measure].expected

    def kept(self, measure: Measure) -> Level | None:
        """What is remembered of its series."""
        return self.efforts[measure].kept

    def level(self, measure: Measure) -> Level | None:
        """The same, once it says what is normal."""
        return _known(self.efforts[measure].kept)


class Readings(Struct, frozen=True):
    """A round or burst, read. ``at``: when it began (Unix seconds). ``noise``: how much the legs of
    a burst normally differ."""

    observed: RoundObservation
    legs: tuple[LegReading, ...]
    at: float
    noise: dict[Measure, Level]

    def by_role(self, role: LegRole) -> tuple[LegReading, ...]:
        """The legs of one corner of the square, in the order they were made."""
        return tuple(one for one in self.legs if one.seen.leg.role is role)


def read(observed: RoundObservation, levels: Levels) -> Readings:
    """``observed`` beside what is remembered of its series."""
    return Readings(
        observed,
        tuple(_reading(leg, observed, levels) for leg in observed.legs),
        observed.started_at,
        {m: level for m in Measure if (level := levels.get(noise_key(m))) is not None},
    )


def _reading(leg: LegObservation, observed: RoundObservation, levels: Levels) -> LegReading:
    family = observed.family.value
    return LegReading(
        leg,
        {measure: _effort(leg, measure, observed, levels) for measure in Measure},
        gave(leg),
        failed(leg),
        log_rtt(leg),
        log_distance(leg),
        levels.get(series(leg, RTT, family)),
        log_gaps(leg),
        None if (times := grew_while_asking(leg)) is None else log(times),
        levels.get(series(leg, LATE, family)),
        observed.started_at,
    )


def _effort(
    leg: LegObservation, measure: Measure, observed: RoundObservation, levels: Levels
) -> Effort:
    family = observed.family.value
    kept = levels.get(series(leg, measure, family))
    normal = _known(kept)
    return Effort(
        log_effort(leg, measure),
        kept,
        None if normal is None else normal.expected(observed.started_at),
        _known(levels.get(difference(leg, measure, family))),
        _known(levels.get(series(leg, gaps_key(measure), family))),
    )


def _known(level: Level | None) -> Level | None:
    return level if level is not None and level.known else None


def log_effort(leg: LegObservation, measure: Measure) -> float | None:
    """Logarithm of the effort: infinite for a failure; ``None``: there is nothing to compare."""
    found = effort(leg, measure)
    if found is None:
        return None
    return log(found) if isfinite(found) and found > 0.0 else inf


def giving(legs: Iterable[LegReading]) -> list[LegReading]:
    """Those that gave what was asked of them, or were giving it when our own deadline cut them: so
    much as came is a sample of their pace."""
    return [leg for leg in legs if leg.gave]


def deviations(legs: Iterable[LegReading], measure: Measure) -> list[float]:
    """How much slower than their own history legs were; those without one are left out."""
    found = (leg.efforts[measure].deviation for leg in legs)
    return [value for value in found if value is not None]
