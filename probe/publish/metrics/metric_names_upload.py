"""The metrics of uploads, beside those that every prober has."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

_LEG = ("vantage", "platform", "control", "target", "leg", "family")

GOODPUT = _metric(
    "gauge",
    "upload_goodput_bytes_per_second",
    _LEG,
    "Bytes of the last upload that the far end acknowledged, over the time until the last of them.",
    absent="no upload; less than a first flight was acknowledged, which says nothing of a rate",
)
ACKED = _metric(
    "gauge",
    "upload_acked_ratio",
    _LEG,
    "Share of the last upload that the far end acknowledged before it answered or it was cut.",
    absent="no upload was begun",
)
RETRANSMITTED = _metric(
    "gauge",
    "upload_retransmitted_bytes",
    _LEG,
    "Bytes of the last upload's connection that this host sent again.",
    absent="no upload was begun; the kernel does not say",
)
METRICS: tuple[MetricSpec, ...] = (GOODPUT, ACKED, RETRANSMITTED)
