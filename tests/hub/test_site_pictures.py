"""Pictures of the public page: which are made when, and what pages say of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.cli import main
from probe.hub import site_pictures
from probe.hub.cards import country_card, incident_card
from probe.hub.ledger import Correction
from probe.hub.page_writer import PageWriter
from probe.hub.site import PublicSite, content_of, files_of
from probe.hub.site_folder import SiteFolder
from probe.hub.site_parts import PlaceNames
from probe.hub.site_pictures import SitePictures
from probe.model.finding import Ending, FindingKind
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.picture.card import KEY_WORD, PictureCard, key_of
from probe.publish.picture.drawn_card import Pencil
from probe.publish.picture.faces import font_folders
from tests.hub.test_site import NOW, finding, released, site_of

OVER = released(id="pk-x-restricted-1", closed_at=NOW, ending=Ending.RECOVERED)
GOING_ON = released(id="pk-x-restricted-2")
SITE = site_of(OVER, GOING_ON, findings=(finding(),))
COUNTRY, ENDED, OPEN = "pk", f"incidents/{OVER.incident.id}", f"incidents/{GOING_ON.incident.id}"
CORRECTED = replace(OVER, corrections=(Correction(NOW + 60.0, "It was one home."),))
# What comes next, and of what that makes other pictures.
NEXT: dict[str, tuple[PublicSite, set[str]]] = {
    "nothing": (SITE, set()),
    "a minute": (replace(SITE, made_at=NOW + 60.0), set()),
    "an hour": (replace(SITE, made_at=NOW + 3_600.0), {COUNTRY, OPEN}),
    "a correction": (replace(SITE, incidents=(CORRECTED, GOING_ON)), {ENDED}),
    "it grows": (
        replace(SITE, incidents=(OVER, replace(GOING_ON, factor=12.0))),
        {OPEN},
    ),
    "a name": (replace(SITE, name="Another"), {COUNTRY, ENDED, OPEN}),
    "a title": (
        replace(SITE, names=PlaceNames(platforms={"x": "Y"})),
        {COUNTRY, ENDED, OPEN},
    ),
}


class Chalk(Pencil):
    """Draws nothing, and counts it: what a picture costs is not what is asked here."""

    def __init__(self, *languages: str) -> None:
        super().__init__(())
        self._languages = languages

    def languages(self) -> tuple[str, ...]:
        return self._languages

    def can(self, card: PictureCard) -> bool:
        return card.has_room

    def drawn(self, card: PictureCard, key: str) -> bytes | None:
        said = f"{KEY_WORD}\0{key}".encode()
        return len(said).to_bytes(4, "big") + b"tEXt" + said + f" {card.language}".encode()


ALL = Chalk(*OFFERED)


def made(site: PublicSite, folder: SiteFolder, pencil: Pencil = ALL) -> tuple[set[str], int]:
    """What one turn draws, and how much it leaves."""
    content = content_of(site)
    files, left = SitePictures(site, pencil).to_make(
        content.now, content.pages, lambda path: key_of(folder.head(path))
    )
    folder.write(files)
    return set(files), left


@pytest.mark.parametrize("what", NEXT)
def test_a_picture_is_made_when_it_would_say_something_else(tmp_path: Path, what: str) -> None:
    folder = SiteFolder(tmp_path)
    first, left = made(SITE, folder)
    assert (len(first), left) == (3 * len(OFFERED), 0)
    site, changed = NEXT[what]
    files, _ = made(site, folder)
    assert {path.rpartition("/")[0] for path in files} == changed
    assert len(files) == len(changed) * len(OFFERED)
    assert made(site, folder) == (set(), 0)


def test_no_turn_makes_more_than_some_and_the_next_ones_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_pictures, "MOST_AT_ONCE", 7)
    folder, seen, left = SiteFolder(tmp_path), set[str](), 1
    while left:
        files, left = made(SITE, folder)
        assert len(files) <= 7
        assert not files & seen
        seen |= files
    assert len(seen) == 3 * len(OFFERED)


def shares(page: bytes) -> dict[str, str]:
    """What a page says to who shows a link to it."""
    return dict(
        re.findall(
            r'<meta (?:property|name)="((?:og|twitter):[a-z:_]+)" content="([^"]*)">', page.decode()
        )
    )


@pytest.mark.parametrize("own", [ENGLISH, "ur"])
def test_each_page_names_its_picture_by_a_whole_address(tmp_path: Path, own: str) -> None:
    site, folder = replace(SITE, language=own), SiteFolder(tmp_path)
    made(site, folder)
    folder.write(files_of(site, pencil=ALL))
    # The first page and lists of months have none.
    bare = {tmp_path, *tmp_path.glob("pk/*-*")}
    pages = [one for one in tmp_path.rglob("index*.html") if one.parent not in bare]
    assert len(pages) == 3 * (len(OFFERED) + 1)
    for page in pages:
        said = shares(page.read_bytes())
        assert said["twitter:card"] == "summary_large_image"
        (language,) = re.findall(r'<html lang="(\w+)"', page.read_text())
        there = tmp_path / said["og:image"].removeprefix(site.home)
        assert there.parent == page.parent
        assert there.read_bytes().endswith(f" {language}".encode())
        assert (tmp_path / said["og:url"].removeprefix(site.home)).read_bytes() == page.read_bytes()
        assert said["og:title"] in re.sub("<[^>]+>", "", page.read_text())


def test_where_a_language_cannot_be_drawn_its_pages_name_the_english_one() -> None:
    files = files_of(SITE, pencil=Chalk("en", "ru"))
    for code, name in (("ur", "picture.png"), ("ru", "picture.ru.png"), ("tr", "picture.png")):
        said = shares(files[f"{ENDED}/index.{code}.html"])
        assert said["og:image"] == f"{SITE.home}{ENDED}/{name}"
    for pencil in (None, Chalk()):
        said = shares(files_of(SITE, pencil=pencil)[f"{ENDED}/index.html"])
        assert "og:image" not in said
        assert said["twitter:card"] == "summary"
    assert shares(files_of(replace(SITE, home=""), pencil=ALL)[f"{ENDED}/index.html"]) == {}


def test_a_title_that_has_no_room_has_no_picture(tmp_path: Path) -> None:
    site = replace(SITE, names=PlaceNames(platforms={"x": "X" * 400}))
    assert "og:image" not in shares(files_of(site, pencil=ALL)[f"{ENDED}/index.html"])


def test_a_picture_says_no_more_than_its_page() -> None:
    """In each language: its numbers and words stand on the page, too; and that it was corrected,
    and as of when it is while it goes on, is on it."""
    rich = replace(CORRECTED, factor=12.0)
    silent = released(
        id="pk--silent-1", kind=FindingKind.SILENT, platform="", sentence="PK: Silence."
    )
    site = site_of(rich, GOING_ON, silent, findings=(finding(),))
    content, files = content_of(site), files_of(site)
    for code in OFFERED:
        write = PageWriter(site, Tongue(code))
        for one in content.pages:
            shown = incident_card(site, write, one)
            assert shown.has_room
            page = re.sub("<[^>]+>|[\u2066-\u2069]", "", files[write.place(one.path)].decode())
            texts = (
                shown.heading,
                shown.note,
                *(t for f in shown.facts for t in (f.number, f.words)),
            )
            for text in texts:
                assert re.sub("[\u2066-\u2069]", "", text) in page
            assert bool(shown.note) == bool(one.corrections)
            as_of = write.said("As of 2026-01-20 12:00 UTC.")
            assert (as_of in shown.when) == (one.ended_at is None)
        (now,) = content.now.values()
        country = country_card(site, write, "PK", now)
        assert country.has_room
        assert write.said("As of 2026-01-20 12:00 UTC.") in country.when
        assert [row.state for row in country.rows] == [one.state for one in now]
        assert [row.words for row in country.rows] == [write.said(one.words) for one in now]


def test_of_many_platforms_how_many_more_there_are_is_said() -> None:
    names = PlaceNames(platforms={f"p{i}": f"P{i}" for i in range(12)})
    site = site_of(*(), findings=tuple(finding(platform=f"p{i}") for i in range(12)), names=names)
    content = content_of(site)
    shown = country_card(site, PageWriter(site, Tongue()), "PK", content.now["PK"])
    assert shown.has_room
    assert [row.title for row in shown.rows][-2:] == ["P3", "+6"]


def test_real_ones_are_drawn_for_every_page(tmp_path: Path) -> None:
    pencil = Pencil(font_folders())
    assert {"en", "tr", "ru"} <= set(pencil.languages())
    folder = SiteFolder(tmp_path)
    files, left = made(SITE, folder, pencil)
    assert left == 0
    assert len(files) == 3 * len(pencil.languages())
    assert made(SITE, folder, pencil) == (set(), 0)


def test_without_the_library_or_its_fonts_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    ask = ["hub", "publish", "--engine", "http://127.0.0.1:9", "--out", str(tmp_path / "site")]
    ask += ["--ledger", str(tmp_path / "ledger")]
    said = CliRunner().invoke(main, ask).stderr
    assert "no pictures for sharing in English, اردو, فارسی, العربية, Türkçe, Русский" in said
    said = CliRunner().invoke(main, [*ask, "--fonts", str(tmp_path / "none")]).stderr
    assert "there is no such folder" in said
    assert "no pictures" not in CliRunner().invoke(main, [*ask, "--no-pictures"]).stderr
    monkeypatch.setitem(sys.modules, "probe.publish.picture.drawn_card", None)
    assert "install the extra `hub`" in CliRunner().invoke(main, ask).stderr
