"""Findings of the past are those of the time, when nothing else was changed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from probe.model.finding import Scope
from probe.model.identity import LegRole
from probe.model.stored import StoredRound
from probe.model.verdict import State, Verdict
from probe.nation.past_findings import reach_back, replay
from tests.nation.fleet import BEGIN, DEFAULTS, fleet
from tests.values import a_round, observed

HOLDS = 750.0
VANTAGES = fleet(4)


def rounds(minutes: int) -> Iterator[StoredRound]:
    """Every five minutes a round at each vantage; throttled from minute 30 to 60."""
    for minute in range(0, minutes, 5):
        for index, vantage in enumerate(VANTAGES):
            at = BEGIN + minute * 60.0 + index
            struck = 30 <= minute < 60
            legs = (observed(), observed(LegRole.CONTROL, owner=f"control-{index % 2}"))
            yield StoredRound(
                observed=replace(a_round(*legs), vantage=vantage.name, started_at=at - 5.0),
                verdict=Verdict(
                    vantage=vantage.name,
                    platform="x",
                    state=State.THROTTLED if struck else State.OK,
                    rule_id="test",
                    sentence="",
                    at=at,
                    since=at if not struck else BEGIN + 30 * 60.0,
                    holds_seconds=HOLDS,
                ),
            )


def test_an_event_is_found_again() -> None:
    steps = list(
        replay(
            rounds(120),
            VANTAGES,
            DEFAULTS,
            since=BEGIN + 1_200.0,
            until=BEGIN + 7_200.0,
        )
    )
    assert [step.at for step in steps] == [BEGIN + 60.0 * m for m in range(20, 120)]
    scopes = {
        int((step.at - BEGIN) / 60): f.scope
        for step in steps
        for f in step.findings
        if f.kind == "restricted"
    }
    assert scopes[30] is Scope.NETWORK  # the others' rounds ended seconds after the step
    assert scopes[31] is Scope.PARTIAL
    assert scopes[41] is Scope.NATION
    assert scopes[60] is Scope.NATION
    assert scopes[61] is Scope.NONE
    assert [i.ending for step in steps for i in step.changed if i.closed_at] == ["recovered"]


def test_where_it_begins_makes_no_difference() -> None:
    every = list(rounds(120))

    def found(minute: int) -> dict[float, str]:
        since = BEGIN + minute * 60.0
        reach = since - reach_back(DEFAULTS, HOLDS)
        steps = replay(
            (r for r in every if r.verdict.at >= reach),
            VANTAGES,
            DEFAULTS,
            since=since,
            until=BEGIN + 7_200.0,
        )
        return {
            s.at: str([(f.scope, f.affected_share, f.since) for f in s.findings]) for s in steps
        }

    whole = found(20)
    for minute in (31, 40, 45, 70):
        assert found(minute).items() <= whole.items()


def test_rounds_that_are_too_old_say_nothing() -> None:
    late = list(rounds(15))
    steps = list(
        replay(
            late,
            VANTAGES,
            DEFAULTS,
            since=BEGIN + 600.0,
            until=BEGIN + 1_800.0,
        )
    )
    heard = [bool(step.findings) for step in steps]
    # The last round of minute 10, and 750 seconds.
    assert heard == [True] * 13 + [False] * 7
