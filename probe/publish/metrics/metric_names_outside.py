"""The metrics of reading what references abroad publish."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

READ = _metric(
    "counter",
    "outside_reads_total",
    ("outside", "result"),
    "How reading a reference abroad ended (`ok`, `unchanged`, or why it was not used).",
    absent="no reference is configured, or none was read yet",
)
MADE = _metric(
    "gauge",
    "outside_made_timestamp_seconds",
    ("outside",),
    "Unix time at which the newest document of a reference abroad was made.",
    absent="none was read yet",
)

METRICS: tuple[MetricSpec, ...] = (READ, MADE)
