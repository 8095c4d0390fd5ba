"""Metrics of the history and of what is forwarded from it."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec, metric

_STORE_OFF = "the configuration turns the history off"
STORE_WRITABLE = metric(
    "gauge",
    "store_writable",
    (),
    "Whether the last attempt to write the history succeeded (1) or not (0).",
    absent=_STORE_OFF,
)
STORE_TROUBLE = metric(
    "info",
    "store_trouble_info",
    ("reason",),
    "Why the history cannot be written just now.",
    absent=f"it can be; {_STORE_OFF}",
)
STORE_BYTES = metric(
    "gauge",
    "store_bytes",
    (),
    "Bytes of the history's files on disk after the last commit.",
    absent=_STORE_OFF,
)
STORE_COMMITTED_AT = metric(
    "gauge",
    "store_last_commit_timestamp_seconds",
    (),
    "Unix time of the last commit that the disk confirmed.",
    absent=f"none since the start; {_STORE_OFF}",
)
STORE_ROUNDS = metric(
    "counter",
    "store_committed_rounds_total",
    (),
    "Rounds that the disk has confirmed since the start.",
    absent=_STORE_OFF,
)
STORE_QUEUED = metric(
    "gauge",
    "store_queued_records",
    (),
    "Records that wait in memory for the next commit.",
    absent=_STORE_OFF,
)
STORE_DROPPED = metric(
    "counter",
    "store_dropped_records_total",
    (),
    "Records that were given up because the disk refused for too long: the oldest first.",
    absent=_STORE_OFF,
)
STORE_SET_ASIDE = metric(
    "counter",
    "store_files_set_aside_total",
    (),
    "Damaged files that were set aside since the start; nothing of them was deleted.",
    absent=_STORE_OFF,
)
STORE_LOST = metric(
    "counter",
    "store_files_lost_total",
    (),
    "How often somebody removed, moved or replaced the history's file while it was written to.",
    absent=_STORE_OFF,
)

_NO_RECEIVER = "no receiver is configured"
FORWARD_WORKING = metric(
    "gauge",
    "forward_working",
    (),
    "Whether the receiver took or judged what it was last sent (1), or could not be used (0).",
    absent=_NO_RECEIVER,
)
FORWARD_TROUBLE = metric(
    "info",
    "forward_trouble_info",
    ("reason",),
    "Why nothing can be forwarded just now.",
    absent=f"it can be; {_NO_RECEIVER}",
)
FORWARD_SENT = metric(
    "counter",
    "forward_sent_samples_total",
    (),
    "Samples that the receiver has taken since the start.",
    absent=_NO_RECEIVER,
)
FORWARD_REFUSED = metric(
    "counter",
    "forward_refused_samples_total",
    ("reason",),
    "Samples that the receiver will never take, such as those too old for it.",
    absent=f"none since the start; {_NO_RECEIVER}",
)
FORWARD_WAITING = metric(
    "gauge",
    "forward_waiting_points",
    (),
    "Points of the 60-second grid that were not forwarded yet.",
    absent=_NO_RECEIVER,
)
FORWARD_OLDEST = metric(
    "gauge",
    "forward_oldest_waiting_timestamp_seconds",
    (),
    "Unix time of the oldest point that was not forwarded yet.",
    absent=f"nothing waits; {_NO_RECEIVER}",
)
FORWARD_SENT_AT = metric(
    "gauge",
    "forward_last_success_timestamp_seconds",
    (),
    "Unix time at which the receiver last took samples.",
    absent=f"never since the start; {_NO_RECEIVER}",
)

METRICS: tuple[MetricSpec, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, MetricSpec)
)
