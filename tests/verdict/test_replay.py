"""Replaying gives what was said, from the rounds alone; other rules and thresholds say other
things."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from probe.config import load
from probe.model.identity import RoundKind
from probe.model.observation import RoundObservation
from probe.model.stored import StoredRound
from probe.model.verdict import State
from probe.verdict.about import About, about
from probe.verdict.ladder.ladder import RULES
from probe.verdict.replay import Latest, Recorded, Replayed, replay
from probe.verdict.thresholds import DEFAULT, Thresholds
from scenarios.lines import LINES
from scenarios.table import BY_ID
from synth.play import Play, config_of

CONFIG = load(None, {})
RECORDED = ("russia-2024-youtube", "hello-reset", "dns-lie", "cable-cut")


def recorded(scenario: str) -> list[Recorded]:
    """A scenario's rounds, through the form in which they are stored."""
    play = Play(CONFIG, BY_ID[scenario], LINES["dsl"], seed=1)
    rounds: list[Recorded] = []
    for said in play.history():
        stored = StoredRound(observed=said.observed, verdict=said.verdict)
        back = msgspec.json.decode(msgspec.json.encode(stored), type=StoredRound)
        assert back == stored
        if said.observed.vantage == "home":
            rounds.append(Recorded(observed=back.observed, verdict=back.verdict))
    return rounds


def again(
    scenario: str,
    rounds: list[Recorded],
    thresholds: Thresholds = DEFAULT,
    *,
    without: str = "",
) -> list[Replayed]:
    config = config_of(CONFIG, BY_ID[scenario])

    def knows(observed: RoundObservation, latest: Latest) -> About:
        platform = next(p for p in config.platforms if p.name == observed.platform)
        return replace(about(config, platform), thresholds=thresholds)

    rules = tuple(rule for rule in RULES if rule.id != without)
    assert len(rules) == len(RULES) - bool(without)
    return list(replay(rounds, knows, rules))


@pytest.mark.parametrize("scenario", RECORDED)
def test_the_same_rules_say_the_same(scenario: str) -> None:
    rounds = recorded(scenario)
    found = again(scenario, rounds)
    assert [one.observed for one in found] == [one.observed for one in rounds]
    assert [one.now for one in found] == [one.then for one in found]
    assert all(one.agrees for one in found)
    # Each burst that was asked for was made.
    assert not any(one.unmade for one in found)


def test_another_threshold_says_another_thing() -> None:
    rounds = recorded("russia-2024-youtube")
    assert any(one.now.state is State.THROTTLED for one in again("russia-2024-youtube", rounds))
    stricter = replace(DEFAULT, evidence=1e300)
    found = again("russia-2024-youtube", rounds, stricter)
    assert not any(one.now.state is State.THROTTLED for one in found)
    assert not all(one.agrees for one in found)


def test_another_table_of_rules_says_another_thing() -> None:
    rounds = recorded("russia-2024-youtube")
    found = again("russia-2024-youtube", rounds, without="throttled.name")
    assert not any(one.now.state is State.THROTTLED for one in found)


def test_bursts_that_were_not_made_are_counted() -> None:
    rounds = [r for r in recorded("russia-2024-youtube") if r.observed.kind is not RoundKind.BURST]
    found = again("russia-2024-youtube", rounds)
    assert any(one.unmade for one in found)
    assert not any(one.now.restricted for one in found)


def test_rounds_without_a_verdict_are_judged_for_the_first_time() -> None:
    bare = [Recorded(observed=one.observed) for one in recorded("cable-cut")]
    found = again("cable-cut", bare)
    assert all(one.then is None and one.agrees for one in found)
    assert found[0].changed
