"""What a finding's sentence says of how much of a country was judged, in every language."""

from __future__ import annotations

import pytest

from probe.model.finding import Finding, FindingKind, Scope
from probe.nation.finding_words import sentence
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue

BEGINS = {
    Scope.NONE: "PK: X is throttled or blocked in 0 of 3 networks",
    Scope.PARTIAL: "PK: X is throttled or blocked in 2 of 3 networks (67% of their weight)",
    Scope.INSUFFICIENT: "PK: insufficient coverage: X was judged in 3 networks",
}


@pytest.mark.parametrize("weighed", [False, True], ids=["alike", "weighed"])
@pytest.mark.parametrize("scope", BEGINS)
def test_coverage_is_a_clause_of_its_own(scope: Scope, weighed: bool) -> None:
    none = scope is Scope.NONE
    said = sentence(
        Finding(
            at=0.0,
            country="PK",
            platform="x",
            kind=FindingKind.RESTRICTED,
            scope=scope,
            sentence="",
            reasons=("low_coverage",) if scope is Scope.INSUFFICIENT else (),
            affected_share=0.0 if none else 2 / 3,
            coverage=0.75,
            covered_asns=(1, 2, 3),
            affected_asns=() if none else (1, 2),
            weighed=weighed,
        ),
        "X",
    ).sentence
    begin = (
        BEGINS[scope]
        if weighed
        else BEGINS[scope].replace("67% of their weight", "each counts alike")
    )
    by = " by their weight" if weighed else ""
    assert said == f"{begin}; 75% of the known networks{by} were judged."
    for language in OFFERED:
        assert (Tongue(language).plain(said) == said) is (language == ENGLISH)


@pytest.mark.parametrize("affected", [0, 1])
def test_numbers_over_tcp_are_of_the_same_form(affected: int) -> None:
    said = sentence(
        Finding(
            at=0.0,
            country="PK",
            platform="x",
            kind=FindingKind.RESTRICTED,
            scope=Scope.NETWORK,
            sentence="",
            affected_share=0.5,
            covered_asns=(1, 2),
            affected_asns=(1,),
            transport="quic",
            tcp_affected=affected,
            tcp_covered=2,
        ),
        "X",
    ).sentence
    assert said.endswith(f"it is throttled or blocked in {affected} of 2 networks.")
    for language in OFFERED:
        assert (Tongue(language).plain(said) == said) is (language == ENGLISH)
