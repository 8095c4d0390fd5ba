"""The public page as files: complete without scripts, with relative links, so that any web space, a
folder or a mirror can have it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from probe.hub.badges import badges
from probe.hub.feeds import atom, json_feed
from probe.hub.ledger import PublicIncident, ReleaseState
from probe.hub.months import MonthDocument, listed, months_of
from probe.hub.page_writer import PageWriter, file_of, said_time
from probe.hub.recorded_findings import NetworkTable
from probe.hub.site_form import MADE_FILE, made_of
from probe.hub.site_parts import API_VERSION, IncidentPage, PlaceNames, iso, page_of
from probe.hub.site_pictures import SitePictures, of_country, of_incident
from probe.hub.strips import NOT_SAID, OK, SHOWN, WORDS, StripTime, strips_of
from probe.model.finding import Finding, FindingKind, Reference, Scope
from probe.nation.incident_words import words_beside
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.report.axis_labels import Tick
from probe.publish.report.plot import marks
from probe.publish.report.times import TimeWriter

if TYPE_CHECKING:
    from probe.publish.picture.drawn_card import Pencil

# A finding that is older is told with its time.
STALE_SECONDS = 900.0
_STATES = {kind: state for kind, state, _ in SHOWN}
_ORDER = (*_STATES.values(), NOT_SAID, OK)


class PublicSite(Struct, frozen=True, kw_only=True):
    """What is shown: ``name`` of who publishes, ``home`` (its address with a slash at the end, or
    empty), all ``incidents`` (only those that were released are shown), the last ``findings``, and
    networks over a day and a month, each with its table. ``renew_seconds``: how often browsers look
    again. ``language``: of the pages that are called index.html; the others are beside them."""

    name: str
    home: str
    made_at: float
    version: str
    names: PlaceNames
    incidents: tuple[PublicIncident, ...]
    findings: tuple[Finding, ...]
    day: tuple[StripTime, NetworkTable]
    month: tuple[StripTime, NetworkTable]
    renew_seconds: int = 300
    language: str = ENGLISH


class PlatformNow(Struct, frozen=True, kw_only=True):
    """How it stands with a platform in a country; ``state``: a class of the page, ``words``: the
    sentence in a few words, for where there is no room for it, ``as_of`` (RFC 3339) when it was so,
    ``path``: of the incident that says so."""

    country: str
    platform: str
    title: str
    state: str
    sentence: str
    words: str
    as_of: str
    path: str = ""


class NowDocument(Struct, frozen=True, kw_only=True):
    """``api/v1/now.json``. Times are RFC 3339."""

    made_at: str
    platforms: tuple[PlatformNow, ...]
    version: int = API_VERSION


class IncidentsDocument(Struct, frozen=True, kw_only=True):
    """``api/v1/incidents.json``: all that was released, the newest first."""

    made_at: str
    incidents: tuple[IncidentPage, ...]
    version: int = API_VERSION


Stands = Callable[[str, bytes, Collection[str]], bool]
"""Whether the file at a path is what it shall be already, and files of these names beside it."""


def _nothing_stands(path: str, body: bytes, beside: Collection[str]) -> bool:
    return False


class SiteContent(Struct, frozen=True, kw_only=True):
    """What is said: of each incident that was released, the newest first, and how it is now in
    each country, by what it is called."""

    pages: tuple[IncidentPage, ...]
    now: Mapping[str, tuple[PlatformNow, ...]]


def content_of(site: PublicSite) -> SiteContent:
    """That of a site."""
    released = [one for one in site.incidents if one.standing is ReleaseState.RELEASED]
    pages = tuple(page_of(one, site.names, site.made_at) for one in released)
    now = _now(site, pages)
    countries = sorted({one.country for one in now}, key=site.names.country)
    return SiteContent(
        pages=pages,
        now={code: tuple(one for one in now if one.country == code) for code in countries},
    )


def files_of(
    site: PublicSite,
    stands: Stands = _nothing_stands,
    pencil: Pencil | None = None,
    content: SiteContent | None = None,
) -> dict[str, bytes]:
    """The files of the site by their path from the root, in the order in which they are to be
    written; without the pages of incidents that stand already as they would be made, and without
    pictures, which ``pencil`` draws; ``content``, if it was made already."""
    content = content_of(site) if content is None else content
    pages = content.pages
    now = [one for several in content.now.values() for one in several]
    made_at = iso(site.made_at)
    made = _json(made_of(site, pencil))
    fresh = stands(MADE_FILE, made, ())
    data = {one.id: _json(one) for one in pages}
    changed = [
        one
        for one in pages
        if not fresh or not stands(_data_path(one), data[one.id], _names_beside(site))
    ]
    found = {
        "feed.atom": atom(pages, name=site.name, home=site.home, made_at=made_at),
        "feed.json": json_feed(pages, name=site.name, home=site.home),
        "api/v1/now.json": _json(NowDocument(made_at=made_at, platforms=tuple(now))),
        "api/v1/incidents.json": _json(IncidentsDocument(made_at=made_at, incidents=tuple(pages))),
        "api/v1/schema.json": _json(_schema()),
    }
    found |= badges(now, {code: site.names.country(code) for code in content.now})
    months = {code: months_of(code, pages) for code in content.now}
    archives = {one.data_path: _json(one) for several in months.values() for one in several}
    archived = [
        one
        for several in months.values()
        for one in several
        if not fresh or not stands(one.data_path, archives[one.data_path], _names_beside(site))
    ]
    strips = {code: list(_strips(site, code, several)) for code, several in content.now.items()}
    ticks = [marks(over.start, over.end, TimeWriter()) for over, _ in (site.day, site.month)]
    pictures = None if pencil is None else SitePictures(site, pencil)
    for code in OFFERED:
        write = PageWriter(site, Tongue(code), pictures)
        found |= _pages(site, write, content, changed, strips, ticks)
        found |= _month_pages(site, write, archived)
    # The own language may have been another one: what was given out then is still written.
    found |= {
        path.removesuffix("index.html") + f"index.{site.language}.html": body
        for path, body in found.items()
        if path.endswith("index.html")
    }
    # After their pages: who is interrupted between them makes these again.
    found |= {_data_path(one): data[one.id] for one in changed}
    found |= {one.data_path: archives[one.data_path] for one in archived}
    return found | {MADE_FILE: made}


def _data_path(one: IncidentPage) -> str:
    return f"incidents/{one.id}/incident.json"


def _names_beside(site: PublicSite) -> set[str]:
    """The pages of an incident."""
    return {file_of(code, site.language) for code in OFFERED} | {f"index.{site.language}.html"}


def _pages(
    site: PublicSite,
    write: PageWriter,
    content: SiteContent,
    changed: Sequence[IncidentPage],
    strips: Mapping[str, Sequence[Any]],
    ticks: Sequence[Sequence[Tick]],
) -> dict[str, bytes]:
    """What people read, in one language. ``changed``: the incidents whose pages are made;
    ``strips`` by country, ``ticks`` of day and month."""
    found = {
        write.place("index.html"): write.page(
            "site_index.html.j2",
            title=site.name,
            up="",
            countries=list(content.now.items()),
            incidents=content.pages[:20],
            share=None,
        )
    }
    for code, now in content.now.items():
        path = f"{code.lower()}/index.html"
        own = [one for one in content.pages if one.country == code]
        several = listed(own)
        found[write.place(path)] = write.page(
            "site_country.html.j2",
            title=f"{write.country(code)}: {site.name}",
            up="../",
            country=code,
            now=now,
            strips=strips[code],
            ticks=ticks,
            incidents=several,
            months=months_of(code, own) if len(several) < len(own) else (),
            share=write.share(path, write.country(code), of_country(site, code, now)),
        )
    for one in changed:
        heading = write.heading(one)
        found[write.place(one.path)] = write.page(
            "site_incident.html.j2",
            title=f"{heading} ({site.name})",
            up="../../",
            one=one,
            share=write.share(one.path, heading, of_incident(site, one), one.sentence),
        )
    return found


def _month_pages(
    site: PublicSite, write: PageWriter, months: Sequence[MonthDocument]
) -> dict[str, bytes]:
    return {
        write.place(one.path): write.page(
            "site_month.html.j2",
            title=f"{write.country(one.country)}, {write.said(one.label)}: {site.name}",
            up="../../",
            month=one,
            share=None,
        )
        for one in months
    }


def _now(site: PublicSite, pages: Sequence[IncidentPage]) -> list[PlatformNow]:
    """Each country and platform of which anything is known or was said."""
    open_pages = [one for one in pages if one.ended_at is None]
    at_work = {
        (one.incident.country, one.incident.platform)
        for one in site.incidents
        if one.incident.closed_at is None and one.standing is not ReleaseState.RELEASED
    }
    findings = {
        (one.country, one.platform): one
        for one in site.findings
        if one.kind is FindingKind.RESTRICTED
    }
    last_heard = {one.incident.id: one.incident.updated_at for one in site.incidents}
    places = {*findings, *at_work, *((one.country, one.platform) for one in pages)}
    found = []
    for country, platform in sorted(places):
        title = site.names.platforms.get(platform, platform) or "Every vantage"
        as_of = iso(site.made_at)
        grave = [
            one
            for kind in (*_STATES, FindingKind.SILENT)
            for one in open_pages
            if (one.country, one.platform, one.kind) == (country, platform, kind)
        ]
        if grave:
            state = _STATES.get(grave[0].kind, "offline")
            sentence, path = grave[0].sentence, grave[0].path
            words = words_beside(grave[0].kind, grave[0].scope, grave[0].reference)
            heard = last_heard[grave[0].id]
            if site.made_at - heard > STALE_SECONDS:
                as_of = iso(heard)
                sentence = f"As of {said_time(as_of)}: {sentence}"
        elif platform == "":
            continue
        else:
            path = ""
            state, sentence = _calm(
                title, findings.get((country, platform)), (country, platform) in at_work
            )
            words = WORDS[state]
        found.append(
            PlatformNow(
                country=country,
                platform=platform,
                title=title,
                state=state,
                sentence=sentence,
                words=words,
                as_of=as_of,
                path=path,
            )
        )
    # What is the matter comes first.
    return sorted(found, key=lambda one: (one.country, _ORDER.index(one.state)))


def _calm(title: str, finding: Finding | None, at_work: bool) -> tuple[str, str]:
    """Where no incident was released: the page's class, and a sentence."""
    if at_work or (finding is not None and finding.affected_asns):
        return NOT_SAID, f"Nothing is said of {title} for now."
    if finding is None:
        return NOT_SAID, f"How it is with {title} is not known: nothing was heard lately."
    if finding.scope is Scope.INSUFFICIENT or finding.reference is Reference.FAILING:
        return NOT_SAID, finding.sentence
    count = len(finding.covered_asns)
    where = "In the one network that is heard, most vantages do not find"
    if count > 1:
        where = f"In none of the {count} networks that are heard do most vantages find"
    return OK, f"{where} {title} throttled or blocked."


def _strips(
    site: PublicSite, country: str, now: Sequence[PlatformNow]
) -> Iterator[tuple[str, list[tuple[str, Any, Any]]]]:
    """Each platform's networks: a name, its day and its month."""
    for one in now:
        if one.country != country or not one.platform:
            continue
        by_asn: dict[int, list[Any]] = {}
        for number, (over, table) in enumerate((site.day, site.month)):
            for strip in strips_of(country, one.platform, table, over, site.incidents):
                by_asn.setdefault(strip.asn, [None, None])[number] = strip
        yield (
            one.title,
            [(site.names.network(asn), *several) for asn, several in sorted(by_asn.items())],
        )


def _schema() -> Mapping[str, Any]:
    """JSON Schema of the documents of the API."""
    (now, incidents, month), components = msgspec.json.schema_components(
        (NowDocument, IncidentsDocument, MonthDocument), ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "now.json is a NowDocument, incidents.json an IncidentsDocument; that of a "
        "country's month is a MonthDocument.",
        "anyOf": [now, incidents, month],
        "$defs": components,
    }


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
