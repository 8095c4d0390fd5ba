"""A hub's public page as it could be, for the pictures of docs/images: one country, five networks,
in four of which X is throttled since this morning, and YouTube was five days ago. Made up.
"""

from __future__ import annotations

import time

from probe.hub.ledger import NetworkEvidence, PublicIncident, ReleaseState
from probe.hub.site import PublicSite, files_of
from probe.hub.site_parts import PlaceNames
from probe.hub.strips import StripTime
from probe.model.finding import Ending, Finding, FindingKind, Incident, Reference, Scope

NOW = 1_768_910_400.0
"""20 January 2026, 12:00 UTC."""
HOUR, DAY = 3_600.0, 86_400.0
TITLES = {"x": "X (Twitter)", "youtube": "YouTube"}
NETWORKS = {
    9_541: "Cybernet",
    17_557: "PTCL",
    23_674: "Nayatel",
    45_773: "PERN",
    59_257: "CMPak",
}
SPARED = 45_773
"""The network of universities."""
TIMES = {"x": (NOW - 5.5 * HOUR, NOW), "youtube": (NOW - 5.0 * DAY, NOW - 4.6 * DAY)}
FACTORS = {"x": 21.0, "youtube": 9.0}


def site() -> PublicSite:
    """All that it is made of."""
    return PublicSite(
        name="Net Watch",
        home="https://watch.example.org/",
        made_at=NOW,
        version="0.2.0",
        names=PlaceNames(platforms=TITLES, networks=NETWORKS),
        incidents=tuple(_incident(platform) for platform in TITLES),
        findings=(_calm("youtube"),),
        day=_strips(DAY, 600.0),
        month=_strips(30 * DAY, 7_200.0),
    )


def pages() -> dict[str, str]:
    """The pages that are shown, by the picture's name."""
    files = files_of(site())
    english, urdu = (files[f"pk/index{end}.html"].decode() for end in ("", ".ur"))
    return {"hub": english, "hub-phone": english, "hub-urdu": urdu}


def _struck() -> tuple[int, ...]:
    return tuple(asn for asn in NETWORKS if asn != SPARED)


def _incident(platform: str) -> PublicIncident:
    since, until = TIMES[platform]
    ended = until < NOW
    networks = _struck()
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(since))
    return PublicIncident(
        incident=Incident(
            id=f"pk-{platform}-restricted-{since:.0f}",
            country="PK",
            platform=platform,
            kind=FindingKind.RESTRICTED,
            scope=Scope.NATION,
            reference=Reference.FINE,
            since=since,
            opened_at=since + 600.0,
            updated_at=until,
            closed_at=until + 600.0 if ended else None,
            ending=Ending.RECOVERED if ended else None,
            severity=1.0,
            peak_share=len(networks) / len(NETWORKS),
            networks=networks,
            sentence=(
                f"PK: {TITLES[platform]} {'was' if ended else 'is'} throttled or blocked "
                f"nation-wide, {len(networks)} of {len(NETWORKS)} networks (each counts alike), "
                f"since {when}."
            ),
        ),
        standing=ReleaseState.RELEASED,
        released_at=since + 1_800.0,
        evidence=tuple(
            NetworkEvidence(asn=asn, affected=3, vantages=3, since=since) for asn in networks
        ),
        factor=FACTORS[platform],
        heard=len(NETWORKS),
    )


def _calm(platform: str) -> Finding:
    return Finding(
        at=NOW,
        country="PK",
        platform=platform,
        kind=FindingKind.RESTRICTED,
        scope=Scope.NONE,
        sentence=f"PK: {TITLES[platform]} is throttled or blocked in 0 of 5 networks.",
        covered_asns=tuple(NETWORKS),
    )


def _strips(
    length: float, step_seconds: float
) -> tuple[StripTime, dict[tuple[str, str, str], dict[int, dict[int, float]]]]:
    over = StripTime(start=NOW - length, end=NOW, step_seconds=step_seconds)
    first, last = round(over.start / step_seconds) + 1, round(over.end / step_seconds)
    return over, {
        ("PK", platform, "restricted"): {
            step: {
                asn: float(asn != SPARED and since <= step * step_seconds <= until)
                for asn in NETWORKS
            }
            for step in range(first, last + 1)
        }
        for platform, (since, until) in TIMES.items()
    }
