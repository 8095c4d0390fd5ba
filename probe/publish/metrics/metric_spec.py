"""What is declared of a metric."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

MetricKind = Literal["counter", "gauge", "histogram", "info"]
PREFIX = "throttlewatch_"


class MetricSpec(Struct, frozen=True, kw_only=True):
    """``name`` is the name in PromQL (with ``_total`` or ``_info``); ``help`` is one sentence."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    help: str
    when_absent: str


def metric(
    kind: MetricKind, name: str, labels: tuple[str, ...], text: str, *, absent: str
) -> MetricSpec:
    """A metric under our prefix; ``absent`` says when it is."""
    return MetricSpec(name=PREFIX + name, kind=kind, labels=labels, help=text, when_absent=absent)


MetricRow = tuple[MetricSpec, dict[str, str], float]
"""A series and its value: the metric, its labels, the number."""
