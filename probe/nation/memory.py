"""What the fusion remembers from step to step, as a value: old memory and a sight in, new out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from msgspec import Struct

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind
from probe.nation.sight import Seen, Sight, counts, hold_steps, hold_window, remember_window

K = TypeVar("K", bound=Hashable)

Network = tuple[str, int, bool]
"""A country, an autonomous system, and whether it is an exercise's."""
Key = tuple[str, str, FindingKind, bool]
"""Country, platform, kind, drill: what a finding is about."""
Name = tuple[str, bool]
"""A vantage's name, and whether it is an exercise's."""


class Memory(Struct, frozen=True, kw_only=True):
    """``networks``: when each was last heard of. ``claims``: when a name last claimed a network.
    ``wide``: the last steps at which most of a country was affected, or was not."""

    networks: Mapping[Network, float] = {}
    claims: Mapping[tuple[Name, str, int], float] = {}
    wide: Mapping[Key, tuple[tuple[float, bool], ...]] = {}

    def hear(self, sight: Sight, thresholds: NationConfig) -> Memory:
        """Take in which vantages there are, and forget what is too old."""
        claims = dict(self.claims)
        for seen in sight.seen:
            asn = seen.vantage.asn
            if asn is not None:
                claims[((seen.vantage.name, seen.drill), seen.vantage.country, asn)] = sight.at
        claims = _within(claims, sight.at, hold_window(thresholds))
        aside = set_aside(claims)
        networks = dict(self.networks)
        for seen in sight.seen:
            network = network_of(seen)
            if network is not None and (seen.vantage.name, seen.drill) not in aside:
                networks[network] = sight.at
        networks = _within(networks, sight.at, remember_window(thresholds))
        return Memory(networks=networks, claims=claims, wide=self.wide)

    def note(self, at: float, wide: Mapping[Key, bool], thresholds: NationConfig) -> Memory:
        """Take in at which keys most of the country is affected at this step."""
        window = hold_window(thresholds)
        steps = {key: self._recent(key, at, window) for key in self.wide}
        for key, value in wide.items():
            steps[key] = (*steps.get(key, ()), (at, value))
        kept = {key: several for key, several in steps.items() if several}
        return Memory(networks=self.networks, claims=self.claims, wide=kept)

    def held(self, key: Key, at: float, thresholds: NationConfig) -> bool:
        """Whether it was so at every step of ``hold``; a step without data breaks it."""
        recent = [v for t, v in self.wide.get(key, ()) if at - hold_window(thresholds) < t <= at]
        return len(recent) >= hold_steps(thresholds) + 1 and all(recent)

    def _recent(self, key: Key, at: float, window: float) -> tuple[tuple[float, bool], ...]:
        return tuple((t, v) for t, v in self.wide[key] if at - window < t < at)


def network_of(seen: Seen) -> Network | None:
    """The network that a vantage stands for, if it stands for any."""
    vantage = seen.vantage
    if vantage.asn is None or not counts(vantage):
        return None
    return vantage.country, vantage.asn, seen.drill


def set_aside(claims: Mapping[tuple[Name, str, int], float]) -> frozenset[Name]:
    """Names that claimed two networks within the window: they count for neither."""
    networks: dict[Name, set[tuple[str, int]]] = {}
    for name, country, asn in claims:
        networks.setdefault(name, set()).add((country, asn))
    return frozenset(name for name, claimed in networks.items() if len(claimed) > 1)


def _within(times: Mapping[K, float], at: float, window: float) -> dict[K, float]:
    return {key: time for key, time in times.items() if at - window < time <= at}
