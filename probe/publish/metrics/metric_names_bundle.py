"""The metrics of the bundle of definitions."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

_NOBODY = "the configuration trusts no keys (`targets.keys`)"

VERSION = _metric(
    "gauge",
    "bundle_version",
    (),
    "Version of the bundle whose definitions are used; 0: the shipped ones are.",
    absent=_NOBODY,
)
EXPIRES = _metric(
    "gauge",
    "bundle_expires_timestamp_seconds",
    (),
    "Unix time at which the bundle in use expires; it is used on, and that is told.",
    absent="no bundle is used",
)
USABLE = _metric(
    "gauge",
    "bundle_usable",
    (),
    "0 if a bundle is installed and cannot be used, so that the shipped definitions are.",
    absent=_NOBODY,
)
REFUSED = _metric(
    "gauge",
    "bundle_refused",
    (),
    "1 if the bundle that was found last may not be used (a signature, an older version, ...).",
    absent="none was looked for yet",
)
LOOKS = _metric(
    "counter",
    "bundle_looks_total",
    ("result",),
    "How looking for a newer bundle ended (`ok`, `unchanged`, or why none was taken).",
    absent="none was looked for yet",
)

METRICS: tuple[MetricSpec, ...] = (VERSION, EXPIRES, USABLE, REFUSED, LOOKS)
