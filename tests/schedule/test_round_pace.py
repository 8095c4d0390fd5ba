"""Calm days fit the budget, suspicious ones have the configured pace while there is a reserve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.schema import ScheduleConfig
from probe.config.values import Seconds
from probe.schedule.round_pace import (
    MOST_SPREAD,
    MOST_THINNED,
    TIGHT_HEADROOM,
    Costs,
    Pace,
    bytes_per_second,
    calm_bytes_per_second,
    fastest,
    headroom,
    pace_of,
)

SCHEDULE = ScheduleConfig()
FOUR = [Costs(light=35e3, transfer=190e3, long=1.2e6)] * 4
ENOUGH = 10**13

costs = st.lists(
    st.builds(
        lambda light, read, long: Costs(
            light=light, transfer=light + read, long=light + read + long
        ),
        st.floats(1e3, 1e6),
        st.floats(0.0, 1e6),
        st.floats(0.0, 1e7),
    ),
    min_size=1,
    max_size=10,
)


@given(costs, st.integers(10_000_000, 10**11), st.floats(0.0, 0.9), st.floats(0.0, 1.2))
def test_calm_rounds_cost_what_is_allowed_at_most(
    found: list[Costs], budget: int, reserve: float, used: float
) -> None:
    schedule = ScheduleConfig(reserve=reserve)
    spent = int(used * budget)
    pace = pace_of(schedule, found, budget=budget, used=spent, suspicious=False)
    cost = bytes_per_second(schedule, found, pace)
    # While half of the reserve is there, light rounds are not thinned for what was taken of it.
    plenty = headroom(budget, spent, reserve) > TIGHT_HEADROOM
    allowed = calm_bytes_per_second(budget, 0 if plenty else spent, reserve)
    assert pace.every == MOST_THINNED or cost <= allowed * (1 + 1e-9) + _longs(schedule, found)
    assert pace.every >= 1
    assert pace.transfer_seconds >= schedule.transfer


def _longs(schedule: ScheduleConfig, found: list[Costs]) -> float:
    """Long rounds are too rare to be spread: one a day."""
    return sum(c.long - c.transfer for c in found) / len(found) / float(schedule.long)


@given(costs, st.integers(10_000_000, 10**11), st.floats(0.0, 1.2))
def test_a_suspicious_platform_is_never_measured_less(
    found: list[Costs], budget: int, used: float
) -> None:
    calm, alert = (
        pace_of(SCHEDULE, found, budget=budget, used=int(used * budget), suspicious=suspicious)
        for suspicious in (False, True)
    )
    assert alert.every <= calm.every
    assert alert.transfer_seconds <= calm.transfer_seconds


def test_with_data_enough_the_pace_is_the_configured_one() -> None:
    assert pace_of(SCHEDULE, FOUR, budget=ENOUGH, used=0, suspicious=False) == fastest(SCHEDULE)


def test_transfers_are_spread_before_light_rounds_are_thinned() -> None:
    previous = fastest(SCHEDULE)
    thinned = []
    for megabytes in range(3_000, 100, -100):
        pace = pace_of(SCHEDULE, FOUR, budget=megabytes * 10**6, used=0, suspicious=False)
        assert pace.transfer_seconds >= previous.transfer_seconds or pace.every > previous.every
        thinned.append(pace.every)
        previous = pace
    assert thinned == sorted(thinned)
    assert thinned[0] == 1
    assert thinned[-1] > 1


def test_the_pace_falls_with_what_is_left_of_the_reserve() -> None:
    budget = 2_000_000_000

    def rate(share: float, *, suspicious: bool) -> float:
        used = int(budget * share)
        pace = pace_of(SCHEDULE, FOUR, budget=budget, used=used, suspicious=suspicious)
        return bytes_per_second(SCHEDULE, FOUR, pace)

    full = bytes_per_second(SCHEDULE, FOUR, fastest(SCHEDULE))
    assert rate(0.84, suspicious=True) == full
    assert rate(0.95, suspicious=True) < full
    calm = [rate(share, suspicious=False) for share in (0.5, 0.84, 0.9, 0.95, 1.0)]
    assert calm[0] == calm[1] > calm[2] > calm[3] > calm[4]


def test_light_rounds_stay_as_they_are_until_half_of_the_reserve_is_gone() -> None:
    budget = 2_800_000_000

    def at(share: float) -> Pace:
        used = int(budget * share)
        return pace_of(SCHEDULE, FOUR, budget=budget, used=used, suspicious=False)

    calm = at(0.5)
    assert calm.every == 1
    assert [at(share).every for share in (0.86, 0.90, 0.92)] == [1, 1, 1]
    assert at(0.86).transfer_seconds > calm.transfer_seconds
    assert at(0.92).transfer_seconds == MOST_SPREAD * float(SCHEDULE.transfer)
    assert at(0.93).every > 1


@pytest.mark.parametrize(
    ("used", "left"), [(0, 1.0), (80, 1.0), (85, 1.0), (92.5, 0.5), (100, 0.0), (130, 0.0)]
)
def test_headroom_is_what_is_left_of_the_reserve(used: float, left: float) -> None:
    assert headroom(1_000, int(used * 10), 0.15) == pytest.approx(left)


def test_without_a_reserve_the_end_of_the_budget_is_still_the_end() -> None:
    assert headroom(1_000, 999, 0.0) == 1.0
    assert headroom(1_000, 1_000, 0.0) == 0.0


def test_a_thinned_pace_keeps_the_share_of_transfers() -> None:
    schedule = ScheduleConfig(light=Seconds(60.0), transfer=Seconds(120.0))
    pace = pace_of(schedule, FOUR, budget=200_000_000, used=0, suspicious=False)
    assert pace.every > 1
    assert pace.transfer_seconds <= MOST_SPREAD * 120.0 * pace.every
