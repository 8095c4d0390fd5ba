"""Rounds in the world of numbers as golden histories keep them: few digits, and two families.

Three significant digits are what a measurement has, and a third of the bytes. The others are cut
off before anything is judged, so the bursts of a history are those that its rounds asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from probe.config.schema import Config
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Family, RoundKind
from probe.model.observation import RoundObservation
from synth.rounds import VANTAGE, Rounds
from synth.world import World

DIGITS = 3
# A greater number is a point in time (Unix seconds), kept to a tenth of a second.
_TIME = 1e8
# Of all that are asked on the wire, in a history that is not about names.
_RESOLVERS = ("system", "cloudflare-doh")
# Both are for benchmarks: 198.18.0.0/15 (RFC 2544), whose /24 become /48 of 2001:2::/32 (RFC 5180).
_IPV4 = re.compile(r'"198\.(18|19)\.(\d+)\.(\d+)"')
_IPV6 = re.compile(r'"2001:2:([0-9a-f]+)::([0-9a-f]+)"')


class Compact(Rounds):
    """The same rounds with few digits, and with fewer resolvers unless ``all_resolvers``."""

    all_resolvers = False

    def measure(self, platform: str, kind: RoundKind, at: float) -> tuple[RoundObservation, float]:
        observed, end = super().measure(platform, kind, at)
        if not self.all_resolvers:
            kept = tuple(one for one in observed.dns if one.resolver in _RESOLVERS)
            observed = replace(observed, dns=kept)
        return compact(observed), end

    def burst(
        self, planned: Sequence[PlannedBurst], at: float
    ) -> tuple[tuple[RoundObservation, ...], float]:
        seen, end = super().burst(planned, at)
        return tuple(map(compact, seen)), end


class TwoFamilies(Compact):
    """Rounds over IPv4 and IPv6 in turn, those of each kind by themselves, as the daemon's.

    The world knows IPv4 alone: the other family is the same servers under other addresses. While
    ``mute``, nobody answers over it.
    """

    def __init__(self, config: Config, world: World, *, vantage: str = VANTAGE) -> None:
        super().__init__(config, world, vantage=vantage)
        self.mute = False
        self._turns: Counter[tuple[str, RoundKind]] = Counter()

    def measure(self, platform: str, kind: RoundKind, at: float) -> tuple[RoundObservation, float]:
        self._turns[platform, kind] += 1
        if self._turns[platform, kind] % 2:
            return super().measure(platform, kind, at)
        gone = self.world.gone
        if self.mute:
            self.world.gone = frozenset(self.world.zone)
        observed, end = super().measure(platform, kind, at)
        self.world.gone = gone
        return _over_ipv6(observed), end

    def burst(
        self, planned: Sequence[PlannedBurst], at: float
    ) -> tuple[tuple[RoundObservation, ...], float]:
        if planned[0].burst.family is Family.IPV4:
            return super().burst(planned, at)
        over_ipv4 = [PlannedBurst(one.platform, _over_ipv4(one.burst)) for one in planned]
        seen, end = super().burst(over_ipv4, at)
        as_planned = zip(seen, planned, strict=True)
        return tuple(
            replace(
                _over_ipv6(one),
                burst=replace(one.burst, family=asked.burst.family, address=asked.burst.address),
            )
            for one, asked in as_planned
            if one.burst is not None
        ), end


def compact(observed: RoundObservation) -> RoundObservation:
    """``observed`` with ``DIGITS`` significant digits in each number."""
    return msgspec.convert(few_digits(msgspec.to_builtins(observed), DIGITS), RoundObservation)


def few_digits(value: Any, digits: int) -> Any:
    """The same lists and dictionaries with so many significant digits in each number."""
    if isinstance(value, float):
        return round(value, 1) if abs(value) > _TIME else float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {key: few_digits(one, digits) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [few_digits(one, digits) for one in value]
    return value


def _over_ipv6(observed: RoundObservation) -> RoundObservation:
    def translated(found: re.Match[str]) -> str:
        high, low, last = map(int, found.groups())
        return f'"2001:2:{(high << 8) + low:x}::{last:x}"'

    text = _IPV4.sub(translated, msgspec.json.encode(observed).decode())
    text = text.replace('"family":"ipv4"', '"family":"ipv6"')
    return msgspec.json.decode(text, type=RoundObservation)


def _over_ipv4(burst: Burst) -> Burst:
    found = _IPV6.fullmatch(f'"{burst.address}"')
    if found is None:
        return replace(burst, family=Family.IPV4)
    network, last = (int(part, 16) for part in found.groups())
    address = f"198.{network >> 8}.{network & 255}.{last}"
    return replace(burst, family=Family.IPV4, address=address)
