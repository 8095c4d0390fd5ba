"""The verdict says of golden histories what it said when they were recorded, to the letter."""

from __future__ import annotations

from difflib import unified_diff

import pytest
from msgspec.structs import replace

from probe.verdict.replay import Replayed
from probe.verdict.thresholds import DEFAULT
from synth.golden.__main__ import kept_lines
from synth.golden.histories import History
from synth.golden.kept import exact, judged, read, verdicts

NEWS = """
The verdict says something else of rounds that are kept. A refactoring must not do that. A change of
behaviour records it anew (python -m synth.golden --record), in a commit that says why. What follows
are the times in which it differs; two trees are compared by what --print prints in each.
"""
MOST_LINES = 60


@pytest.fixture(scope="module")
def histories() -> tuple[History, ...]:
    return tuple(read())


def test_the_same_is_said_of_every_round(histories: tuple[History, ...]) -> None:
    differs = list(unified_diff(kept_lines(), list(verdicts(histories)), "kept", "now", n=1))
    assert not differs, "\n".join([NEWS, *differs[:MOST_LINES]])


def test_some_thousand_rounds_and_bursts_with_every_scenario(
    histories: tuple[History, ...],
) -> None:
    rounds = [observed for history in histories for observed in history.rounds]
    assert len(rounds) > 5_000
    assert sum(observed.burst is not None for observed in rounds) > 300
    assert len({history.name for history in histories}) == len(histories) > 70


def test_another_threshold_is_noticed(histories: tuple[History, ...]) -> None:
    history = next(one for one in histories if one.name == "switched off")
    other = replace(DEFAULT, evidence=1e6 * DEFAULT.evidence)
    now, then = judged(history, thresholds=other), judged(history)
    assert [exact(one) for one in now] != [exact(one) for one in then]


def test_a_number_and_a_word_are_noticed_and_a_version_is_not(
    histories: tuple[History, ...],
) -> None:
    one: Replayed = next(iter(judged(histories[0])))
    said = one.now
    assert exact(one) == exact(replace(one, now=replace(said, rules_version=99)))
    assert exact(one) != exact(replace(one, now=replace(said, sentence=f"{said.sentence} ")))
    assert exact(one) != exact(replace(one, now=replace(said, since=said.since + 1.0)))
