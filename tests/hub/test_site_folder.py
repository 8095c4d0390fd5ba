"""What is not made again is what would be the same, whatever happened in between."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.hub.ledger import Correction, PublicIncident
from probe.hub.site import PublicSite, files_of
from probe.hub.site_folder import SiteFolder
from probe.hub.site_form import MADE_FILE
from probe.hub.site_parts import PlaceNames
from probe.model.finding import Ending
from tests.hub.test_site import NOW, X_ALONE, finding, released, site_of


def ended(number: int) -> PublicIncident:
    return released(id=f"pk-x-restricted-{number}", closed_at=NOW, ending=Ending.RECOVERED)


OVER, GOING_ON = ended(1), released(id="pk-x-restricted-2")
SITE = site_of(OVER, GOING_ON, findings=(finding(),))
CORRECTED = replace(OVER, corrections=(Correction(NOW + 60.0, "It was one home."),))
# What comes next, and of which incidents that is anything new.
NEXT: dict[str, tuple[PublicSite, set[str]]] = {
    "nothing": (SITE, set()),
    "a minute": (replace(SITE, made_at=NOW + 60.0), {GOING_ON.incident.id}),
    "a correction": (replace(SITE, incidents=(CORRECTED, GOING_ON)), {OVER.incident.id}),
    "another incident": (
        replace(SITE, incidents=(ended(3), OVER, GOING_ON)),
        {"pk-x-restricted-3"},
    ),
    "a name": (replace(SITE, name="Another"), {OVER.incident.id, GOING_ON.incident.id}),
    "an address": (replace(SITE, home=""), {OVER.incident.id, GOING_ON.incident.id}),
    "a language": (replace(SITE, language="ur"), {OVER.incident.id, GOING_ON.incident.id}),
    "a version": (replace(SITE, version="2"), {OVER.incident.id, GOING_ON.incident.id}),
    "a title": (
        replace(SITE, names=PlaceNames(platforms={"x": "Y"}, networks=X_ALONE.networks)),
        {OVER.incident.id, GOING_ON.incident.id},
    ),
}


def whole(folder: Path, site: PublicSite) -> None:
    """Everything is there as it would be if all of it were made anew."""
    for path, body in files_of(site).items():
        assert (folder / path).read_bytes() == body, path


@pytest.mark.parametrize("what", NEXT)
def test_only_what_is_new_is_made_and_all_is_as_if_everything_were(
    tmp_path: Path, what: str
) -> None:
    there = SiteFolder(tmp_path)
    there.write(files_of(SITE, there.stands))
    site, changed = NEXT[what]
    files = files_of(site, there.stands)
    made = {path.split("/")[1] for path in files if path.startswith("incidents/")}
    assert made == changed
    there.write(files)
    whole(tmp_path, site)


def test_what_was_taken_away_or_spoilt_is_made_again(tmp_path: Path) -> None:
    there = SiteFolder(tmp_path)
    there.write(files_of(SITE, there.stands))
    page = tmp_path / "incidents" / OVER.incident.id / "index.ar.html"
    page.unlink()
    there.write(files_of(SITE, there.stands))
    whole(tmp_path, SITE)
    page.with_name("incident.json").write_text("{}")
    there.write(files_of(SITE, there.stands))
    whole(tmp_path, SITE)


@pytest.mark.parametrize("what", ["a correction", "a name", "a language"])
def test_who_is_interrupted_begins_again(tmp_path: Path, what: str) -> None:
    site, _ = NEXT[what]
    count = len(files_of(site))
    assert list(files_of(site))[-1] == MADE_FILE, "it vouches for all the others"
    for done in range(0, count, 7):
        folder = tmp_path / f"{done}"
        there = SiteFolder(folder)
        there.write(files_of(SITE))
        there.write(dict(islice(files_of(site, there.stands).items(), done)))
        there.write(files_of(site, there.stands))
        whole(folder, site)


def test_everybody_may_read_it_whatever_the_mask_and_nobody_elses_folder_is_changed(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    before = os.umask(0o077)
    try:
        SiteFolder(own / "srv" / "site").write(files_of(SITE))
    finally:
        os.umask(before)
    for one in (own / "srv").rglob("*"):
        assert one.stat().st_mode & 0o777 == (0o755 if one.is_dir() else 0o644), one
    assert own.stat().st_mode & 0o777 == 0o700
