"""A daemon's findings as samples, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from probe.model.finding import SCOPE_CODE, Finding, FindingKind, Incident, Reference
from probe.model.foreign import read_json
from probe.publish.latest.snapshot import Snapshot
from probe.publish.metrics import metric_names_nation as names
from probe.publish.metrics.metric_spec import MetricRow


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``/api/v1/findings`` answers: the findings of the last step of the grid and the
    incidents that are open, with the model's field names; points in time are Unix seconds."""

    findings: tuple[Finding, ...]
    incidents: tuple[Incident, ...]


def nation_rows(snapshot: Snapshot) -> Iterator[MetricRow]:
    """Every series of the findings."""
    for finding in snapshot.findings:
        yield from _finding_rows(finding)
    for incident in snapshot.incidents:
        yield names.SEVERITY, _labels(incident), incident.severity


def findings_json(snapshot: Snapshot) -> bytes:
    """The findings and open incidents of ``snapshot``."""
    return msgspec.json.encode(Findings(findings=snapshot.findings, incidents=snapshot.incidents))


def read_findings(body: bytes) -> Findings:
    """The reverse of ``findings_json``. Raises ``ValueError``."""
    return read_json(body, Findings)


def _finding_rows(finding: Finding) -> Iterator[MetricRow]:
    labels = _labels(finding)
    yield names.SCOPE, labels, float(SCOPE_CODE[finding.scope])
    yield names.COVERED, labels, float(len(finding.covered_asns))
    yield names.AFFECTED, labels, float(len(finding.affected_asns))
    for spec, value in (
        (names.SHARE, finding.affected_share),
        (names.COVERAGE, finding.coverage),
        (names.SINCE, finding.since),
    ):
        if value is not None:
            yield spec, labels, value
    if finding.reference in (Reference.FINE, Reference.FAILING):
        yield names.REFERENCE_FINE, labels, float(finding.reference is Reference.FINE)
    if finding.kind is FindingKind.RESTRICTED and not finding.transport:
        where = {"country": finding.country, "platform": finding.platform}
        yield names.SYSTEMATIC, where, float(finding.systematic)


def _labels(of: Finding | Incident) -> dict[str, str]:
    labels = {"country": of.country, "platform": of.platform, "kind": of.kind.value}
    return {**labels, "transport": of.transport} if of.transport else labels
