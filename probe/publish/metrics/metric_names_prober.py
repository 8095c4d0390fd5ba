"""The metrics of a prober beside TCP: the same three for each, by its name."""

from __future__ import annotations

from msgspec import Struct

from probe.config.probers import Prober
from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric


class ProberMetrics(Struct, frozen=True, kw_only=True):
    """What is told of the last exchange that the prober ``name`` made with a target."""

    name: str
    success: MetricSpec
    failure: MetricSpec
    phase: MetricSpec


def metrics_of(prober: Prober, *, leg: tuple[str, ...], stale: str, ended: str) -> ProberMetrics:
    """Declares them. ``leg`` are a leg's labels; ``stale`` says when a series grows too old,
    ``ended`` when a phase has none."""
    name, over = prober.name, prober.over
    special = f"; {prober.phases}" if prober.phases else ""
    return ProberMetrics(
        name=name,
        success=_metric(
            "gauge",
            f"{name}_success",
            leg,
            f"Whether the last exchange of this leg {over} gave what was asked of it (1) or failed "
            "(0).",
            absent=f"{prober.absent}; {stale}" if prober.absent else stale,
        ),
        failure=_metric(
            "info",
            f"{name}_failure_info",
            (*leg, "phase", "reason"),
            f"Why and in which phase the last exchange {over} failed, as an OONI failure string.",
            absent=f"the last exchange {over} did not fail",
        ),
        phase=_metric(
            "gauge",
            f"{name}_phase_seconds",
            (*leg, "phase"),
            f"Seconds that a phase of the last exchange {over} took{special}.",
            absent=ended,
        ),
    )
