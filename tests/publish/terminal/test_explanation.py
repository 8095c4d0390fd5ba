"""How a verdict came about, as a person reads it."""

from __future__ import annotations

import io

from rich.console import Console

from probe.model.identity import LegRole
from probe.model.stored import StoredRound
from probe.publish.terminal.explanation import explain
from probe.verdict.decide import decide
from probe.verdict.ladder.ladder import VERSION
from tests.verdict.country import WELL, Country, Done


def played() -> list[StoredRound]:
    """A round and its bursts in a country that slows the platform's name."""
    country = Country()
    country.run(24)
    country.act = lambda leg, at: Done(transfer=12.0) if leg.role is LegRole.TARGET else WELL
    country.now += 900.0
    observed = country.a_round()
    decision = decide(country.memory, observed, country.about)
    rounds = [StoredRound(observed=observed, verdict=decision.verdict)]
    while decision.plan is not None:
        observed = country.a_burst(decision.plan)
        decision = decide(decision.memory, observed, country.about)
        rounds.append(StoredRound(observed=observed, verdict=decision.verdict))
    return rounds


def test_the_square_the_rule_and_the_limits_are_shown() -> None:
    out = io.StringIO()
    rounds = played()
    explain(Console(file=out, width=140), rounds)
    text = out.getvalue()
    assert text.count("burst of object, 9 legs in random order") == len(rounds) - 1
    assert f"rule throttled.name (rules version {VERSION}): " in text
    for words in ("platform's name", "neutral name", "handshake", "kB/s", "not measured"):
        assert words in text
    assert "may be said: " in text
    assert "not: Who did it, or why." in text
    assert "evidence of the sequential test" in text


def test_the_order_of_the_legs_is_shown() -> None:
    out = io.StringIO()
    rounds = played()
    explain(Console(file=out, width=140), rounds)
    for stored in rounds:
        order = "".join(leg.leg.role.value[0] for leg in stored.observed.legs)
        assert order in out.getvalue()
