"""The metrics of what is impaired, and of what a reference vouches for, target by target."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

_OF = ("vantage", "platform", "transport", "target", "measure")

IMPAIRED = _metric(
    "info",
    "impaired_info",
    _OF,
    "The target of a platform that is impaired, and the measure in which it is slow or fails: its "
    "handshake, its transfer (a bounded read) or a long one.",
    absent="the state is not impaired, or what shows it is not one target",
)
LOOKED = _metric(
    "gauge",
    "vouched_timestamp_seconds",
    _OF,
    "Unix time at which a reference last found this target well in this measure, with nothing of "
    "all that was compared with it slow or failing.",
    absent="not a reference; it does not vouch for that, or not since the target was last found "
    "otherwise",
)

METRICS: tuple[MetricSpec, ...] = (IMPAIRED, LOOKED)
