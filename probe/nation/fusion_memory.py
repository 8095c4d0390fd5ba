"""What the fusion remembers from step to step, as a value: old memory and a sight in, new out."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind
from probe.nation.sight import Seen, Sight, counts, hold_steps, hold_window, upstream_of

K = TypeVar("K", bound=Hashable)

FindingKey = tuple[str, str, FindingKind, bool, str]
"""Country, platform, kind, drill, transport (empty: TCP): what a finding is about."""
VantageKey = tuple[str, bool]
"""A vantage's name, and whether it is a drill's."""


class LastHeard(Struct, frozen=True, kw_only=True):
    """Where a vantage that counts for its network was last heard (``last``: the step)."""

    country: str
    asn: int
    upstream: str
    last: float


class FusionMemory(Struct, frozen=True, kw_only=True):
    """``known``: where each vantage that counts was last heard, for as long as it takes.
    ``claims``: when a name last claimed a network. ``wide``: the last steps at which most of a
    country was affected, from the last on at which it was not. ``dark``: those that fell silent
    together with most others, with the step at which they were last heard, until they are heard
    again."""

    known: Mapping[VantageKey, LastHeard] = {}
    claims: Mapping[tuple[VantageKey, str, int, str], float] = {}
    wide: Mapping[FindingKey, tuple[tuple[float, bool], ...]] = {}
    dark: Mapping[VantageKey, float] = {}

    def hear(self, sight: Sight, thresholds: NationConfig) -> FusionMemory:
        """Take in which vantages there are.

        One that is silent stays known, however long that lasts, until it is heard at another place
        or the configuration says that it is gone: to be forgotten is no recovery. A drill's are
        forgotten at once.
        """
        claims = dict(self.claims)
        for seen in sight.seen:
            vantage = seen.vantage
            if vantage.asn is not None:
                name = (vantage.name, seen.drill)
                claims[name, vantage.country, vantage.asn, upstream_of(vantage)] = sight.at
        claims = _within(claims, sight.at, hold_window(thresholds))
        aside = set_aside(claims)
        heard = {(seen.vantage.name, seen.drill) for seen in sight.seen}
        known = {
            name: place
            for name, place in self.known.items()
            if not name[1]
            and name[0] not in thresholds.gone
            and place.last <= sight.at
            and (name not in heard or name in aside)
        }
        for seen in sight.seen:
            name, place = (seen.vantage.name, seen.drill), _place_of(seen, sight.at)
            if place is not None and name not in aside:
                known[name] = place
        return replace(self, known=known, claims=claims)

    def only(self, names: Collection[str]) -> FusionMemory:
        """Without the vantages that are not among ``names``: a daemon's configuration has them no
        longer."""
        return replace(
            self,
            known={name: place for name, place in self.known.items() if name[0] in names},
            dark={name: last for name, last in self.dark.items() if name[0] in names},
        )

    def networks(self, country: str, drill: bool) -> frozenset[int]:
        """The known networks of a country."""
        return frozenset(
            place.asn
            for (_, of_drill), place in self.known.items()
            if (place.country, of_drill) == (country, drill)
        )

    def note(
        self, at: float, wide: Mapping[FindingKey, bool], thresholds: NationConfig
    ) -> FusionMemory:
        """Take in at which keys most of the country is affected at this step."""
        window = hold_window(thresholds)
        steps = {key: self._recent(key, at, window) for key in self.wide}
        for key, value in wide.items():
            # None before a step at which it was not so counts: it leaves the window earlier.
            steps[key] = (*steps.get(key, ()), (at, True)) if value else ((at, False),)
        return replace(self, wide={key: several for key, several in steps.items() if several})

    def held(self, key: FindingKey, at: float, thresholds: NationConfig) -> bool:
        """Whether it was so at every step of ``hold``; a step without data breaks it."""
        recent = [v for t, v in self.wide.get(key, ()) if at - hold_window(thresholds) < t <= at]
        return len(recent) >= hold_steps(thresholds) + 1 and all(recent)

    def _recent(self, key: FindingKey, at: float, window: float) -> tuple[tuple[float, bool], ...]:
        return tuple((t, v) for t, v in self.wide[key] if at - window < t < at)


def _place_of(seen: Seen, at: float) -> LastHeard | None:
    vantage = seen.vantage
    if vantage.asn is None or not counts(vantage):
        return None
    return LastHeard(
        country=vantage.country, asn=vantage.asn, upstream=upstream_of(vantage), last=at
    )


def set_aside(claims: Mapping[tuple[VantageKey, str, int, str], float]) -> frozenset[VantageKey]:
    """Names that claimed two networks (or upstreams) within the window: they count for neither."""
    places: dict[VantageKey, set[tuple[str, int, str]]] = {}
    for name, country, asn, upstream in claims:
        places.setdefault(name, set()).add((country, asn, upstream))
    return frozenset(name for name, claimed in places.items() if len(claimed) > 1)


def _within(times: Mapping[K, float], at: float, window: float) -> dict[K, float]:
    return {key: time for key, time in times.items() if at - window < time <= at}
