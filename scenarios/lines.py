"""The kinds of line that every scenario is tried on."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from random import Random

from msgspec import structs

from scenarios.model import LineKind

MEGABIT = 1_000_000


def _wandering(
    seed: int, *, median_mbit: float, sd: float, steps: int = 120
) -> tuple[tuple[float, float], ...]:
    """A rate that wanders as a cell's does: each second a step, around a median (log-normal)."""
    random = Random(seed)
    kept = 0.8
    logs = accumulate(
        (random.gauss(0.0, sd * (1 - kept**2) ** 0.5) for _ in range(steps)),
        lambda before, fresh: kept * before + fresh,
    )
    return tuple(
        (float(at), round(median_mbit * 2.718281828**value, 3)) for at, value in enumerate(logs)
    )


FIBRE = LineKind(
    name="fibre",
    title="fibre, 20 ms",
    round_trip_seconds=0.020,
    down_bits_per_second=40 * MEGABIT,
    up_bits_per_second=20 * MEGABIT,
)
DSL = LineKind(
    name="dsl",
    title="DSL, 60 ms",
    round_trip_seconds=0.060,
    down_bits_per_second=12 * MEGABIT,
    up_bits_per_second=1 * MEGABIT,
    jitter_seconds=0.001,
    jitter_memory_seconds=0.5,
    loss=0.0005,
)
MOBILE = LineKind(
    name="mobile",
    title="mobile, 80 ms, with jitter and a variable rate",
    round_trip_seconds=0.080,
    down_bits_per_second=8 * MEGABIT,
    up_bits_per_second=3 * MEGABIT,
    jitter_seconds=0.008,
    jitter_memory_seconds=0.2,
    loss=0.001,
    down_trace=_wandering(2013, median_mbit=8.0, sd=0.5),
)
SLOW_MOBILE = LineKind(
    name="slow_mobile",
    title="old mobile, 160 ms",
    round_trip_seconds=0.160,
    down_bits_per_second=1.5 * MEGABIT,
    up_bits_per_second=0.5 * MEGABIT,
    jitter_seconds=0.015,
    jitter_memory_seconds=0.2,
    loss=0.002,
)
LINES = {kind.name: kind for kind in (FIBRE, DSL, MOBILE)}


def from_trace(kind: LineKind, path: Path) -> LineKind:
    """The kind with the capacity of a trace file: lines of ``seconds Mbit/s``."""
    points = [line.split() for line in path.read_text().splitlines() if line.strip()]
    trace = tuple((float(at), float(rate)) for at, rate, *_ in points)
    return structs.replace(kind, title=f"{kind.title}, capacity of {path.name}", down_trace=trace)
