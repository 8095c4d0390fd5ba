"""The series of the bundle of definitions."""

from __future__ import annotations

from collections.abc import Iterator

from probe.publish.latest.bundle_health import BundleHealth
from probe.publish.metrics import metric_names_bundle as names
from probe.publish.metrics.metric_spec import MetricSpec


def bundle_rows(bundle: BundleHealth) -> Iterator[tuple[MetricSpec, dict[str, str], float]]:
    """Every series of ``bundle``."""
    yield names.VERSION, {}, float(bundle.version or 0)
    if bundle.expires_at is not None:
        yield names.EXPIRES, {}, bundle.expires_at
    yield names.USABLE, {}, float(not bundle.unusable)
    if bundle.refused is not None:
        yield names.REFUSED, {}, float(bundle.refused)
    for result, count in bundle.results:
        yield names.LOOKS, {"result": result}, float(count)
