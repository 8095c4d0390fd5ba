"""The metrics of what is so over another transport than TCP."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

_OF = ("vantage", "platform", "transport")
_WHERE = ("country", "asn", "access", "role")
_ABSENT = (
    "neither another transport than TCP nor an upload is judged; 2.5 intervals after it was last "
    "measured"
)

INFO = _metric(
    "info",
    "transport_info",
    (*_OF, *_WHERE, "state", "reason", "basis", "method", "trigger", "direction"),
    "What is so over a transport (quic), or of what is sent over TCP (upload, direction up), by "
    "its own legs and its own evidence; what the verdict_* series say is so over TCP.",
    absent=_ABSENT,
)
SINCE = _metric(
    "gauge",
    "transport_since_timestamp_seconds",
    _OF,
    "Unix time at which this state over the transport began.",
    absent=_ABSENT,
)
TIME = _metric(
    "gauge",
    "transport_timestamp_seconds",
    _OF,
    "Unix time of what this was found of: when somebody last looked over the transport.",
    absent=_ABSENT,
)
SLOWDOWN = _metric(
    "gauge",
    "transport_slowdown_ratio",
    _OF,
    "How many times slower than normal over this transport the slowest target was over it.",
    absent=f"nothing could be compared, or the target failed outright; {_ABSENT}",
)
EVIDENCE = _metric(
    "gauge",
    "transport_evidence_log10",
    _OF,
    "Evidence of the transport's own sequential test (common logarithm of its e-value); evidence "
    "of two transports is never added.",
    absent=f"nothing is suspected over it; {_ABSENT}",
)

LEARNT = _metric(
    "gauge",
    "normal_learnt_while_restricted_networks",
    _OF,
    "In how many networks others were restricted, as far as this probe knew, while it learnt what "
    "is normal here: so that may itself be slow.",
    absent="nothing was compared with such a normal; after seven days of readings since; "
    "transport: empty for TCP",
)

METRICS: tuple[MetricSpec, ...] = (INFO, SINCE, TIME, SLOWDOWN, EVIDENCE, LEARNT)
