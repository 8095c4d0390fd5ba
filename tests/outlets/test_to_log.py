"""An event costs lines of the log only when something changes."""

from __future__ import annotations

import logging
from typing import cast

import pytest

from probe.model.finding import Ending, FindingKind, Incident, Reference, Scope
from probe.model.once_a_day import DAY_SECONDS
from probe.outlets.events import BurstRefused, Event, NationFound, RoundLate, RoundRefused
from probe.outlets.outlet import Parts
from probe.outlets.to_log import ToLog

AT_HOME = {"vantage": "home", "platform": "x"}
ELSEWHERE = AT_HOME | {"platform": "youtube"}


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ([RoundLate(**AT_HOME)], 1),
        # A busy line is late with all platforms.
        ([RoundLate(**AT_HOME), RoundLate(**ELSEWHERE)], 1),
        ([RoundLate(**AT_HOME), RoundLate(**AT_HOME | {"vantage": "phone"})], 2),
        ([RoundRefused(**AT_HOME)], 0),
        ([BurstRefused(**AT_HOME, reason="spent")], 1),
        ([BurstRefused(**AT_HOME, reason="spent"), BurstRefused(**AT_HOME, reason="paused")], 2),
        ([RoundLate(**AT_HOME), BurstRefused(**AT_HOME, reason="spent")], 2),
    ],
)
def test_what_comes_again_and_again_is_so_many_lines_a_day(
    told: list[Event],
    lines: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr("probe.outlets.to_log.time.monotonic", lambda: now)
    outlet = ToLog(cast(Parts, None))  # it needs nothing of them
    with caplog.at_level(logging.INFO):
        for day in range(2):
            for turn in range(200):
                now = 1_000.0 + day * DAY_SECONDS + turn
                for event in told:
                    outlet.tell(event)
    assert len(caplog.records) == 2 * lines


def incident(at: float, scope: Scope, closed_at: float | None = None) -> NationFound:
    """A step of the nation's grid at which an incident that was opened at 60 is so."""
    return NationFound(
        at=at,
        findings=(),
        news=(),
        open=(),
        changed=(
            Incident(
                id="pk-x-restricted-60",
                country="PK",
                platform="x",
                kind=FindingKind.RESTRICTED,
                scope=scope,
                since=60.0,
                opened_at=60.0,
                updated_at=at,
                closed_at=closed_at,
                ending=None if closed_at is None else Ending.RECOVERED,
                severity=1.0,
                peak_share=1.0,
                networks=(64500,),
                sentence=f"PK: {scope}.",
                reference=Reference.ABSENT,
                systematic=False,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        # One line of a country: its verdicts have told it, and nothing is known of the country.
        ([(60, Scope.INSUFFICIENT, False), (120, Scope.INSUFFICIENT, False)], []),
        ([(60, Scope.INSUFFICIENT, False), (600, Scope.INSUFFICIENT, True)], []),
        ([(60, Scope.NETWORK, False), (120, Scope.NATION, False)], ["opened"]),
        ([(60, Scope.NETWORK, False), (600, Scope.NATION, True)], ["opened", "recovered"]),
        # More lines are heard by and by: it is told once, when it is more than those lines.
        (
            [
                (60, Scope.INSUFFICIENT, False),
                (120, Scope.NETWORK, False),
                (180, Scope.NATION, False),
                (600, Scope.NATION, True),
            ],
            ["opened", "recovered"],
        ),
    ],
)
def test_what_says_nothing_of_a_country_is_no_line(
    steps: list[tuple[float, Scope, bool]], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    outlet = ToLog(cast(Parts, None))
    with caplog.at_level(logging.INFO):
        for at, scope, closed in steps:
            outlet.tell(incident(at, scope, at if closed else None))
    assert [record.__dict__["change"] for record in caplog.records] == told
