"""What was given to the writer and is not packed yet, with the time at which it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from probe.model.stored import StoredRound
from probe.store.records import Queued
from probe.store.samples import Labels


class GivenRound(Struct, frozen=True):
    """A round, and when it was over (monotonic)."""

    stored: StoredRound
    monotonic: float


class GivenSample(Struct, frozen=True):
    """Every series' value at ``at``, a point of the grid, and when that was (monotonic)."""

    at: int
    values: Mapping[Labels, float]
    monotonic: float


Given = GivenRound | GivenSample | Callable[[], Queued]
