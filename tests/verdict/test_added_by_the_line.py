"""What a line adds to everybody is nobody's: the same seconds are many times what a near server
normally takes, and a small part of what a far one does."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.identity import LegRole, RoundKind
from probe.model.observation import Leg
from probe.model.verdict import State
from probe.verdict.one_round.contrast import explained, no_faster
from tests.verdict.country import Act, Country, Done

CALM = 24
SECONDS = st.floats(0.001, 10.0)
ADDED = st.floats(0.0, 10.0)


@given(target=SECONDS, controls=st.lists(SECONDS, min_size=1, max_size=4), added=ADDED)
def test_the_same_seconds_for_all_explain_all(
    target: float, controls: list[float], added: float
) -> None:
    worst = max(log((one + added) / one) for one in controls)
    left = log((target + added) / target) - explained(worst, added, log(target))
    assert left <= 1e-9


@given(deviation=st.floats(-3.0, 3.0), added=ADDED, more=ADDED, expected=st.floats(-6.0, 3.0))
def test_more_explains_no_less(
    deviation: float, added: float, more: float, expected: float
) -> None:
    one = explained(deviation, added, expected)
    assert one >= no_faster(deviation)
    assert explained(deviation, added + more, expected) >= one
    assert explained(deviation, 0.0, expected) == no_faster(deviation)


NEAR = 0.1


def near(leg: Leg) -> float:
    """The platform's servers stand ten times as near as anybody else's."""
    return 1.0 if leg.role is LegRole.CONTROL else NEAR


def normally(leg: Leg, address: str) -> Done:
    return Done(handshake=near(leg), transfer=near(leg), rtt=near(leg) ** 0.5)


def with_added(times: float, *, spares: frozenset[str] = frozenset()) -> Act:
    """Every handshake and read takes as much longer as ``times`` what a control's normally does,
    wherever it goes, but for those of ``spares``."""

    def act(leg: Leg, address: str) -> Done:
        share = near(leg) * near(leg) ** 0.5
        more = 1.0 + (0.0 if leg.owner in spares else times / share)
        usual = normally(leg, address)
        return Done(
            handshake=usual.handshake * more, transfer=usual.transfer * more, rtt=near(leg) ** 0.5
        )

    return act


@pytest.mark.parametrize("kind", [RoundKind.LIGHT, RoundKind.TRANSFER])
@pytest.mark.parametrize("times", [0.4, 0.8, 1.6])
def test_a_near_platform_is_not_accused_of_what_all_meet(kind: RoundKind, times: float) -> None:
    country = Country(vouched=True)
    country.act = normally
    country.run(CALM, kind)
    country.act = with_added(times)
    country.verdicts.clear()
    country.run(12, kind)
    said = {one.state for one in country.verdicts}
    assert said <= {State.OK, State.DEGRADED, State.UNKNOWN}


@pytest.mark.parametrize("times", [0.8, 1.6])
def test_it_is_accused_of_what_it_meets_alone(times: float) -> None:
    country = Country(vouched=True)
    country.act = normally
    country.run(CALM)
    law = with_added(times)
    country.act = lambda leg, at: normally(leg, at) if leg.role is LegRole.CONTROL else law(leg, at)
    assert country.run(6).state is State.THROTTLED


def test_what_spares_most_controls_is_not_the_lines() -> None:
    country = Country(vouched=True)
    country.act = normally
    country.run(CALM)
    country.act = with_added(0.5, spares=frozenset(country.controls[:3]))
    states = {country.run(1).state for _ in range(16)}
    assert State.THROTTLED in states or State.IMPAIRED in states


@pytest.mark.parametrize(("near", "times"), [(0.1, 0.4), (0.03, 1.0)])
def test_noise_of_what_all_meet_proves_nothing_of_a_near_platform(
    near: float, times: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, where legs differ by a third, so that one of three controls is always lucky."""
    monkeypatch.setattr("tests.verdict.test_added_by_the_line.NEAR", near)
    said = set()
    for seed in range(8):
        country = Country(seed, noise=0.3, swaps=False, vouched=True)
        country.act = normally
        country.run(CALM)
        country.act = with_added(times)
        country.verdicts.clear()
        country.run(16)
        said |= {one.state for one in country.verdicts if one.proven}
    assert not said
