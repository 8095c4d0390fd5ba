"""Records of decisions are numbered, dated, and all on their page."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "docs" / "decisions"
INDEX = (FOLDER / "README.md").read_text()
RECORDS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


def test_records_are_numbered_without_gaps() -> None:
    assert RECORDS
    numbers = [re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", path.name) for path in RECORDS]
    assert [found and int(found[1]) for found in numbers] == list(range(1, len(RECORDS) + 1))


def test_the_page_has_each_record_by_its_title() -> None:
    rows = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", INDEX, flags=re.MULTILINE)
    titles = [path.read_text().splitlines()[0].removeprefix("# ") for path in RECORDS]
    wanted = [
        (path.name[:4], path.name, title) for path, title in zip(RECORDS, titles, strict=True)
    ]
    assert rows == wanted


def test_a_record_has_its_status_and_date() -> None:
    status = re.compile(
        r"^\*\*Status:\*\* (accepted|replaced by \[\d{4}\]\S+), 20\d\d-\d\d", re.MULTILINE
    )
    assert not [path.name for path in RECORDS if not status.search(path.read_text())]
