"""How far away a server is, and what that explains."""

from __future__ import annotations

from math import log

import pytest
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import Leg, LegObservation, RoundObservation
from probe.model.verdict import State
from probe.verdict.normal.distance import LEAST_RTT_SECONDS, log_distance, log_rtt
from probe.verdict.normal.path import path_shift
from probe.verdict.one_round.readings import read
from tests.values import a_round, observed
from tests.verdict.country import WELL, Country, Done


def shift(target: float, control: float) -> float:
    """What the distance explains of a target without a history."""
    leg, other = observed(rtt=target), observed(LegRole.CONTROL, owner="debian", rtt=control)
    found = read(a_round(leg, other), {})
    return path_shift(found.legs[0], found.legs[1:], usual=False)


def test_farther_away_explains_as_much_as_it_is_farther() -> None:
    assert shift(0.080, 0.020) == pytest.approx(log(4.0))
    assert shift(0.020, 0.080) == 0.0


def test_a_server_next_door_that_is_busy_explains_nothing() -> None:
    """Thirty microseconds become three hundred where the machine has other work to do."""
    assert shift(0.000_300, 0.000_030) == 0.0
    assert shift(10 * LEAST_RTT_SECONDS, 0.000_030) == pytest.approx(log(10.0))


def test_a_round_trip_that_is_not_known_is_none() -> None:
    assert log_rtt(observed(rtt=None)) is None


class Proxied(Country):
    """The kernel knows the way to the proxy only; connecting lasts until the tunnel stands."""

    def _play(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        made = super()._play(legs, kind, burst)
        return replace(made, legs=tuple(map(_proxied, made.legs)))


def _proxied(leg: LegObservation) -> LegObservation:
    return replace(leg, tcp=None, connect_rtt_seconds=None)


@pytest.mark.parametrize("swaps", [True, False])
@pytest.mark.parametrize(
    ("kind", "farther"), [(Country, 10.0), (Country, 15.0), (Proxied, 10.0), (Proxied, 40.0)]
)
def test_platforms_far_away_beside_controls_next_door_are_fine(
    kind: type[Country], swaps: bool, farther: float
) -> None:
    """From the first round on: the way is known before what is normal for a read is."""
    country = kind(swaps=swaps)
    country.act = lambda leg, at: WELL if leg.role is LegRole.CONTROL else Done(rtt=farther)
    country.run(60)
    assert not country.bursts
    assert {verdict.state for verdict in country.verdicts[2:]} == {State.OK}


def test_a_failed_connect_is_no_distance() -> None:
    cut = replace(
        observed(rtt=None), failure=Failure(phase=Phase.CONNECT, reason="generic_timeout_error")
    )
    assert log_distance(cut) is None
