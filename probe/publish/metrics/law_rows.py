"""The series of how a throttle works."""

from __future__ import annotations

from collections.abc import Iterator

from probe.model.law import Between, Law, Unit
from probe.publish.metrics import metric_names_law as names
from probe.publish.metrics.metric_spec import MetricRow, MetricSpec

_PACKETS = {Unit.PACKETS, Unit.PACKETS_DOWN}


def law_rows(labels: dict[str, str], law: Law | None) -> Iterator[MetricRow]:
    """Every series of ``law``. ``labels``: of the vantage and platform, and of the transport if
    that is another than TCP."""
    if law is None:
        return
    words = {
        "effect": law.effect,
        "counts": names.NOTHING if law.from_start else law.certain and law.certain.unit,
        "reach": law.reach,
        "like": law.like,
    }
    yield names.INFO, {**labels, **{k: str(v) for k, v in words.items() if v}}, 1.0
    yield names.READS, labels, float(law.reads)
    for one in law.after:
        if one.unit in _PACKETS:
            yield from _bounds(names.PACKETS, {**labels, "counts": one.unit.value}, one.span)
        else:
            spec = names.BYTES if one.unit is Unit.BYTES else names.SECONDS
            yield from _bounds(spec, labels, one.span)
    if law.bytes_per_second is not None:
        yield from _bounds(names.RATE, labels, law.bytes_per_second)


def _bounds(spec: MetricSpec, labels: dict[str, str], span: Between) -> Iterator[MetricRow]:
    for bound, value in (("low", span.low), ("high", span.high)):
        yield spec, {**labels, "bound": bound}, value
