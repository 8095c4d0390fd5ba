"""The rule file as a value that is dumped as YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from probe.config.schema import NationConfig
from probe.nation.sight import GRID_SECONDS
from probe.publish.rules.alert_numbers import plain
from probe.publish.rules.alert_rules import DRILL, DRILL_MATCHER, alerts
from probe.publish.rules.recording_rules import recordings
from probe.publish.rules.rule_parts import Alert, Recording
from probe.publish.rules.upkeep_alerts import upkeep_alerts

# Relative to whatever the operator says holds the documentation.
RUNBOOK = "runbook.md"


def rule_file(
    thresholds: NationConfig,
    platforms: Iterable[str],
    *,
    operators: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
    docs: str = "docs",
) -> dict[str, Any]:
    """Two groups: what is recorded, and what is alerted. ``operators``: who runs each platform,
    ``titles``: what people call it. ``docs`` is where the runbook is: a URL or a folder."""
    every = [
        _alert(alert, drill, docs.rstrip("/"))
        for drill in (False, True)
        for alert in alerts(thresholds, titles)
    ]
    every += [_alert(alert, False, docs.rstrip("/")) for alert in upkeep_alerts()]
    interval = f"{GRID_SECONDS:.0f}s"
    recorded = [_recording(rule) for rule in recordings(thresholds, platforms, operators)]
    return {
        "groups": [
            {"name": "throttlewatch", "interval": interval, "rules": recorded},
            {"name": "throttlewatch-alerts", "interval": interval, "rules": every},
        ]
    }


def _recording(rule: Recording) -> dict[str, Any]:
    made: dict[str, Any] = {"record": rule.record, "expr": rule.expr}
    return {**made, "labels": dict(rule.labels)} if rule.labels else made


def _alert(alert: Alert, drill: bool, docs: str) -> dict[str, Any]:
    matcher = 'drill="true"' if drill else 'drill=""'
    title = f"{DRILL}: " if drill else ""
    label = "This is an exercise: nothing of it was measured. " if drill else ""
    return {
        "alert": f"{DRILL}_{alert.name}" if drill else alert.name,
        "expr": alert.expr.replace(DRILL_MATCHER, matcher),
        "for": "0m" if drill else alert.hold,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": title + alert.summary,
            "description": label + alert.description,
            "runbook_url": f"{plain(docs)}/{RUNBOOK}#{alert.name.lower()}",
        },
    }
