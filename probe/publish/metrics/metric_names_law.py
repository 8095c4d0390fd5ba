"""The metrics of how a throttle works."""

from __future__ import annotations

from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

_OF = ("vantage", "platform", "transport")
NOTHING = "nothing"
"""``counts`` of one that acts from the first packets on."""
_ABSENT = "nothing is throttled, or experiments have not found it; while the verdict does not hold"

INFO = _metric(
    "info",
    "law_info",
    (*_OF, "effect", "counts", "reach", "like"),
    "How the throttle works, as experiments found it: what it does, what it counts, and whether "
    "two connections are counted together. It accuses of nothing.",
    absent=_ABSENT,
)
READS = _metric(
    "gauge",
    "law_reads",
    _OF,
    "Reads of the last day that this rests on.",
    absent=_ABSENT,
)
BYTES = _metric(
    "gauge",
    "law_after_bytes",
    (*_OF, "bound"),
    "Bytes of IP packets towards the vantage after which it begins, between two bounds.",
    absent=f"bytes may not be what is counted; {_ABSENT}",
)
PACKETS = _metric(
    "gauge",
    "law_after_packets",
    (*_OF, "counts", "bound"),
    "Packets of a connection after which it begins, between two bounds.",
    absent=f"packets may not be what is counted; {_ABSENT}",
)
SECONDS = _metric(
    "gauge",
    "law_after_seconds",
    (*_OF, "bound"),
    "Seconds after the handshake began at which it begins, between two bounds.",
    absent=f"seconds may not be what is counted; {_ABSENT}",
)
RATE = _metric(
    "gauge",
    "law_rate_bytes_per_second",
    (*_OF, "bound"),
    "Bytes of IP packets a second at which reads then go on, between two bounds.",
    absent=f"connections end; {_ABSENT}",
)

METRICS: tuple[MetricSpec, ...] = (INFO, READS, BYTES, PACKETS, SECONDS, RATE)
