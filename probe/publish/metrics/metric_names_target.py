"""The metrics of what targets give to read."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

_TARGET = ("vantage", "platform", "control", "target")
_NEVER = (
    "no round tried to read it in the last day; it is not read, has a name and answers what is "
    "expected"
)

READABLE = _metric(
    "gauge",
    "target_readable_ratio",
    _TARGET,
    "Share of the last day's rounds that tried to read the target's object and could.",
    absent=_NEVER,
)
CANDIDATE = _metric(
    "gauge",
    "target_candidate",
    _TARGET,
    "Which of the target's candidates was asked last: 1 is the first that the configuration names.",
    absent=f"{_NEVER}; the configuration names another one since",
)
UNREADABLE = _metric(
    "gauge",
    "target_unreadable_since_timestamp_seconds",
    (*_TARGET, "reason"),
    "Unix time since which nothing of the target can be read, and why not: its own server says so "
    "(gone), no page leads to an object (no_link), no resolver knows the name (no_name), or no "
    "answer comes that can be trusted (unreached).",
    absent=f"it can be read; only one round failed; {_NEVER}",
)
ROTTEN = _metric(
    "gauge",
    "target_rotten",
    (*_TARGET, "role", "reason"),
    "Whether nothing could be read of the target for 6 hours, or 20 where it is not reached: what "
    "the configuration names should be looked at.",
    absent=_NEVER,
)

METRICS: tuple[MetricSpec, ...] = (READABLE, CANDIDATE, UNREADABLE, ROTTEN)
