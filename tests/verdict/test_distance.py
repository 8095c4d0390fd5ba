"""How far away a server is, and what that explains."""

from __future__ import annotations

from math import log

import pytest

from probe.model.identity import LegRole
from probe.verdict.contrast import LEAST_RTT_SECONDS, log_rtt, path_shift
from tests.values import observed


def shift(target: float, control: float) -> float:
    """What the distance explains of a target without a history."""
    leg, other = observed(rtt=target), observed(LegRole.CONTROL, owner="debian", rtt=control)
    return path_shift(leg, [other], levels={}, family="ipv4")


def test_farther_away_explains_as_much_as_it_is_farther() -> None:
    assert shift(0.080, 0.020) == pytest.approx(log(4.0))
    assert shift(0.020, 0.080) == 0.0


def test_a_server_next_door_that_is_busy_explains_nothing() -> None:
    """Thirty microseconds become three hundred where the machine has other work to do."""
    assert shift(0.000_300, 0.000_030) == 0.0
    assert shift(10 * LEAST_RTT_SECONDS, 0.000_030) == pytest.approx(log(10.0))


def test_a_round_trip_that_is_not_known_is_none() -> None:
    assert log_rtt(observed(rtt=None)) is None
