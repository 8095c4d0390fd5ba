"""What should be looked up again, as the evidence for it is old."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from probe.cli import main
from probe.config.candidates import candidates_of
from probe.config.definition import Candidate, Definition, Fallback, Target
from probe.config.embedded import folder
from probe.config.evidence import older
from probe.config.shipped import all_shipped
from probe.config.values import Bytes

MONTHS = st.builds(lambda y, m: f"{y}-{m:02}", st.integers(2000, 2099), st.integers(1, 12))


def defined(first: str | None, next_one: str | None = None) -> Definition:
    return Definition(
        name="one",
        title="One",
        why="Because.",
        hosts=("a.example",),
        targets=(
            Target(
                name="object",
                url="https://a.example/1",
                evidence=first,
                fallback=Fallback(url="https://a.example/2", min_bytes=Bytes(65_536)),
                candidates=(Candidate(url="https://a.example/3", evidence=next_one),),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("month", "listed"),
    [("2026-11", 0), ("2025-11", 0), ("2025-10", 2), ("2019-12", 2), (None, 2), ("2027-01", 0)],
)
def test_what_is_older_than_a_year_is_listed(month: str | None, listed: int) -> None:
    found = older([defined(month, "2026-11")], 12, "2026-11")
    assert [one.where for one in found] == ["https://a.example/1", "https://a.example/2"][:listed]


def test_a_candidate_has_a_month_of_its_own() -> None:
    found = older([defined("2026-11")], 12, "2026-11")
    assert [(one.where, one.month) for one in found] == [("https://a.example/3", "")]


@given(MONTHS, MONTHS, st.integers(0, 1_200))
def test_the_older_it_may_be_the_less_is_listed(month: str, now: str, months: int) -> None:
    less = older([defined(month, month)], months + 1, now)
    assert set(less) <= set(older([defined(month, month)], months, now))


def test_everything_that_ships_has_a_month_and_says_what_was_only_composed() -> None:
    shipped = all_shipped(folder())
    assert len(shipped) > 80
    assert {one.country for one in shipped} >= {"TR", "RU", "IR", "KZ"}
    for definition in shipped:
        for target in definition.targets:
            for one in candidates_of(target):
                assert one.evidence is not None, (definition.name, one.url)
            if definition.scope == "domestic":
                assert re.search(r"under this path, and its size, are \[believed\]", target.why)


def test_the_command_lists_what_is_old_and_nothing_else(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["targets", "show", "--older", "1200"])
    assert (run.exit_code, run.output.count("\n")) == (0, 1)
    run = CliRunner().invoke(main, ["targets", "show", "--older", "12"])
    assert run.exit_code == 0, run.output
    ubuntu = [line for line in run.output.splitlines() if line.startswith("2023-05")]
    assert any("control-domestic-tr/object" in line for line in ubuntu)
