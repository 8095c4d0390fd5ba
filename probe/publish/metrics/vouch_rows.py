"""The series of what is impaired, and of what a reference vouches for."""

from __future__ import annotations

from collections.abc import Iterator

from probe.model.verdict import State, TransportFinding, Verdict
from probe.publish.metrics import metric_names_vouch as names
from probe.publish.metrics.metric_spec import MetricRow


def vouch_rows(labels: dict[str, str], said: Verdict | TransportFinding) -> Iterator[MetricRow]:
    """Every series of the single targets of ``said``. ``labels``: of the vantage and platform, and
    of the transport if that is another than TCP."""
    if said.state is State.IMPAIRED and said.target and said.measure:
        yield names.IMPAIRED, {**labels, "target": said.target, "measure": said.measure}, 1.0
    for vouch in said.vouches:
        for measure, at in vouch.looks.items():
            yield names.LOOKED, {**labels, "target": vouch.target, "measure": measure}, at
