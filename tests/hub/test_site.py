"""What a page shows of drafts, of what is released, and of what nobody knows."""

from __future__ import annotations

import posixpath
import re
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.hub.ledger import Correction, NetworkEvidence, PublicIncident, ReleaseState
from probe.hub.site import IncidentsDocument, NowDocument, PublicSite, files_of
from probe.hub.site_parts import PlaceNames
from probe.hub.strips import NOT_SAID, OK, StripTime, strips_of
from probe.model.finding import Ending, Finding, FindingKind, Incident, Reference, Scope
from probe.publish.languages.offered import ENGLISH, OFFERED

NOW = 1_768_910_400.0
HOUR = 3_600.0


def incident(**more: Any) -> Incident:
    one = Incident(
        id="pk-x-restricted-1",
        country="PK",
        platform="x",
        kind=FindingKind.RESTRICTED,
        scope=Scope.NATION,
        since=NOW - 4 * HOUR,
        opened_at=NOW - 4 * HOUR,
        updated_at=NOW,
        severity=1.0,
        peak_share=0.75,
        networks=(1, 2),
        sentence="PK: what is seen of X is consistent with its being throttled or blocked.",
    )
    return replace(one, **more)


def released(**more: Any) -> PublicIncident:
    return PublicIncident(
        incident=incident(**more), standing=ReleaseState.RELEASED, released_at=NOW, heard=4
    )


def finding(**more: Any) -> Finding:
    one = Finding(
        at=NOW,
        country="PK",
        platform="x",
        kind=FindingKind.RESTRICTED,
        scope=Scope.NONE,
        sentence="PK: X is throttled or blocked in 0 of 3 networks.",
        covered_asns=(1, 2, 3),
    )
    return replace(one, **more)


X_ALONE = PlaceNames(platforms={"x": "X"})


def site_of(
    *incidents: PublicIncident, findings: tuple[Finding, ...] = (), names: PlaceNames = X_ALONE
) -> PublicSite:
    over = StripTime(start=NOW - 24 * HOUR, end=NOW, step_seconds=HOUR)
    return PublicSite(
        name="Watch",
        home="https://watch.example.org/",
        made_at=NOW,
        version="1",
        names=names,
        incidents=incidents,
        findings=findings,
        day=(over, {}),
        month=(over, {}),
    )


def shown(
    *incidents: PublicIncident, findings: tuple[Finding, ...] = (), names: PlaceNames = X_ALONE
) -> dict[str, bytes]:
    return files_of(site_of(*incidents, findings=findings, names=names))


def now_of(*incidents: PublicIncident, findings: tuple[Finding, ...] = ()) -> tuple[str, str]:
    files = shown(*incidents, findings=findings)
    document = msgspec.json.decode(files["api/v1/now.json"], type=NowDocument)
    (one,) = document.platforms
    return one.state, one.sentence


def test_how_it_is_now_is_said_as_far_as_it_is_known_and_released() -> None:
    assert now_of(released()) == ("throttled", incident().sentence)
    draft = PublicIncident(incident=incident())
    calm = finding()
    for held in (draft, replace(draft, standing=ReleaseState.HELD)):
        assert now_of(held, findings=(calm,)) == (NOT_SAID, "Nothing is said of X for now.")
    # What is affected and no incident yet is no calm.
    assert now_of(findings=(finding(affected_asns=(1,)),))[0] == NOT_SAID
    assert now_of(findings=(calm,)) == (
        OK,
        "In none of the 3 networks that are heard do most vantages find X throttled or blocked.",
    )
    few = finding(scope=Scope.INSUFFICIENT, sentence="PK: insufficient coverage.")
    assert now_of(findings=(few,)) == (NOT_SAID, few.sentence)
    ended = released(closed_at=NOW, ending=Ending.RECOVERED)
    assert now_of(ended) == (
        NOT_SAID,
        "How it is with X is not known: nothing was heard lately.",
    )
    old = released(updated_at=NOW - HOUR)
    assert now_of(old)[1] == f"As of 2026-01-20 11:00 UTC: {incident().sentence}"
    # So does its badge, whenever that was made.
    assert b"(2026-01-20 11:00 UTC)" in shown(old)["badge/pk-x.svg"]


def test_of_what_is_over_its_height_is_told() -> None:
    one = released(closed_at=NOW, height_at=NOW - 3 * HOUR, height_sentence="PK: X is slow.")
    files = shown(one)
    (path,) = [path for path in files if path.endswith("pk-x-restricted-1/index.html")]
    words = "What was found at its height on 2026-01-20 09:00 UTC: PK: X is slow."
    assert words in files[path].decode()


def test_a_draft_is_in_no_file() -> None:
    secret = incident(sentence="PK: a draft that nobody may read.", id="pk-x-restricted-7")
    for state in (ReleaseState.DRAFT, ReleaseState.HELD):
        files = shown(PublicIncident(incident=secret, standing=state))
        assert not [name for name in files if "pk-x-restricted-7" in name]
        assert not [name for name, body in files.items() if b"nobody may read" in body]


@pytest.mark.parametrize("language", [code for code in OFFERED if code != ENGLISH])
def test_every_page_is_in_every_language_and_nothing_of_it_is_left_in_english(
    language: str,
) -> None:
    said = "PK: X is throttled or blocked nation-wide, 2 of 4 networks (each counts alike), since "
    said += "2026-01-20 08:00 UTC."
    corrected = replace(
        released(sentence=said), corrections=(Correction(at=NOW, text="A person's words."),)
    )
    ended = released(
        id="pk-x-impaired-1",
        kind=FindingKind.IMPAIRED,
        scope=Scope.NETWORK,
        closed_at=NOW,
        ending=Ending.NO_DATA,
        systematic=True,
        sentence="PK: X is slow or failing in one network: AS1.",
    )
    calm = (finding(platform="f"), finding(platform="g", covered_asns=(1,)))
    known = replace(X_ALONE, platforms={"x": "X", "f": "F", "g": "G"})
    files = shown(corrected, ended, findings=calm, names=known)
    english = [name for name in files if name.endswith("/index.html") or name == "index.html"]
    assert len(english) == 5
    direction = "rtl" if OFFERED[language].right_to_left else "ltr"
    for name in english:
        page = files[name.replace("index.html", f"index.{language}.html")].decode()
        assert f'<html lang="{language}" dir="{direction}">' in page
        assert '<span lang="en"' not in page
        # Whoever reads on stays in the language, and each page leads to itself in the others.
        links = re.findall(r'<a href="([^"]*html)"', page)
        others = {f"index.{code}.html" for code in OFFERED if code not in (language, ENGLISH)}
        assert {*others, "index.html"} <= set(links)
        inner = [one for one in links if "/" in one and not one.startswith("http")]
        assert inner
        assert all(one.endswith(f"/index.{language}.html") for one in inner)
        for one in links:
            if not one.startswith("http"):
                assert posixpath.normpath(posixpath.join(posixpath.dirname(name), one)) in files


def test_what_is_published_is_what_the_schema_says_and_no_number_is_made_up() -> None:
    one = replace(
        released(reference=Reference.ABSENT, closed_at=NOW, ending=Ending.NO_DATA),
        evidence=(NetworkEvidence(asn=1, affected=1, vantages=2),),
        corrections=(Correction(NOW, "<script>alert(1)</script> & more"),),
    )
    files = shown(one)
    document = msgspec.json.decode(files["api/v1/incidents.json"], type=IncidentsDocument)
    (page,) = document.incidents
    assert page.factor is None
    assert "How many times slower it is: that is not known." in page.may_not_be_said
    assert "That it is fine outside the country: no vantage abroad showed that." in (
        page.may_not_be_said
    )
    assert page.title == (
        "Pakistan: What was seen of X was consistent with its being throttled or blocked "
        "nation-wide"
    )
    html = files[page.path].decode()
    assert "slower at the median" not in html
    assert "<script" not in html
    assert "How it went on is not known" in html
    schema = msgspec.json.decode(files["api/v1/schema.json"])
    described = schema["$defs"]["IncidentPage"]["properties"]
    assert set(described) == set(msgspec.to_builtins(page))
    assert files["feed.atom"].count(b"https://watch.example.org/incidents/") == 1


CELLS = st.dictionaries(
    st.integers(1, 24),
    st.dictionaries(st.integers(1, 3), st.sampled_from((0.0, 1.0)), max_size=3),
    max_size=24,
)


@given(
    CELLS,
    CELLS,
    st.lists(
        st.tuples(
            st.sampled_from(ReleaseState),
            st.sampled_from((FindingKind.RESTRICTED, FindingKind.IMPAIRED)),
            st.integers(0, 23),
            st.integers(0, 12),
        ),
        max_size=4,
    ),
)
def test_a_strip_shows_nothing_but_what_was_measured_and_released(
    restricted: dict[int, dict[int, float]],
    impaired: dict[int, dict[int, float]],
    decided: list[tuple[ReleaseState, FindingKind, int, int]],
) -> None:
    over = StripTime(start=0.0, end=24 * HOUR, step_seconds=HOUR)
    incidents = [
        PublicIncident(
            incident=incident(
                kind=kind,
                since=begin * HOUR,
                updated_at=(begin + hours) * HOUR,
                closed_at=(begin + hours + 1) * HOUR,
                networks=(1, 2),
            ),
            standing=state,
        )
        for state, kind, begin, hours in decided
    ]
    table = {("PK", "x", "restricted"): restricted, ("PK", "x", "impaired"): impaired}
    for strip in strips_of("PK", "x", table, over, incidents):
        for piece in strip.pieces:
            first = round(piece.left * 24 / 100) + 1
            for step in range(first, first + round(piece.width * 24 / 100)):
                said = {
                    kind: cells[step][strip.asn]
                    for kind, cells in (("throttled", restricted), ("impaired", impaired))
                    if strip.asn in cells.get(step, {})
                }
                assert said, "what was not measured has no piece"
                if piece.state == OK:
                    assert not any(said.values())
                elif piece.state != NOT_SAID:
                    assert said[piece.state] == 1.0
                    assert strip.asn in (1, 2)
                    assert [one for one in incidents if one.standing is ReleaseState.RELEASED]


@settings(max_examples=12, deadline=None)
@given(st.text(max_size=40), st.sampled_from([released(), PublicIncident(incident=incident())]))
def test_a_badge_says_what_the_page_says_and_runs_nothing(title: str, one: PublicIncident) -> None:
    names = PlaceNames(platforms={"x": title})
    files = shown(one, findings=(finding(),), names=names)
    now = msgspec.json.decode(files["api/v1/now.json"], type=NowDocument)
    root = ElementTree.fromstring(files["badge/pk-x.svg"])
    texts = ["".join(part.itertext()) for part in root.iter() if part.tag.endswith("}text")]
    assert texts[1].startswith(now.platforms[0].words)
    assert "2026-01-20 12:00 UTC" in texts[1]
    tags = {part.tag.rpartition("}")[2] for part in root.iter()}
    assert tags == {"svg", "title", "rect", "g", "text"}
    assert not [name for part in root.iter() for name in part.attrib if name.startswith("on")]
