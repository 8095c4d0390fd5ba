"""docs/lab.md has the table of the scenarios that there are."""

from __future__ import annotations

import re
from pathlib import Path

from scenarios.document import markdown
from scenarios.lines import LINES
from scenarios.table import BY_ID

DOC = Path(__file__).parents[2] / "docs" / "lab.md"


def test_the_table_in_the_documentation_is_the_one_of_the_values() -> None:
    text = DOC.read_text()
    held = text.partition("<!-- scenarios -->\n")[2].partition("<!-- /scenarios -->")[0]
    assert held == markdown(), "paste what `python -m scenarios.document` prints"


def test_every_line_in_the_documentation_has_the_numbers_of_its_kind() -> None:
    text = DOC.read_text()
    for kind in LINES.values():
        (row,) = re.findall(rf"^\| `{kind.name}` .*$", text, re.MULTILINE)
        assert f" {kind.round_trip_seconds * 1e3:.0f} ms " in row
        assert f" {kind.down_bits_per_second / 1e6:.0f} Mbit/s" in row
        assert f" {kind.up_bits_per_second / 1e6:.0f} Mbit/s" in row


def test_commands_in_the_documentation_name_scenarios_that_exist() -> None:
    named = re.findall(r"--(?:scenario|only) ([a-z0-9-]+)", DOC.read_text())
    assert named
    assert set(named) <= set(BY_ID)
