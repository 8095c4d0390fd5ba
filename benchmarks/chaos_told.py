"""What a day of ``benchmarks.chaos_day`` tells ``benchmarks.chaos``."""

from __future__ import annotations

from msgspec import Struct


class Told(Struct, frozen=True):
    """What a day was like. ``lost``: acknowledged rounds that are in no file, though nobody has
    destroyed one that had them. ``wrong``: in words, what must not be."""

    seed: int
    rounds: int
    acknowledged: int
    lost: int
    cpu_seconds: float
    turns: int
    acts: dict[str, int]
    wrong: list[str]
