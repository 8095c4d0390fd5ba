"""A version is the same wherever it is named, and has a page and a date."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from ruamel.yaml import YAML

from probe import __version__

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
# Newest first; what is not released yet may stand before them.
RELEASED = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE)


def test_the_newest_release_is_this_version() -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert [one for one in headings if one != "Unreleased"] == [f"{v} - {d}" for v, d in RELEASED]
    assert headings.index("Unreleased") == 0 if "Unreleased" in headings else RELEASED
    assert RELEASED[0][0] == __version__


def test_the_citation_has_its_version_and_date() -> None:
    cited = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["version"], cited["date-released"].isoformat()) == RELEASED[0]


def test_each_release_has_a_page_with_its_date() -> None:
    listed = (ROOT / "docs/releases/README.md").read_text(encoding="utf-8")
    for version, day in RELEASED:
        assert f"| [{version}]({version}.md) | {day} |" in listed
        page = (ROOT / "docs/releases" / f"{version}.md").read_text(encoding="utf-8")
        assert f"{date.fromisoformat(day):%-d %B %Y}" in page
    pages = {path.stem for path in (ROOT / "docs/releases").glob("[0-9]*.md")}
    assert pages == {version for version, _ in RELEASED}
