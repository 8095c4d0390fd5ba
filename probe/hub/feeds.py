"""Atom and JSON feeds of what was released. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as Xml

import msgspec

from probe.hub.site_parts import IncidentPage

ATOM = "http://www.w3.org/2005/Atom"
JSON_FEED = "https://jsonfeed.org/version/1.1"
MOST_ENTRIES = 100


def text_of(page: IncidentPage) -> str:
    """What an entry says: the sentence, how it ended, and every correction."""
    said = [page.sentence]
    if page.ended_at is not None:
        how = "Ended" if page.ending == "recovered" else "Not heard of any more since"
        said.append(f"{how} {page.ended_at}.")
    said += [f"Correction of {one.at}: {one.text}" for one in page.corrections]
    return " ".join(said)


def atom(pages: Sequence[IncidentPage], *, name: str, home: str, made_at: str) -> bytes:
    """RFC 4287. ``home``: the site's address with a slash, or empty: links are relative then."""
    Xml.register_namespace("", ATOM)
    feed = Xml.Element(f"{{{ATOM}}}feed")
    _add(feed, "id", _identity(f"feed:{name}"))
    _add(feed, "title", name)
    _add(feed, "updated", max((one.changed_at for one in pages), default=made_at))
    Xml.SubElement(feed, f"{{{ATOM}}}link", {"rel": "self", "href": f"{home}feed.atom"})
    Xml.SubElement(feed, f"{{{ATOM}}}link", {"href": f"{home}index.html"})
    author = Xml.SubElement(feed, f"{{{ATOM}}}author")
    _add(author, "name", name)
    for page in pages[:MOST_ENTRIES]:
        entry = Xml.SubElement(feed, f"{{{ATOM}}}entry")
        _add(entry, "id", _identity(page.id))
        _add(entry, "title", page.title)
        _add(entry, "published", page.released_at)
        _add(entry, "updated", page.changed_at)
        Xml.SubElement(entry, f"{{{ATOM}}}link", {"href": f"{home}{page.path}"})
        _add(entry, "summary", text_of(page))
    return bytes(Xml.tostring(feed, encoding="utf-8", xml_declaration=True))


def json_feed(pages: Sequence[IncidentPage], *, name: str, home: str) -> bytes:
    """JSON Feed 1.1."""
    feed = {
        "version": JSON_FEED,
        "title": name,
        "home_page_url": f"{home}index.html",
        "feed_url": f"{home}feed.json",
        "items": [
            {
                "id": _identity(page.id),
                "url": f"{home}{page.path}",
                "title": page.title,
                "content_text": text_of(page),
                "date_published": page.released_at,
                "date_modified": page.changed_at,
                "tags": [page.country, page.platform, page.kind.value, page.scope.value],
            }
            for page in pages[:MOST_ENTRIES]
        ],
    }
    return msgspec.json.format(msgspec.json.encode(feed), indent=1)


def _identity(of: str) -> str:
    """The same for ever, wherever the site is."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'throttlewatch:{of}')}"


def _add(to: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(to, f"{{{ATOM}}}{name}").text = text
