"""The far ends: where an address is, and what its servers do of their own.

Each address has a distance, an offset that drifts over weeks, an effect of its own that lasts one
slot of five minutes, and now and then a slot in which it is several times slower. What a server
does to bytes that it sends is a factor on their time.
"""

from __future__ import annotations

import math
from random import Random

from msgspec import Struct

from synth.chance import log_uniform

SLOT_SECONDS = 300.0
DAY = 86_400.0


class EdgeModel(Struct, frozen=True, kw_only=True):
    """How far ends differ and vary; standard deviations are of logarithms of times.

    ``slot_sd``: of an address from slot to slot; ``hello_sd``: the same of its handshakes.
    ``leg_sd``: from leg to leg. ``slow_share`` of the slots are ``slow_factor`` times slower,
    handshakes and all. ``drift_sd`` and ``drift_days``: a wandering offset (Ornstein-Uhlenbeck) and
    its memory.
    ``distance_seconds``: round trips from the line's end to the sites, log-uniform;
    ``platform_seconds`` to those of the platforms, if they are elsewhere.
    """

    slot_sd: float = 0.4
    hello_sd: float = 0.2
    leg_sd: float = 0.1
    slow_share: float = 0.001
    slow_factor: float = 4.0
    drift_sd: float = 0.3
    drift_days: float = 10.0
    distance_seconds: tuple[float, float] = (0.003, 0.12)
    platform_seconds: tuple[float, float] | None = None


FAR = EdgeModel(distance_seconds=(0.002, 0.008), platform_seconds=(0.08, 0.16))
"""Controls next door, in the country's own exchange, and the platforms on another continent."""

CALM = EdgeModel(
    slot_sd=0.1,
    hello_sd=0.05,
    leg_sd=0.05,
    slow_share=0.0,
    drift_sd=0.0,
    distance_seconds=(0.001, 0.001),
)
"""Servers that are much like each other and hardly vary, as those of the laboratory."""


class Edge:
    """One address with its present state. ``factor`` is on the time to send, ``hello_factor`` on
    the server's part of a handshake; ``think_seconds`` is what an answer takes to begin."""

    def __init__(self, model: EdgeModel, distance: float, random: Random, now: float) -> None:
        self._model = model
        self._random = random
        self.distance_seconds = distance
        self.think_seconds = log_uniform(random, 0.001, 0.03)
        self._drift = random.gauss(0.0, model.drift_sd) if model.drift_sd else 0.0
        self._slot = -1
        self._moved_at = now
        self.factor = 1.0
        self.hello_factor = 1.0

    def settle(self, now: float) -> None:
        """Be what this address is in the slot of ``now``."""
        slot = int(now // SLOT_SECONDS)
        if slot == self._slot:
            return
        self._slot = slot
        model, random = self._model, self._random
        if model.drift_sd:
            kept = math.exp((self._moved_at - now) / (model.drift_days * DAY))
            fresh = model.drift_sd * math.sqrt(max(0.0, 1.0 - kept * kept))
            self._drift = kept * self._drift + random.gauss(0.0, fresh)
            self._moved_at = now
        self.factor = math.exp(self._drift + random.gauss(0.0, model.slot_sd))
        self.hello_factor = math.exp(random.gauss(0.0, model.hello_sd))
        if model.slow_share and random.random() < model.slow_share:
            self.factor *= model.slow_factor
            self.hello_factor *= model.slow_factor

    def leg_factor(self) -> float:
        """How one leg differs from the next."""
        return math.exp(self._random.gauss(0.0, self._model.leg_sd))


def draw_distance(model: EdgeModel, random: Random, *, platform: bool) -> float:
    """Of a site (a ``platform``'s or not); its addresses lie around it."""
    elsewhere = model.platform_seconds if platform else None
    return log_uniform(random, *(elsewhere or model.distance_seconds))
