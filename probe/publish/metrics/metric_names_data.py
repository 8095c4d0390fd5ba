"""The metrics of a vantage's data budget."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

BUDGET = _metric(
    "gauge",
    "data_budget_bytes",
    ("vantage",),
    "Bytes on the wire that a vantage may use in any 31 days.",
    absent="never",
)
USED = _metric(
    "gauge",
    "data_used_bytes",
    ("vantage",),
    "Bytes on the wire that a vantage has used in the last 31 days, as far as is known.",
    absent="never",
)
LEFT = _metric(
    "gauge",
    "data_left_bytes",
    ("vantage",),
    "Bytes on the wire that a vantage may still use now.",
    absent="never",
)

METRICS: tuple[MetricSpec, ...] = (BUDGET, USED, LEFT)
