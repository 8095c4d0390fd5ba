"""The metrics of what a hub wishes of this probe."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

_NO_HUB = "no hub is configured (`hub.url`)"

ASKED = _metric(
    "counter",
    "wishes_asked_total",
    ("result",),
    "How asking the hub for its wishes ended (`ok`, `unchanged`, or why nothing was taken).",
    absent=f"it was not asked yet; {_NO_HUB}",
)
REFUSED = _metric(
    "gauge",
    "wishes_refused",
    (),
    "1 if what the hub said last, or a part of it, is not used: malformed, or not allowed here.",
    absent=_NO_HUB,
)

METRICS: tuple[MetricSpec, ...] = (ASKED, REFUSED)
