"""An event costs lines of the log only when something changes."""

from __future__ import annotations

import logging
from typing import cast

import pytest

from probe.outlets.events import RoundLate
from probe.outlets.outlet import Parts
from probe.outlets.to_log import LATE_AGAIN_SECONDS, ToLog


def test_late_rounds_of_a_platform_are_one_line_a_day(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("probe.outlets.to_log.time.monotonic", lambda: now)
    outlet = ToLog(cast(Parts, None))  # it needs nothing of them
    with caplog.at_level(logging.INFO):
        for second in range(200):
            now = 1_000.0 + second
            outlet.tell(RoundLate(vantage="home", platform="x"))
            outlet.tell(RoundLate(vantage="home", platform="youtube"))
        assert len(caplog.records) == 2
        now += LATE_AGAIN_SECONDS
        outlet.tell(RoundLate(vantage="home", platform="x"))
    assert [record.__dict__["platform"] for record in caplog.records] == ["x", "youtube", "x"]
