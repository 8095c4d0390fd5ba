"""The metrics of what passes between this probe and its hub, beside samples: what it wishes, and
rounds that are sent to it."""

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

_NONE_SENT = "no rounds are sent to a hub (`hub.send_rounds`)"

PARCELS = _metric(
    "counter",
    "parcels_total",
    ("result",),
    "How sending rounds to the hub ended, several at once (`ok`, or why they wait).",
    absent=f"none were sent yet; {_NONE_SENT}",
)
ROUNDS_SENT = _metric(
    "counter",
    "rounds_sent_total",
    (),
    "Rounds that the hub has, since the start.",
    absent=_NONE_SENT,
)
ROUNDS_LEFT_OUT = _metric(
    "counter",
    "rounds_left_out_total",
    (),
    "Rounds that the hub did not want, since the start: they are not sent again.",
    absent=_NONE_SENT,
)
ROUNDS_WORKING = _metric(
    "gauge",
    "rounds_sending",
    (),
    "1 if the last attempt to send rounds to the hub succeeded, 0 if they wait.",
    absent=_NONE_SENT,
)

METRICS: tuple[MetricSpec, ...] = (
    ASKED,
    REFUSED,
    PARCELS,
    ROUNDS_SENT,
    ROUNDS_LEFT_OUT,
    ROUNDS_WORKING,
)
