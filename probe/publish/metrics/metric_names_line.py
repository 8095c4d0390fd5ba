"""The metrics of a vantage's line: which way its packets leave, and what hangs over it."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

TUNNEL = _metric(
    "gauge",
    "line_tunnel",
    ("vantage",),
    "Whether the vantage's packets leave through a VPN or another tunnel, so not by its own line.",
    absent="a proxy, or no way out",
)
FAMILY_WORKS = _metric(
    "gauge",
    "line_family_works",
    ("vantage", "family"),
    "Whether anybody answers over this address family: 0 if another one has been answered since.",
    absent="one family is configured; it is not known",
)
CHANGES = _metric(
    "counter",
    "line_changes_total",
    ("vantage",),
    "Times that the vantage's packets began to leave by another way (interface, address, gateway).",
    absent="never",
)
CURTAIN_SITES = _metric(
    "gauge",
    "curtain_sites",
    ("vantage", "operator", "kind"),
    "Controls of an operator that are all frozen, slow or silent (`kind`) while others are well.",
    absent="no curtain hangs around the operator's sites",
)

CONTROLS_REPLACED = _metric(
    "gauge",
    "controls_replaced",
    (),
    "Controls that were replaced in the last week, as they were dead or slow here by themselves.",
    absent="never",
)

METRICS: tuple[MetricSpec, ...] = (TUNNEL, FAMILY_WORKS, CHANGES, CURTAIN_SITES, CONTROLS_REPLACED)
