"""What is said of a restriction that was there from the first round, against what was measured; and
that ``contradictions`` finds what is wrong at all. (The scenarios themselves are in
``tests/scenarios/test_synthetic.py``.)"""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.model.verdict import State, Verdict
from scenarios.lines import LINES
from scenarios.table import BY_ID
from synth.contradictions import contradictions
from synth.drive import Said
from synth.play import Play

CONFIG = load(None, {})
BORN = (
    ("russia-2024-youtube", "dsl"),
    ("russia-2021-twitter", "mobile"),
    ("policed-by-address", "dsl"),
    ("russia-2025-cutoff", "dsl"),
    ("russia-2022-mts", "fibre"),
    ("turkey-2025-handshake", "dsl"),
    ("hello-reset", "dsl"),
)


@cache
def born(scenario: str, line: str) -> tuple[Said, ...]:
    """Eight transfer rounds of a probe that was started into it."""
    return tuple(Play(CONFIG, BY_ID[scenario], LINES[line], seed=2).born(rounds=8))


@pytest.mark.parametrize(("scenario", "line"), BORN)
def test_what_was_there_from_the_first_round_is_told_as_it_was_measured(
    scenario: str, line: str
) -> None:
    history = born(scenario, line)
    assert any(said.verdict.proven for said in history)
    assert not contradictions(history)


def test_before_it_is_proven_two_rates_are_told_and_what_is_not_known() -> None:
    suspected = [
        said.verdict
        for said in born("policed-by-address", "dsl")
        if said.verdict.reason == "suspected"
    ]
    told = [one for one in suspected if one.factor is not None]
    assert told
    for one in told:
        assert "of other sites (" in one.sentence
        assert "Whether it always was so here is not known." in one.sentence
        assert [e for e in one.evidence if e.reference]


def changed(verdict: Verdict, **other: object) -> Verdict:
    return replace(verdict, **other)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"factor": 2.1}, "another factor in the sentence"),
        ({"factor": None}, "another factor in the sentence"),
        ({"evidence": ()}, "no two values beside what is not known"),
        (
            {"sentence": "YouTube: it took 5.6 times as long as normal.", "factor": 5.6},
            "normal, and nobody knows what that is",
        ),
        (
            {"sentence": "YouTube: it was slower than is honest.", "factor": 5.6, "evidence": ()},
            "a factor that the sentence does not tell",
        ),
    ],
)
def test_an_unproven_verdict_that_does_not_fit_is_found(
    other: dict[str, object], found: str
) -> None:
    history = [
        replace(said, verdict=changed(said.verdict, **other))
        if said.verdict.reason == "suspected"
        else said
        for said in born("russia-2024-youtube", "dsl")
    ]
    assert any(found in wrong for wrong in contradictions(history))


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"factor": 0.8}, "slowed by less than the margin"),
        ({"factor": 488.0}, "another factor in the sentence"),
        ({"tested_bytes": 1 << 20}, "bytes tested that were not read"),
        ({"e_value": 12.0}, "proven without evidence"),
        ({"evidence": ()}, "two rates that are not in the evidence"),
        ({"state": State.OK}, "ok beside a ratio beyond the margin"),
        ({"sentence": "YouTube: it cannot be reached from this line."}, "has just answered"),
        ({"may_claim": ("It was seen in 1 rounds.",)}, "one of a kind told as many"),
    ],
)
def test_a_verdict_that_does_not_fit_is_found(other: dict[str, object], found: str) -> None:
    history = [
        replace(said, verdict=changed(said.verdict, **other)) if said.verdict.proven else said
        for said in born("russia-2024-youtube", "dsl")
    ]
    assert any(found in wrong for wrong in contradictions(history))
