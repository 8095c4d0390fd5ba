"""An event costs lines of the log only when something changes."""

from __future__ import annotations

import logging
from typing import cast

import pytest

from probe.model.once_a_day import DAY_SECONDS
from probe.outlets.events import BurstRefused, Event, RoundLate, RoundRefused
from probe.outlets.outlet import Parts
from probe.outlets.to_log import ToLog

AT_HOME = {"vantage": "home", "platform": "x"}
ELSEWHERE = AT_HOME | {"platform": "youtube"}


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ([RoundLate(**AT_HOME)], 1),
        ([RoundLate(**AT_HOME), RoundLate(**ELSEWHERE)], 2),
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
