"""A finding is said as surely, and of as much, wherever it is said: one table for all of them."""

from __future__ import annotations

import re
from html import unescape
from itertools import product

import pytest

from probe.hub.announcing import Announcements, news
from probe.hub.badges import badges
from probe.hub.cards import country_card, incident_card
from probe.hub.page_writer import PageWriter
from probe.hub.site import content_of, files_of
from probe.hub.site_parts import PlaceNames
from probe.model.finding import FindingKind, Reference, Scope
from probe.nation.finding_words import only_like, sentence
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from tests.hub.test_site import NOW, finding, released, site_of

LIKE, WIDE = "consistent with", "nation-wide"
SCOPES = (Scope.INSUFFICIENT, Scope.NETWORK, Scope.PARTIAL, Scope.NATION)
REFERENCES = (Reference.ABSENT, Reference.DIVIDED, Reference.FINE)
CASES = [*product((kind for kind in FindingKind), SCOPES, REFERENCES)]


@pytest.mark.parametrize(("kind", "scope", "reference"), CASES)
def test_whoever_says_it_says_it_with_the_same_caution(
    kind: FindingKind, scope: Scope, reference: Reference
) -> None:
    platform = "" if kind is FindingKind.SILENT else "x"
    found = finding(
        platform=platform,
        kind=kind,
        scope=scope,
        reference=reference,
        affected_asns=(1, 2),
        affected_share=0.75,
        affected_vantages=4,
        vantages=5,
        since=NOW,
    )
    words = sentence(found, "X").sentence
    one = released(platform=platform, kind=kind, scope=scope, reference=reference, sentence=words)
    site = site_of(one)
    files, content = files_of(site), content_of(site)
    (page,), (now,) = content.pages, content.now["PK"]
    write = PageWriter(site, Tongue())
    (badge,) = badges([now], {"PK": "Pakistan"}).values()
    _, (notice,) = news(Announcements(), [one], {"x": "X"}, "")
    shown = re.sub("<style>.*?</style>|<[^>]+>", " ", files["pk/index.html"].decode(), flags=re.S)
    texts = {
        "the page, now": now.sentence,
        "the page, in its list": page.title,
        "the page itself": unescape(shown),
        "a badge": re.sub("<title>.*?</title>", "", badge.decode()),
        "a picture of the country": country_card(site, write, "PK", [now]).rows[0].words,
        "a picture of the incident": incident_card(site, write, page).heading,
        "the feeds": files["feed.atom"].decode(),
        "a message's title": notice.title,
        "a message": notice.text,
    }
    silent = kind is FindingKind.SILENT
    like = only_like(scope, reference) and not silent
    assert {where: LIKE in text for where, text in texts.items()} == dict.fromkeys(texts, like)
    wide = scope is Scope.NATION and not silent
    # A strip's legend and the question at the head say no country's name of it.
    assert {where: WIDE in text for where, text in texts.items()} == dict.fromkeys(texts, wide)


@pytest.mark.parametrize("code", [code for code in OFFERED if code != ENGLISH])
def test_what_stands_on_a_picture_has_its_words_in_every_language(code: str) -> None:
    for kind, scope, reference in CASES:
        one = released(
            platform="" if kind is FindingKind.SILENT else "x",
            kind=kind,
            scope=scope,
            reference=reference,
        )
        site = site_of(one)
        (now,) = content_of(site).now["PK"]
        card = country_card(site, PageWriter(site, Tongue(code)), "PK", [now])
        assert card.rows[0].words != now.words, f"{now.words!r} stays English"
        assert card.has_room


def test_a_picture_of_many_platforms_says_how_many_more_there_are() -> None:
    names = PlaceNames(platforms={f"p{i}": f"P{i}" for i in range(7)})
    offline = {"kind": FindingKind.OFFLINE, "reference": Reference.ABSENT}
    grave = [released(id=f"pk-{i}", platform=f"p{i}", **offline) for i in range(7)]
    site = site_of(*grave, names=names)
    now = content_of(site).now["PK"]
    for code in OFFERED:
        card = country_card(site, PageWriter(site, Tongue(code)), "PK", now)
        assert card.has_room
        assert 2 < len(card.rows) <= 7
        shown = len(card.rows)
        last = card.rows[-1].title
        assert last == (f"+{7 - shown + 1}" if shown < 7 else last)
