"""What is told of a line is told once, and shown as long as it is so."""

from __future__ import annotations

import pytest

from probe.config import load
from probe.model.identity import Family
from probe.outlets.line_watch import LineWatch
from probe.publish.latest.board import Board

V4, V6 = Family
VANTAGE = "default"


def board() -> Board:
    config = load(None, {"THROTTLEWATCH_FAMILIES": "ipv4,ipv6"})
    assert config.settings.families == (V4, V6)
    return Board(config)


def test_a_family_that_does_not_work_is_told_once_and_shown_meanwhile(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown = board()
    watch = LineWatch(shown)
    for works in ({}, {V4: True}, *({V4: True, V6: False},) * 5, *({V4: True, V6: True},) * 5):
        watch.heard(VANTAGE, works)
        assert shown.snapshot().families[VANTAGE] == works
    dead, again = (record.getMessage() for record in caplog.records)
    assert "does not work on this line" in dead
    assert "works again" in again
    assert [vars(record)["family"] for record in caplog.records] == [V6, V6]
    watch.heard("elsewhere", {V6: False})
    assert "elsewhere" not in shown.snapshot().families
