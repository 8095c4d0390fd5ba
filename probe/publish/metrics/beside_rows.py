"""What the legs of other probers than TCP saw last, as samples."""

from __future__ import annotations

from collections.abc import Iterator

from probe.model.observation import LegObservation, UploadInfo
from probe.observe.goodput import upload_goodput
from probe.publish.latest.totals import ended_phases
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_upload as names_upload
from probe.publish.metrics.metric_spec import MetricRow

_OF = {one.name: one for one in names.BESIDE}


def beside_rows(prober: str, labels: dict[str, str], leg: LegObservation) -> Iterator[MetricRow]:
    """Every series of one leg of ``prober``."""
    of = _OF[prober]
    yield of.success, labels, float(leg.ok)
    if leg.failure is not None:
        phase, reason = leg.failure.phase.value, leg.failure.reason
        yield of.failure, {**labels, "phase": phase, "reason": reason}, 1.0
    for ended in ended_phases(leg):
        yield of.phase, {**labels, "phase": ended.value}, leg.phases[ended]
    if leg.upload is not None:
        yield from _upload_rows(labels, leg.upload)


def _upload_rows(labels: dict[str, str], upload: UploadInfo) -> Iterator[MetricRow]:
    rate, again = upload_goodput(upload), upload.retransmitted_bytes
    if rate is not None:
        yield names_upload.GOODPUT, labels, rate
    if upload.whole_bytes:
        yield names_upload.ACKED, labels, upload.acked_bytes / upload.whole_bytes
    if again is not None:
        yield names_upload.RETRANSMITTED, labels, float(again)
