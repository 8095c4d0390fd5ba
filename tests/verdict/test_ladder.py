"""The table's own invariants. What each rule says is tested where it is provoked."""

from __future__ import annotations

import re
from itertools import pairwise

from probe.model.verdict import Method, State, Trigger
from probe.verdict.ladder.facts import Facts
from probe.verdict.ladder.ladder import RULES, VERSION, first

IDS = [rule.id for rule in RULES]


def place(start: str) -> list[int]:
    return [i for i, name in enumerate(IDS) if name.startswith(start)]


def test_ids_are_unique_and_begin_with_their_state() -> None:
    assert len(set(IDS)) == len(IDS)
    for rule in RULES:
        assert rule.id.partition(".")[0] == rule.state.value
        assert re.fullmatch(r"[a-z]+(\.[a-z-]+)?", rule.id)


def test_every_unknown_has_a_reason_of_its_own() -> None:
    reasons = [rule.reason for rule in RULES if rule.state is State.UNKNOWN]
    assert all(reasons)
    assert len(set(reasons)) == len(reasons)


def test_every_rule_says_why() -> None:
    assert all(rule.why.endswith(".") for rule in RULES)


def test_the_last_rule_catches_everything() -> None:
    assert RULES[-1].holds(Facts(title="X"))
    assert first(Facts(title="X")) is RULES[-1]


def test_the_ladder_is_in_its_order() -> None:
    ladder = ("offline.", "down.", "blocked.", "throttled.", "degraded.line", "ok")
    places = [place(start) for start in ladder]
    for above, below in pairwise(places):
        assert max(above) < min(below)


def test_there_is_a_rule_for_every_method_and_trigger() -> None:
    judged = set(Method) - {Method.QUIC}
    assert {f"blocked.{method}" for method in judged} == {x for x in IDS if x.startswith("blocked")}
    assert {f"throttled.{trigger}" for trigger in Trigger} <= set(IDS)


def test_the_table_has_a_version() -> None:
    assert VERSION >= 1
