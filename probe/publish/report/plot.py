"""Series and spans as shapes with places, for the templates. No library that draws such plots is
light enough for a Pi, or lets a style sheet choose colours, so that dark mode and print work: see
docs/decisions/0006-report-plots.md. What is drawn here is lines, bands and rectangles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, floor, log10

from msgspec import Struct

from probe.model.identity import LegRole
from probe.model.round_summary import PlottedSeries
from probe.publish.plain_words import rate_words
from probe.publish.report.axis_labels import Tick
from probe.publish.report.gather import thinned
from probe.publish.report.quantile_sketch import Sketch
from probe.publish.report.report_parts import SlotGathered, StateSpan, Window
from probe.publish.report.times import TimeWriter

# Points further apart than this, and than three bins, are not joined.
_JOIN_SECONDS = 5_400.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 78.0, 26.0, 12.0, 26.0
# Less than this share of the whole time is less than a pixel on most screens.
_SEEN_SHARE = 1 / 800


class PlotLine(Struct, frozen=True):
    """One series: ``name`` (``target``, ``swap``, ``control``) chooses its style; ``path`` joins
    the medians, ``band`` encloses the middle half, ``dots`` are medians that nothing joins."""

    name: str
    path: str
    band: str
    dots: tuple[tuple[float, float], ...]


class Chart(Struct, frozen=True, kw_only=True):
    """A plot of one measure over time, in the units of its view box."""

    id: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    title: str
    text: str
    lines: tuple[PlotLine, ...]
    shades: tuple[tuple[float, float], ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


class Piece(Struct, frozen=True):
    """A part of a strip, in percent of its width."""

    state: str
    left: float
    width: float
    text: str


def pieces(
    spans: Iterable[StateSpan], start: float, end: float, clock: TimeWriter
) -> tuple[Piece, ...]:
    """A strip from ``start`` to ``end``; what is too short to be seen is widened or merged."""
    whole = end - start
    least = whole * _SEEN_SHARE
    found = []
    for span in thinned(spans, least):
        # What has only just begun is seen at the end of the strip.
        left, right = max(min(span.start, end - least), start), min(span.end, end)
        if span.start < end and right > left:
            found.append(
                Piece(
                    span.state.value,
                    round(100.0 * (left - start) / whole, 3),
                    round(100.0 * (right - left) / whole, 3),
                    f"{span.state.value}: {clock.brief(span.since)} to {clock.brief(span.until)}",
                )
            )
    return tuple(found)


def marks(start: float, end: float, clock: TimeWriter, most: int = 8) -> tuple[Tick, ...]:
    """The ticks below a strip, in percent."""
    return tuple(
        Tick(round(100.0 * (at - start) / (end - start), 3), label)
        for at, label in clock.ticks(start, end, most)
    )


def chart(
    identifier: str,
    slot: SlotGathered,
    over: Window,
    clock: TimeWriter,
    *,
    target: str,
    measure: str,
    title: str,
    size: tuple[float, float],
    most_points: int,
) -> Chart | None:
    """Target, swap and controls of one vantage and platform; ``None`` if nothing was measured."""
    step = max(1, ceil(over.bins / most_points))
    keys = {
        role: PlottedSeries(
            role=role, target="" if role is LegRole.CONTROL else target, measure=measure
        )
        for role in (LegRole.CONTROL, LegRole.SWAP, LegRole.TARGET)
    }
    found = {
        role: _points(_coarser(slot.series[key], step), over, step)
        for role, key in keys.items()
        if key in slot.series
    }
    values = [v for points in found.values() for _, *three in points for v in three]
    if not values:
        return None
    width, height = size
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    high = max(high, low + 1)
    inner_w, inner_h = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM

    def x(at: float) -> float:
        return round(_LEFT + inner_w * (at - over.start) / (over.end - over.start), 1)

    def y(value: float) -> float:
        return round(_TOP + inner_h * (high - log10(value)) / (high - low), 1)

    apart = x(over.start + max(_JOIN_SECONDS, 3.0 * step * over.bin_seconds)) - _LEFT
    return Chart(
        id=identifier,
        width=width,
        height=height,
        left=_LEFT,
        right=width - _RIGHT,
        top=_TOP,
        bottom=height - _BOTTOM,
        title=title,
        text=_described(found, measure),
        lines=tuple(
            _line(role.value, [(x(at), y(a), y(b), y(c)) for at, a, b, c in points], apart)
            for role, points in found.items()
            if points
        ),
        shades=tuple(
            (x(max(e.since, over.start)), round(x(e.until or over.end) - x(e.since), 1))
            for e in slot.episodes
        ),
        across=tuple(
            Tick(x(at), label) for at, label in clock.ticks(over.start, over.end, int(width // 85))
        ),
        up=tuple(
            Tick(y(10.0**power), _unit(10.0**power, measure)) for power in range(low, high + 1)
        ),
    )


Points = list[tuple[float, float, float, float]]


def _coarser(bins: Mapping[int, Sketch], step: int) -> dict[int, Sketch]:
    merged: dict[int, Sketch] = {}
    for number, sketch in bins.items():
        merged.setdefault(number // step, Sketch()).merge(sketch)
    return merged


def _points(bins: Mapping[int, Sketch], over: Window, step: int) -> Points:
    width = over.bin_seconds * step
    return [
        (
            min(over.start + (number + 0.5) * width, over.end),
            sketch.quantile(0.25) or 0.0,
            sketch.median or 0.0,
            sketch.quantile(0.75) or 0.0,
        )
        for number, sketch in sorted(bins.items())
        if sketch.count
    ]


def _line(name: str, points: Points, apart: float) -> PlotLine:
    """``points`` are in the view box; those more than ``apart`` from each other are not joined."""
    runs: list[Points] = []
    for point in points:
        if runs and point[0] - runs[-1][-1][0] <= apart:
            runs[-1].append(point)
        else:
            runs.append([point])
    path = band = ""
    dots = []
    for run in runs:
        if len(run) == 1:
            dots.append((run[0][0], run[0][2]))
            continue
        path += "M" + "L".join(f"{x:g} {b:g}" for x, _, b, _ in run)
        edge = [f"{x:g} {a:g}" for x, a, _, _ in run]
        edge += [f"{x:g} {c:g}" for x, _, _, c in reversed(run)]
        band += "M" + "L".join(edge) + "Z"
    return PlotLine(name, path, band, tuple(dots))


def _described(found: Mapping[LegRole, Points], measure: str) -> str:
    parts = []
    for role, points in found.items():
        if points:
            middle = sorted(b for _, _, b, _ in points)
            words = [_unit(v, measure) for v in (middle[0], middle[len(middle) // 2], middle[-1])]
            parts.append(f"{role.value}: from {words[0]} to {words[2]}, median {words[1]}")
    return "; ".join(parts)


def _unit(value: float, measure: str) -> str:
    if measure == "goodput":
        return rate_words(value)
    return f"{value * 1_000.0:.3g} ms" if value < 0.9995 else f"{value:.3g} s"
