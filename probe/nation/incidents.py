"""Incidents: what findings become over time. Old incidents and findings in, new ones out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.model.finding import Ending, Finding, Incident, Reference, Scope
from probe.nation.fusion_memory import FindingKey
from probe.nation.sight import GRID_SECONDS

_WIDTH = (
    Scope.NONE,
    Scope.VANTAGE,
    Scope.INSUFFICIENT,
    Scope.NETWORK,
    Scope.PARTIAL,
    Scope.NATION,
)


class Watch(Struct, frozen=True, kw_only=True):
    """An open incident; ``heard_at`` is the last step that had data of its networks,
    ``clear_since`` the first of the steps without a break at which none was affected, and at least
    half of those that had been said so."""

    incident: Incident
    heard_at: float
    clear_since: float | None = None


class Incidents(Struct, frozen=True, kw_only=True):
    """The open incidents by what they are about."""

    open: Mapping[FindingKey, Watch] = {}

    def resumed(
        self, incidents: Iterable[Incident], at: float
    ) -> tuple[Incidents, tuple[Incident, ...]]:
        """These, and those that were open when an earlier run ended, which began before. What this
        run had opened of the same before it knew of them is closed, and given too. That nobody was
        heard while no daemon ran closes none: how long that was, only the wall clock says."""
        still, merged = dict(self.open), []
        for incident in incidents:
            if incident.closed_at is not None:
                continue
            key = key_of(incident)
            heard_at, watch = at, self.open.get(key)
            if watch is not None:
                merged.append(_closed(watch, at, Ending.MERGED).incident)
                incident, heard_at = _joined(incident, watch.incident), watch.heard_at
            still[key] = Watch(incident=incident, heard_at=heard_at)
        return Incidents(open=still), tuple(merged)

    def moved(self, by: float) -> Incidents:
        """These after the wall clock was set ``by`` so many seconds: nothing lasted longer or
        shorter for that, and none is closed for good because of it."""

        def after(watch: Watch) -> Watch:
            clear = None if watch.clear_since is None else watch.clear_since + by
            return replace(watch, heard_at=watch.heard_at + by, clear_since=clear)

        return Incidents(open={key: after(watch) for key, watch in self.open.items()})

    def advance(
        self, findings: Iterable[Finding], at: float, thresholds: NationConfig
    ) -> tuple[Incidents, tuple[Incident, ...]]:
        """The incidents after the step ``at``, and those that were opened, changed or closed."""
        present = {key_of(finding): finding for finding in findings}
        still: dict[FindingKey, Watch] = {}
        changed: list[Incident] = []
        for key, watch in self.open.items():
            after = _after(watch, present.get(key), at, thresholds)
            if after.incident != watch.incident:
                changed.append(after.incident)
            if after.incident.closed_at is None:
                still[key] = after
        for key, finding in present.items():
            if key not in self.open and _affected(finding):
                incident = _opened(finding)
                changed.append(incident)
                still[key] = Watch(incident=incident, heard_at=at)
        return Incidents(open=still), tuple(changed)


def key_of(told: Finding | Incident) -> FindingKey:
    """What a finding or an incident is about."""
    return told.country, told.platform, told.kind, told.drill, told.transport


def severity_of(finding: Finding) -> float:
    """Factor x share x minutes of one step. Where no factor is known (a slow line's own level
    is not compared), it counts as 1."""
    return (finding.factor or 1.0) * (finding.affected_share or 0.0) * GRID_SECONDS / 60.0


def _affected(finding: Finding) -> bool:
    return bool(finding.affected_asns) and finding.reference is not Reference.FAILING


def _tells(finding: Finding, incident: Incident) -> bool:
    """Whether at least half of the networks that were affected say something now."""
    heard = set(incident.networks) & set(finding.covered_asns)
    return bool(finding.covered_asns) and 2 * len(heard) >= len(incident.networks)


def _opened(finding: Finding) -> Incident:
    country, platform, kind = finding.country, finding.platform, finding.kind.value
    drill = "drill-" if finding.drill else ""
    over = f"-{finding.transport}" if finding.transport else ""
    return Incident(
        id=f"{drill}{country.lower()}-{platform}-{kind}{over}-{finding.at:.0f}",
        country=country,
        platform=platform,
        kind=finding.kind,
        scope=finding.scope,
        since=finding.at if finding.since is None else finding.since,
        opened_at=finding.at,
        updated_at=finding.at,
        severity=severity_of(finding),
        peak_share=finding.affected_share or 0.0,
        networks=finding.affected_asns,
        sentence=finding.sentence,
        reference=finding.reference,
        systematic=finding.systematic,
        drill=finding.drill,
        transport=finding.transport,
        height_sentence=finding.sentence,
        height_at=finding.at,
        height_share=finding.affected_share or 0.0,
        height_networks=len(finding.affected_asns),
    )


def _after(watch: Watch, finding: Finding | None, at: float, thresholds: NationConfig) -> Watch:
    incident = watch.incident
    if finding is not None and _affected(finding):
        return Watch(incident=_joined(incident, _opened(finding)), heard_at=at)
    if finding is None or not _tells(finding, incident):
        # Silence is not recovery, nor is that of those who could tell: lines that were throttled
        # and then cut are no better.
        if at - watch.heard_at >= thresholds.forget:
            return _closed(watch, at, Ending.NO_DATA)
        return Watch(incident=incident, heard_at=watch.heard_at)
    clear_since = at if watch.clear_since is None else watch.clear_since
    after = Watch(incident=incident, heard_at=at, clear_since=clear_since)
    if at - clear_since >= thresholds.close:
        return _closed(after, at, Ending.RECOVERED)
    return after


def _closed(watch: Watch, at: float, ending: Ending) -> Watch:
    return Watch(
        incident=replace(watch.incident, closed_at=at, ending=ending), heard_at=watch.heard_at
    )


def _joined(earlier: Incident, later: Incident) -> Incident:
    """``earlier``, and what ``later`` adds to it: one that was opened besides, or that a further
    step would open."""
    wider = _WIDTH.index(later.scope) >= _WIDTH.index(earlier.scope)
    highest = later if _height(later) >= _height(earlier) else earlier
    return replace(
        later if wider else earlier,
        id=earlier.id,
        since=min(earlier.since, later.since),
        opened_at=earlier.opened_at,
        updated_at=later.updated_at,
        severity=earlier.severity + later.severity,
        peak_share=max(earlier.peak_share, later.peak_share),
        networks=tuple(sorted({*earlier.networks, *later.networks})),
        systematic=earlier.systematic or later.systematic,
        height_sentence=highest.height_sentence,
        height_at=highest.height_at,
        height_share=highest.height_share,
        height_networks=highest.height_networks,
    )


def _height(incident: Incident) -> tuple[int, float, int]:
    known = incident.height_at is not None
    share = incident.height_share if known else incident.peak_share
    return _WIDTH.index(incident.scope), share, incident.height_networks
