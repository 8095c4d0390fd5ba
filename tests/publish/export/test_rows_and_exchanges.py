"""A report and an export count the same: exchanges, and rows that may be more."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from probe.cli import main
from probe.config.schema import StoreConfig
from probe.model.stored import StoredRound
from probe.publish import templates
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.terminal.answer import answer
from probe.store.writer import Store
from tests.publish.terminal.test_explanation import played


def shared(first: str) -> list[StoredRound]:
    """Bursts of X and another platform, of which ``first`` counts the controls."""
    rounds = []
    for one in played():
        if (burst := one.observed.burst) is not None:
            joint = tuple(sorted(("x", "facebook"), key=lambda name: name != first))
            one = replace(one, observed=replace(one.observed, burst=replace(burst, joint=joint)))
        rounds.append(one)
    return rounds


@pytest.mark.parametrize("first", ["x", "facebook"])
def test_rows_that_stand_with_another_platform_are_said_beside_the_count(
    first: str, tmp_path: Path
) -> None:
    rounds = shared(first)
    store = Store.open(StoreConfig(path=str(tmp_path / "h.db")))
    for one in rounds:
        store.round_finished(one.observed, one.verdict)
    assert store.close()
    at = rounds[0].observed.started_at

    def run(*arguments: str) -> Result:
        where = ("--history", str(tmp_path / "h.db"), "--from", f"{at - 1:.0f}", "--to")
        done = CliRunner().invoke(main, [*arguments, *where, f"{at + 3_600:.0f}"])
        assert done.exit_code == 0, done.output
        return done

    out = tmp_path / "r.csv"
    said = run("export", "-f", "csv", "-o", str(out)).stderr
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    counted = [row for row in rows if row["leg_counted"] == "true"]
    assert f"{len(rows):,} rows of {len(rounds)} rounds" in said
    assert (len(counted) < len(rows)) is (first != "x")
    words = f"{len(counted):,} exchanges, and {len(rows) - len(counted)} with controls that several"
    assert (words in said) is (first != "x")
    page = run("report", "-o", "-").stdout
    assert f" {len(counted):,} exchanges, " in page
    assert "the rows of which leg_counted is true" in page
    told = answer({"x": rounds}, {"x": "X"}, normal_of=None)
    assert any(f" {len(counted)} exchanges, " in text for text in told.rests_on)


def test_it_is_said_in_every_language() -> None:
    template = Path(templates.__file__).parent / "report.html.j2"
    (text,) = re.findall(r'"(An export has a row [^"]*)"', template.read_text())
    for code in OFFERED:
        assert code == ENGLISH or Tongue(code).plain(text) != text
