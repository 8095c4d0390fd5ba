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
    "russia-2024-youtube",
    "policed-by-address",
    "russia-2025-cutoff",
    "turkey-2025-handshake",
    "hello-reset",
)


@cache
def born(scenario: str) -> tuple[Said, ...]:
    """Eight transfer rounds of a probe that was started into it."""
    return tuple(Play(CONFIG, BY_ID[scenario], LINES["dsl"], seed=2).born(rounds=8))


@pytest.mark.parametrize("scenario", BORN)
def test_what_was_there_from_the_first_round_is_told_as_it_was_measured(scenario: str) -> None:
    history = born(scenario)
    assert any(said.verdict.proven for said in history)
    assert not contradictions(history)


def changed(verdict: Verdict, **other: object) -> Verdict:
    return replace(verdict, **other)


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
    ],
)
def test_a_verdict_that_does_not_fit_is_found(other: dict[str, object], found: str) -> None:
    history = [
        replace(said, verdict=changed(said.verdict, **other)) if said.verdict.proven else said
        for said in born("russia-2024-youtube")
    ]
    assert any(found in wrong for wrong in contradictions(history))
