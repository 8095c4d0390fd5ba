"""What targets give to read, as samples."""

from __future__ import annotations

from collections.abc import Iterator

from probe.config.candidates import candidates_of, mark_of
from probe.config.definition import Target
from probe.model.identity import Compares, Vantage
from probe.model.object_record import HOUR_SECONDS, HOURS, ObjectRecord, Why
from probe.publish.latest.snapshot import Snapshot
from probe.publish.metrics import metric_names_target as names
from probe.publish.metrics.metric_spec import MetricRow

# What is told of targets that are only reached as well.
_OF_ALL = (Why.NO_NAME, Why.GONE)


def target_rows(snapshot: Snapshot) -> Iterator[MetricRow]:
    """Each target that is read, has no name any more, or is reached and gives nothing that is
    expected, from each vantage, as far as it was tried in the last day."""
    for vantage in snapshot.vantages:
        records = snapshot.records.get(vantage.name, {})
        for label, definitions in (
            ("platform", snapshot.platforms),
            ("control", snapshot.controls),
        ):
            for definition in definitions:
                for target in definition.targets:
                    record = records.get(f"{definition.name}/{target.name}")
                    if record is None:
                        continue
                    if target.compares is Compares.GOODPUT or record.why in _OF_ALL:
                        labels = {label: definition.name, "target": target.name}
                        yield from _rows(labels, vantage, target, record, snapshot.taken_at)


def _rows(
    own: dict[str, str], vantage: Vantage, target: Target, record: ObjectRecord, now: float
) -> Iterator[MetricRow]:
    share = record.share(now)
    if share is None or now - record.at >= HOURS * HOUR_SECONDS:
        return
    labels = {"vantage": vantage.name, **own}
    yield names.READABLE, labels, share
    marks = [mark_of(one) for one in candidates_of(target)]
    if record.candidate in marks:
        yield names.CANDIDATE, labels, float(marks.index(record.candidate) + 1)
    reason = {} if record.why is None else {"reason": record.why.value}
    if record.unread:
        yield names.UNREADABLE, {**labels, **reason}, record.since
    place = {**labels, "role": vantage.role.value}
    yield names.ROTTEN, {**place, **reason} if record.rotten else place, float(record.rotten)
