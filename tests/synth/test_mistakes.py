"""docs/what-it-can-mistake.md says what is said: each of its rows is played."""

from __future__ import annotations

import re

import pytest

from probe.model.verdict import AILING, State
from probe.verdict.ladder.ladder import RULES, VERSION
from synth.mistakes import MEASURED, PLAYS, played
from synth.mistakes_page import ROOT, Row, faults, rows, word
from tests.every import for_every

ROWS = tuple(rows())
PLAYED = tuple(row for row in ROWS if row.play in PLAYS)
WORDS = {f"{rule.state} {rule.reason}".strip() for rule in RULES}
# Reasons that are not a rule's: what is said of an accusation besides.
BESIDES = {f"{State.BLOCKED} home_resolver"}


def test_each_play_has_one_row_and_each_row_a_play_or_a_test() -> None:
    assert sorted(row.play for row in PLAYED) == sorted(PLAYS)
    for row in ROWS:
        if row.play not in PLAYS:
            path, _, name = row.play.partition("::")
            assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), row.play


@for_every(ROWS, lambda row: row.play)
def test_rows_use_the_words_of_the_rules(row: Row) -> None:
    assert row.said
    assert set(row.said) <= WORDS | BESIDES
    assert 1 <= row.since <= VERSION
    assert row.why.rstrip("*").endswith((".", "”"))


@for_every(ROWS, lambda row: row.play)
def test_what_ails_has_its_caveat(row: Row) -> None:
    ailing = {State(one.partition(" ")[0]) for one in row.said} & (AILING - {State.WITHHELD})
    assert bool(ailing) is bool(row.caveats)


@pytest.mark.parametrize("row", PLAYED, ids=lambda row: row.play)
def test_a_trouble_is_said_to_be_what_the_page_says(row: Row) -> None:
    seen = played(row.play)
    assert not list(faults(row, seen))
    # Nothing that ails is listed that is not said, nor is what comes first.
    ailing = {one for one in row.said if one.partition(" ")[0] in AILING}
    assert {row.said[0], *ailing} <= {word(verdict) for verdict in seen.every}


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("play", ["inspection", "inspection-of-some"])
def test_an_interceptor_is_named_for_every_platform(play: str, seed: int) -> None:
    """Some of their targets take any certificate: what the interceptor answers there, a status or a
    body that is too short, is his answer, and no failure of the platform's."""
    seen = played(play, seed=seed)
    said = [(one.platform, one.reason) for one in seen.every]
    assert {platform for platform, _ in said} == set(MEASURED)
    assert {reason for _, reason in said[len(said) // 4 :]} == {"intercepted"}
