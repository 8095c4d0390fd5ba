"""The metrics of a daemon's own findings; a fleet's are recorded by rules (docs/nation.md)."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

_ABOUT = ("country", "platform", "kind", "transport")
_ABSENT = "before the first minute; no vantage inside has a verdict"

SCOPE = _metric(
    "gauge",
    "nation_scope",
    _ABOUT,
    "How far it reaches: -1 insufficient, 0 none, 1 vantage, 2 network, 3 partial, 4 nation.",
    absent=_ABSENT,
)
SHARE = _metric(
    "gauge",
    "nation_affected_share",
    _ABOUT,
    "Weight of the affected networks over that of the networks that were heard.",
    absent="no network was heard",
)
COVERAGE = _metric(
    "gauge",
    "nation_coverage_ratio",
    _ABOUT,
    "Weight of the networks that were heard over that of the known ones.",
    absent="no network is known",
)
COVERED = _metric(
    "gauge",
    "nation_covered_networks",
    _ABOUT,
    "Networks that were heard.",
    absent=_ABSENT,
)
AFFECTED = _metric(
    "gauge",
    "nation_affected_networks",
    _ABOUT,
    "Networks that are affected.",
    absent=_ABSENT,
)
REFERENCE_FINE = _metric(
    "gauge",
    "nation_reference_fine",
    _ABOUT,
    "Whether the platform is fine (1) at the reference vantages abroad or fails there too (0).",
    absent="no reference vantage says anything",
)
SINCE = _metric(
    "gauge",
    "nation_since_timestamp_seconds",
    _ABOUT,
    "Unix time of the median onset of the affected networks.",
    absent="no network is affected",
)
SYSTEMATIC = _metric(
    "gauge",
    "nation_systematic",
    ("country", "platform"),
    "Whether the platform began to be restricted together with others, over several networks.",
    absent=_ABSENT,
)
SEVERITY = _metric(
    "gauge",
    "nation_incident_severity",
    _ABOUT,
    "Factor x share x minutes of the open incident so far.",
    absent="no incident is open",
)

METRICS: tuple[MetricSpec, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, MetricSpec)
)
