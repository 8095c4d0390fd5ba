"""What the public page and its API say of an incident: flat values with names for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

from probe.config.calling import countries
from probe.hub.ledger import PublicIncident
from probe.model.finding import FindingKind, Reference, Scope
from probe.nation.finding_words import when_over
from probe.nation.incident_words import incident_title
from probe.nation.same_law import law_groups
from probe.publish.report.citing import Link, same_hours_elsewhere

API_VERSION = 1


class PlaceNames(Struct, frozen=True, kw_only=True):
    """What people call platforms (by their names) and networks (by their numbers)."""

    platforms: Mapping[str, str] = {}
    networks: Mapping[int, str] = {}

    def network(self, asn: int) -> str:
        """``AS17557 PTCL``, or the number alone."""
        return f"AS{asn} {self.networks.get(asn, '')}".rstrip()

    def country(self, code: str) -> str:
        """``Pakistan``."""
        return countries().get(code, code)


class PublicNetwork(Struct, frozen=True, kw_only=True):
    """One network's evidence: at most ``affected`` of ``vantages`` vantages, from ``since`` on."""

    asn: int
    name: str
    affected: int
    vantages: int
    since: str | None


class PublicLaw(Struct, frozen=True, kw_only=True):
    """How the throttle works, in a sentence with intervals, and in which networks so or alike."""

    asns: tuple[int, ...]
    sentence: str


class PublicCorrection(Struct, frozen=True, kw_only=True):
    """What was said later, and when (RFC 3339)."""

    at: str
    text: str


class IncidentPage(Struct, frozen=True, kw_only=True):
    """An incident as it is published. Times are RFC 3339 in UTC. ``path``: its page, from the
    site's root. ``factor``: how many times slower at the median affected vantage, the most that was
    recorded; ``null``: not known. ``may_not_be_said``: what this evidence does not bear."""

    id: str
    path: str
    country: str
    platform: str
    kind: FindingKind
    scope: Scope
    title: str
    sentence: str
    since: str
    found_at: str
    released_at: str
    changed_at: str
    ended_at: str | None
    ending: str | None
    factor: float | None
    networks_heard: int
    peak_share: float
    reference: Reference
    together_with_others: bool
    reasons: tuple[str, ...]
    networks: tuple[PublicNetwork, ...]
    laws: tuple[PublicLaw, ...]
    corrections: tuple[PublicCorrection, ...]
    may_not_be_said: tuple[str, ...]
    elsewhere: tuple[Link, ...]


def page_of(one: PublicIncident, names: PlaceNames, now: float) -> IncidentPage:
    """What is published of a released incident."""
    incident = one.incident
    platform = names.platforms.get(incident.platform, incident.platform)
    end = incident.updated_at if incident.closed_at is not None else now
    asns = [evidence.asn for evidence in one.evidence]
    return IncidentPage(
        id=incident.id,
        path=f"incidents/{incident.id}/index.html",
        country=incident.country,
        platform=incident.platform,
        kind=incident.kind,
        scope=incident.scope,
        title=f"{names.country(incident.country)}: {incident_title(incident, platform)}",
        sentence=incident.sentence if incident.closed_at is None else when_over(incident),
        since=iso(incident.since),
        found_at=iso(incident.opened_at),
        released_at=iso(one.released_at or now),
        changed_at=iso(one.changed_at),
        ended_at=None if incident.closed_at is None else iso(incident.updated_at),
        ending=None if incident.ending is None else incident.ending.value,
        factor=one.factor,
        networks_heard=one.heard,
        peak_share=incident.peak_share,
        reference=incident.reference,
        together_with_others=incident.systematic,
        reasons=one.reasons,
        networks=tuple(
            PublicNetwork(
                asn=evidence.asn,
                name=names.networks.get(evidence.asn, ""),
                affected=evidence.affected,
                vantages=evidence.vantages,
                since=None if evidence.since is None else iso(evidence.since),
            )
            for evidence in one.evidence
        ),
        laws=tuple(
            PublicLaw(asns=group.asns, sentence=group.sentence)
            for group in law_groups((known.asn, known.law) for known in one.laws)
        ),
        corrections=tuple(
            PublicCorrection(at=iso(said.at), text=said.text) for said in one.corrections
        ),
        may_not_be_said=_may_not(one, platform),
        elsewhere=same_hours_elsewhere(
            incident.country, asns, incident.since, max(end, incident.since + 1.0)
        ),
    )


def iso(at: float) -> str:
    """``2026-01-20T13:40:00Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _may_not(one: PublicIncident, platform: str) -> tuple[str, ...]:
    """In words that follow from what was measured."""
    incident = one.incident
    found = ["Who did it, on whose order, or why: measurements show effects and not intentions."]
    if incident.scope is not Scope.NATION:
        found.append("That the whole country is affected: it was not shown.")
    found.append(
        f"How it was in any of the country's networks but the {one.heard} that "
        f"{'was' if one.heard == 1 else 'were'} heard."
    )
    if incident.kind is FindingKind.SILENT:
        found.append("Why vantages fell silent: a shutdown and a power cut look alike from here.")
        return tuple(found)
    if incident.kind is FindingKind.IMPAIRED:
        found.append(f"That it is so here alone: it may be {platform}'s own trouble.")
    elif incident.kind is not FindingKind.RESTRICTED:
        found.append(f"That it is about {platform}: everything on these lines is affected.")
    if incident.reference is not Reference.FINE:
        found.append("That it is fine outside the country: no vantage abroad showed that.")
    if one.factor is None and incident.kind is FindingKind.RESTRICTED:
        found.append("How many times slower it is: that is not known.")
    found.append("What people met in apps: a probe is an automated client.")
    return tuple(found)
