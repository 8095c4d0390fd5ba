"""Alerts about a probe itself, for whoever runs it: there is nothing to practise, so no drills."""

from __future__ import annotations

from collections.abc import Iterator

from probe.publish.metrics import metric_names_bundle
from probe.publish.rules.rule_parts import Alert

# What the hub says of each vantage (probe/hub/service.py).
HUB_HEARD = "throttlewatch_hub_heard_timestamp_seconds"
NOT_HEARD_SECONDS = 1_800.0


def upkeep_alerts() -> Iterator[Alert]:
    """Somebody should look after a probe."""
    yield Alert(
        name="ThrottlewatchBundleExpired",
        expr=f"time() > {metric_names_bundle.EXPIRES.name}",
        hold="1h",
        severity="warning",
        summary="{{ $labels.instance }}: the bundle of definitions has expired",
        description=(
            "Nothing newer was found: whoever keeps the list has stopped, or somebody keeps newer "
            "ones from this probe. The old one is used on."
        ),
    )
    yield Alert(
        name="ThrottlewatchBundleRefused",
        expr=f"{metric_names_bundle.REFUSED.name} == 1 or {metric_names_bundle.USABLE.name} == 0",
        hold="0m",
        severity="warning",
        summary="{{ $labels.instance }}: a bundle of definitions may not be used",
        description=(
            "Its signatures, version or content are not right: a mistake of those who keep the "
            "list, or somebody tries to give this probe another one. What was used before is used "
            "on; throttlewatch_bundle_looks_total has the reason."
        ),
    )
    yield Alert(
        name="ThrottlewatchVantageNotHeard",
        expr=f"time() - {HUB_HEARD} > {NOT_HEARD_SECONDS:g}",
        hold="5m",
        severity="warning",
        summary="{{ $labels.vantage }} in {{ $labels.country }}: not heard for half an hour",
        description=(
            "Nothing of it has passed the hub since "
            "{{ with printf `throttlewatch_hub_heard_timestamp_seconds{vantage=%q}` "
            "$labels.vantage | query }}{{ . | first | value | humanizeTimestamp }}{{ end }}. It "
            "may be switched off, cut off, or sent away by its own network; a revoked one is told "
            "of until the hub starts anew."
        ),
    )
