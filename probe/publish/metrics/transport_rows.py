"""The series of what is so over each transport: of TCP, whose state stands by itself, what is so of
its single targets."""

from __future__ import annotations

from collections.abc import Iterator
from math import log10

from probe.model.verdict import Verdict
from probe.publish.metrics import metric_names_transport as names
from probe.publish.metrics.law_rows import law_rows
from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.metrics.vouch_rows import vouch_rows


def transport_rows(
    labels: dict[str, str], place: dict[str, str], verdict: Verdict, at: float
) -> Iterator[tuple[MetricSpec, dict[str, str], float]]:
    """Every series of what ``verdict`` says of single targets, and of other transports, as far as
    that holds ``at`` that time. ``labels``: of the vantage and platform; ``place``: where the
    vantage is."""
    yield from vouch_rows(labels, verdict)
    if verdict.learnt_while is not None:
        yield names.LEARNT, labels, float(verdict.learnt_while.networks)
    for one in verdict.over:
        if not one.reaches(at):
            continue
        own = {**labels, "transport": one.transport}
        words = {
            "state": one.state,
            "reason": one.reason,
            "basis": one.basis,
            "method": one.method,
            "trigger": one.trigger,
            "direction": one.direction,
        }
        yield names.INFO, {**place, **own, **{k: str(v) for k, v in words.items() if v}}, 1.0
        yield names.SINCE, own, one.since
        yield names.TIME, own, one.at
        if one.factor is not None:
            yield names.SLOWDOWN, own, one.factor
        if one.e_value is not None and one.e_value > 0.0:
            yield names.EVIDENCE, own, log10(one.e_value)
        yield from law_rows(own, one.law)
        yield from vouch_rows(own, one)
        if one.learnt_while is not None:
            yield names.LEARNT, own, float(one.learnt_while.networks)
