"""From what the engine recorded since the last time to incidents, with what networks saw. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.hub.ledger import NetworkEvidence, PublicIncident, Reached, ReleaseState
from probe.hub.recorded_findings import MEASURED, AsksEngine, findings_by_step, networks_of
from probe.model.finding import Finding, FindingKind
from probe.nation.incidents import Incidents, key_of
from probe.nation.sight import GRID_SECONDS
from probe.publish.metrics import metric_names as names
from probe.publish.rules import affected_rules
from probe.publish.rules import recording_rules as recorded

_STRUCK = f"count by (country, asn, platform, kind) ({recorded.VOTER}{{{MEASURED}}})"
_ASKED = f"{recorded.VOTERS}{{{MEASURED}}}"
# Over those that are slower: a block has no number, and none is made up for readers.
_SLOWER = (
    "quantile by (country, platform) (0.5, max by (country, vantage, platform) "
    f'({names.VERDICT_SLOWDOWN.name}{{drill=""}}) and on (vantage, platform) '
    f'({affected_rules.AFFECTED_VANTAGE}{{{MEASURED}, kind="restricted"}} == 1))'
)
_ONSETS = f"{recorded.ONSET_NETWORK}{{{MEASURED}}}"
SILENT_STEPS = 5
"""Of an engine that has nothing at all: in one turn so much silence counts, so that a clock that
leaps ahead ends no incident as one of which nothing was heard any more."""
MOST_READ_AGAIN = 360
"""Steps: six hours."""


def read_on(
    reached: Reached,
    until: int,
    asks: AsksEngine,
    thresholds: NationConfig,
    titles: Mapping[str, str],
    known: Mapping[str, PublicIncident],
    silent: int = SILENT_STEPS,
) -> tuple[Reached, dict[str, PublicIncident], tuple[Finding, ...]]:
    """The steps after ``reached`` up to the step ``until`` (its number), of which ``asks`` gives
    the series: how far it was read, the incidents that changed, and the findings at ``until``.
    ``known`` are the incidents that are kept. Of the steps after the last of which the engine has
    any finding no more than ``silent`` are counted, and where there are new ones the usual."""
    by_step = findings_by_step(asks, thresholds, titles)
    now, heard = until, max([reached.heard, *by_step])
    silent = min(silent, SILENT_STEPS) if by_step else silent
    until = min(until, max([reached.step, *by_step]) + silent)
    seen = [networks_of(asks(query)) for query in (_STRUCK, _ASKED, _ONSETS)]
    slower = {
        (series.metric.get("country"), series.metric.get("platform")): series.by_step(GRID_SECONDS)
        for series in asks(_SLOWER)
    }
    incidents = Incidents(open={key_of(watch.incident): watch for watch in reached.watches})
    found: dict[str, PublicIncident] = {}
    then = reached.watches_then
    for step in range(reached.step + 1, until + 1):
        findings = {key_of(finding): finding for finding in by_step.get(step, ())}
        incidents, changed = incidents.advance(findings.values(), step * GRID_SECONDS, thresholds)
        for incident in changed:
            before = found.get(incident.id) or known.get(incident.id)
            one = before or PublicIncident(incident=incident)
            one = replace(one, incident=incident)
            finding = findings.get(key_of(incident))
            if finding is not None and finding.affected_asns:
                place = (finding.country, finding.platform, finding.kind.value)
                struck, asked, onsets = (table.get(place, {}).get(step, {}) for table in seen)
                one = _seen(one, finding, struck, asked, onsets)
                if finding.kind is FindingKind.RESTRICTED:
                    factor = slower.get(place[:2], {}).get(step)
                    one = replace(one, factor=_larger(one.factor, factor))
            found[incident.id] = one
        if step == heard:
            then = tuple(incidents.open.values())
    last = Reached(
        step=max(until, reached.step),
        heard=heard,
        watches=tuple(incidents.open.values()),
        watches_then=then,
    )
    return last, found, tuple(by_step.get(now, ()))


def gone_on(reached: Reached, last: int, oldest: int) -> tuple[Reached, int]:
    """From where reading goes on when the newest step is ``last``, and none before ``oldest`` is
    read; and how much silence may count then. Steps of which the engine had nothing are read again:
    it may have been late, or the clock ahead. What is passed over is no silence, either: nobody
    asked."""
    silent, counted = SILENT_STEPS, reached.step - reached.heard
    ahead = reached.step > last
    if 0 < reached.heard <= last and (ahead or counted <= MOST_READ_AGAIN):
        reached = replace(reached, step=reached.heard, watches=reached.watches_then)
        silent += 0 if ahead else counted
    if reached.step < oldest:
        passed = Incidents(open={key_of(one.incident): one for one in reached.watches})
        passed = passed.moved((oldest - reached.step) * GRID_SECONDS)
        reached = replace(reached, step=oldest, watches=tuple(passed.open.values()))
    return reached, silent


def due(
    incidents: Iterable[PublicIncident], release_after_seconds: float | None
) -> list[PublicIncident]:
    """Drafts that a rule releases: those that lasted for so long. Without a time, none."""
    if release_after_seconds is None:
        return []
    return [
        one
        for one in incidents
        if one.standing is ReleaseState.DRAFT
        and one.incident.updated_at - one.incident.opened_at >= release_after_seconds
    ]


def _seen(
    one: PublicIncident,
    finding: Finding,
    struck: Mapping[int, float],
    asked: Mapping[int, float],
    onsets: Mapping[int, float],
) -> PublicIncident:
    """With what the finding's networks saw: of each the step at which most vantages did."""
    by_asn = {evidence.asn: evidence for evidence in one.evidence}
    for asn in finding.affected_asns:
        affected, before = int(struck.get(asn, 0)), by_asn.get(asn)
        since = onsets.get(asn)
        if before is not None and before.since is not None:
            since = before.since if since is None else min(before.since, since)
        most = affected if before is None else max(affected, before.affected)
        vantages = max(most, int(asked.get(asn, 0)), 0 if before is None else before.vantages)
        by_asn[asn] = NetworkEvidence(asn=asn, affected=most, vantages=vantages, since=since)
    return replace(
        one,
        evidence=tuple(by_asn[asn] for asn in sorted(by_asn)),
        heard=max(one.heard, len(finding.covered_asns)),
        reasons=finding.reasons,
    )


def _larger(one: float | None, other: float | None) -> float | None:
    known = [number for number in (one, other) if number is not None]
    return max(known, default=None)
