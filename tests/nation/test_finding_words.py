"""Sentences of findings and of incidents, in every language."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.model.finding import Finding, FindingKind, Incident, Scope
from probe.nation.finding_words import sentence, when_over
from probe.nation.incidents import Incidents
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


def incident_of(*steps: tuple[Scope, int, int]) -> Incident:
    """Of what was found a minute after another: scope, networks affected, networks judged."""
    incidents, incident = Incidents(), None
    for number, (scope, affected, judged) in enumerate(steps, 1):
        found = Finding(
            at=60.0 * number,
            country="PK",
            platform="x",
            kind=FindingKind.RESTRICTED,
            scope=scope,
            sentence="",
            affected_share=affected / judged,
            covered_asns=tuple(range(judged)),
            affected_asns=tuple(range(affected)),
        )
        incidents, (incident,) = incidents.advance([sentence(found, "X")], found.at, NationConfig())
    assert incident is not None
    return incident


PARTIAL, NATION = Scope.PARTIAL, Scope.NATION


@pytest.mark.parametrize(
    ("steps", "height"),
    [
        (((PARTIAL, 2, 4), (NATION, 4, 4), (NATION, 3, 4), (PARTIAL, 2, 4)), 2),
        (((PARTIAL, 2, 2), (NATION, 3, 4), (PARTIAL, 4, 4)), 2),
        (((PARTIAL, 3, 4), (PARTIAL, 2, 4)), 1),
        (((NATION, 4, 4), (NATION, 2, 2)), 1),
        (((PARTIAL, 2, 4), (PARTIAL, 2, 4)), 2),
    ],
    ids=["wider, then less", "the scope first", "ebbs away", "fewer are heard", "as before"],
)
def test_an_incident_says_what_it_was_at_its_height(
    steps: tuple[tuple[Scope, int, int], ...], height: int
) -> None:
    incident = incident_of(*steps)
    _, affected, judged = steps[height - 1]
    assert f" {affected} of {judged} networks" in incident.height_sentence
    said = when_over(incident)
    assert said == (
        f"What was found at its height on 1970-01-01 00:0{height} UTC: {incident.height_sentence}"
    )
    for language in OFFERED:
        assert (Tongue(language).plain(said) == said) is (language == ENGLISH)


def test_of_an_earlier_version_nobody_knows_when_its_height_was() -> None:
    old = replace(incident_of((PARTIAL, 2, 4)), height_at=None)
    assert when_over(old) == f"What was found: {old.sentence}"
    for language in OFFERED:
        assert (Tongue(language).plain(when_over(old)) == when_over(old)) is (language == ENGLISH)
