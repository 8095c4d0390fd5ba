"""Lines of several kinds, each worse than the reader's own, one hopes."""

from __future__ import annotations

from pathlib import Path

from probe.model.identity import Access
from synth.line import LineModel, Points

FIBRE = LineModel(
    name="fibre",
    bytes_per_second=25_000_000.0,
    rtt_seconds=0.004,
    noise_sd=0.2,
    noise_memory=0.0,
    evening=0.3,
    evening_queue_seconds=0.005,
    up_share=0.5,
)
CABLE = LineModel(
    name="cable",
    bytes_per_second=6_000_000.0,
    rtt_seconds=0.012,
    noise_sd=0.4,
    noise_memory=0.3,
    slow_sd=0.3,
    jitter_sd=0.15,
    loss=0.0005,
    fades_per_hour=0.5,
    evening=0.7,
    evening_queue_seconds=0.04,
    up_share=0.1,
)
DSL = LineModel(
    name="dsl",
    bytes_per_second=1_500_000.0,
    rtt_seconds=0.025,
    noise_sd=0.3,
    noise_memory=0.6,
    slow_sd=0.2,
    jitter_sd=0.1,
    loss=0.001,
    fades_per_hour=1.0,
    evening=0.4,
    evening_queue_seconds=0.03,
    up_share=0.1,
)
MOBILE = LineModel(
    name="mobile",
    access=Access.MOBILE,
    bytes_per_second=1_200_000.0,
    rtt_seconds=0.045,
    noise_sd=0.6,
    noise_memory=0.6,
    slow_sd=0.5,
    jitter_sd=0.3,
    loss=0.002,
    fades_per_hour=6.0,
    fade_index=1.2,
    evening=0.6,
    evening_queue_seconds=0.1,
    up_share=0.4,
)
LOSSY = LineModel(
    name="lossy",
    access=Access.MOBILE,
    bytes_per_second=2_000_000.0,
    rtt_seconds=0.06,
    noise_sd=0.4,
    noise_memory=0.3,
    slow_sd=0.3,
    jitter_sd=0.3,
    loss=0.02,
    fades_per_hour=20.0,
    fade_seconds=0.5,
    fade_index=1.2,
    evening=0.3,
    up_share=0.4,
)
UGLY = LineModel(
    name="ugly",
    access=Access.MOBILE,
    bytes_per_second=800_000.0,
    rtt_seconds=0.06,
    noise_sd=0.8,
    noise_memory=0.9,
    slow_sd=0.5,
    slow_memory=0.9,
    jitter_sd=0.5,
    loss=0.005,
    fades_per_hour=20.0,
    fade_index=1.1,
    evening=0.5,
    evening_queue_seconds=0.2,
    up_share=0.4,
)
LINES = {line.name: line for line in (FIBRE, CABLE, DSL, MOBILE, LOSSY, UGLY)}


def read_trace(path: Path) -> Points | None:
    """A capacity trace, two columns (seconds, Mbit/s); ``None``: it is none, or nothing passes."""
    points: list[tuple[float, float]] = []
    try:
        for line in path.read_text().splitlines():
            words = line.split()
            if len(words) >= 2:
                at, rate = float(words[0]), max(0.0, float(words[1]))
                if not points or at > points[-1][0]:
                    points.append((at, rate))
    except (ValueError, UnicodeDecodeError):
        return None
    if len(points) < 3 or sum(rate for _, rate in points) / len(points) < 0.01:
        return None
    return tuple(points)


def traced(name: str, traces: tuple[Points, ...]) -> LineModel:
    """A line of which the capacity is that of real traces, one after the other."""
    return LineModel(
        name=name,
        access=Access.MOBILE,
        rtt_seconds=0.06,
        noise_sd=0.0,
        slow_sd=0.0,
        jitter_sd=0.2,
        loss=0.001,
        fades_per_hour=2.0,
        fade_index=1.3,
        traces=traces,
    )
