"""What a minute of `throttlewatch hub publish` costs with many incidents:
``python -m benchmarks.hub_site [INCIDENTS]``.

Incidents are made up: of two countries and four platforms, all but three of them ended. The first
turn writes everything, the next ones come a minute apart each; the folder is on whatever disk /tmp
is. Seconds are of the processor, of this process.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from probe.hub.ledger import NetworkEvidence, PublicIncident, ReleaseState
from probe.hub.site import PublicSite, content_of, files_of
from probe.hub.site_folder import SiteFolder
from probe.hub.site_parts import PlaceNames
from probe.hub.site_pictures import SitePictures
from probe.hub.strips import StripTime
from probe.model.finding import Ending, Finding, FindingKind, Incident, Scope
from probe.publish.picture.card import key_of
from probe.publish.picture.drawn_card import Pencil
from probe.publish.picture.faces import font_folders

NOW = 1_768_910_400.0
HOUR, DAY = 3_600.0, 86_400.0
TITLES = {
    "x": "X (Twitter)",
    "facebook": "Facebook",
    "youtube": "YouTube",
    "instagram": "Instagram",
}
COUNTRIES = ("PK", "TR")
OPEN = 3


def incident(number: int) -> PublicIncident:
    """The ``number``-th, the newest first; the first ones go on."""
    country, platform = COUNTRIES[number % 2], tuple(TITLES)[number // 2 % 4]
    since = NOW - 6 * HOUR - number * 9 * HOUR
    ended = number >= OPEN
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(since))
    of = 3 + number % 9
    said = (
        f"{country}: {TITLES[platform]} is throttled or blocked nation-wide, {of} of {of + 1} "
        f"networks (each counts alike), since {when}."
    )
    return PublicIncident(
        incident=Incident(
            id=f"{country.lower()}-{platform}-restricted-{since:.0f}",
            country=country,
            platform=platform,
            kind=FindingKind.RESTRICTED,
            scope=Scope.NATION,
            since=since,
            opened_at=since + 300,
            updated_at=since + 5 * HOUR if ended else NOW,
            closed_at=since + 5 * HOUR + 600 if ended else None,
            ending=Ending.RECOVERED if ended else None,
            severity=1.0,
            peak_share=of / (of + 1),
            networks=tuple(range(1, of + 1)),
            sentence=said,
        ),
        standing=ReleaseState.RELEASED,
        released_at=since + 1_800,
        evidence=tuple(
            NetworkEvidence(asn=asn, affected=2, vantages=2, since=since + asn)
            for asn in range(1, of + 1)
        ),
        factor=12.0,
        heard=of + 1,
    )


def site_of(count: int, now: float) -> PublicSite:
    """With ``count`` incidents, and a calm platform."""
    over = [
        StripTime(start=now - length, end=now, step_seconds=step)
        for length, step in ((DAY, 600.0), (30 * DAY, 7_200.0))
    ]
    tables = [
        {
            (country, platform, "restricted"): {
                round(one.start / one.step_seconds) + 1 + step: {
                    asn: float(step % 7 == 0) for asn in range(1, 9)
                }
                for step in range(round((one.end - one.start) / one.step_seconds))
            }
            for country in COUNTRIES
            for platform in TITLES
        }
        for one in over
    ]
    return PublicSite(
        name="Net Watch",
        home="https://watch.example.org/",
        made_at=now,
        version="0",
        names=PlaceNames(platforms=TITLES, networks={1: "PTCL", 2: "Nayatel"}),
        incidents=tuple(incident(number) for number in range(count)),
        findings=(
            Finding(
                at=now,
                country="TR",
                platform="youtube",
                kind=FindingKind.RESTRICTED,
                scope=Scope.NONE,
                sentence="TR: YouTube is throttled or blocked in 0 of 3 networks.",
                covered_asns=(1, 2, 3),
            ),
        ),
        day=(over[0], tables[0]),
        month=(over[1], tables[1]),
    )


def main(count: int) -> None:
    """Print seconds of each turn."""
    pencil = Pencil(font_folders())
    with tempfile.TemporaryDirectory() as folder:
        there = SiteFolder(Path(folder))
        for turn in range(4):
            site = site_of(count, NOW + 60.0 * turn)
            began = time.process_time()
            content = content_of(site)
            pictures, left = SitePictures(site, pencil).to_make(
                content.now, content.pages, lambda path: key_of(there.head(path))
            )
            written = there.write(pictures)
            drawn = time.process_time() - began
            written += there.write(files_of(site, there.stands, pencil, content))
            print(
                f"turn {turn}: {time.process_time() - began:.2f} s, {written} files written; "
                f"{drawn:.2f} s of it for {len(pictures)} pictures, {left} left"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
