"""Somebody in the world of numbers who answers in the place of far ends, anything it likes, under
certificates that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from probe.config.hosts import covers
from probe.model.identity import LegRole
from probe.model.observation import Leg
from synth.exchange import ForgedAnswer


class Forger:
    """Answers a ``share`` of the legs with one of some ``answers``, drawn each time: those of
    ``platform`` that say one of ``names``, or all of them (``swaps``). ``controls``: theirs as
    well."""

    def __init__(
        self,
        platform: str,
        names: Sequence[str],
        answers: Sequence[ForgedAnswer],
        *,
        seed: int,
        swaps: bool = False,
        controls: bool = False,
        share: float = 1.0,
    ) -> None:
        self._platform, self._names = platform, names
        self._answers, self._swaps, self._controls = answers, swaps, controls
        self._random, self._share = Random(seed), share

    def __call__(self, leg: Leg) -> ForgedAnswer | None:
        if not self._meets(leg) or (self._share < 1.0 and self._random.random() >= self._share):
            return None
        return self._random.choice(self._answers)

    def _meets(self, leg: Leg) -> bool:
        if leg.role is LegRole.CONTROL:
            return self._controls
        own = leg.owner == self._platform and leg.role is not LegRole.DECOY
        return own and (self._swaps or covers(self._names, leg.sni))
