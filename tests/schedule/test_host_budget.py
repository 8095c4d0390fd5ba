"""No host is ever asked more often than its bucket allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.schedule.host_budget import BURST, LEGS_PER_HOUR, SPARED, HostBudget, is_exempt


@given(st.lists(st.floats(0.0, 400.0), min_size=1, max_size=300))
def test_no_hour_has_more_than_burst_plus_rate(gaps: list[float]) -> None:
    budget, now, taken = HostBudget(), 1_000.0, []
    for gap in gaps:
        now += gap
        if budget.take("default", "x.com", now):
            taken.append(now)
    for start in taken:
        in_hour = sum(start <= t < start + 3600.0 for t in taken)
        assert in_hour <= BURST + LEGS_PER_HOUR


def test_a_spent_bucket_refills_at_its_rate() -> None:
    budget = HostBudget()
    assert all(budget.take("default", "x.com", 0.0) for _ in range(int(BURST)))
    assert not budget.take("default", "x.com", 0.0)
    assert not budget.has("default", "x.com", 119.0)
    assert budget.take("default", "x.com", 121.0)


def test_what_spares_leaves_so_much_to_others() -> None:
    budget = HostBudget()
    made = 0
    while budget.take("default", "x.com", 0.0, spare=SPARED):
        made += 1
    assert made == BURST - SPARED
    assert budget.has("default", "x.com", 0.0, legs=int(SPARED))
    assert all(budget.take("default", "x.com", 0.0) for _ in range(int(SPARED)))
    assert not budget.take("default", "x.com", 0.0)


def test_buckets_are_apart_per_vantage_and_host() -> None:
    budget = HostBudget()
    while budget.take("default", "x.com", 0.0):
        pass
    assert budget.has("mobile", "x.com", 0.0)
    assert budget.has("default", "www.youtube.com", 0.0)


def test_retry_after_closes_a_host() -> None:
    budget = HostBudget()
    budget.close("default", "x.com", 0.0, until=1_800.0)
    assert not budget.take("default", "x.com", 1_799.0)
    assert budget.take("default", "x.com", 1_800.0)


def test_no_retry_after_silences_a_host_for_more_than_an_hour() -> None:
    budget = HostBudget()
    budget.close("default", "x.com", 0.0, until=1e10)
    assert not budget.take("default", "x.com", 3_599.0)
    assert budget.take("default", "x.com", 3_600.0)


def test_a_closed_host_closes_no_other_name_at_its_address() -> None:
    budget = HostBudget()
    budget.close("default", "x.com", 0.0, until=1_800.0)
    assert budget.take("default", "x.com", 0.0, name="neutral.example")
    assert not budget.take("default", "other.example", 0.0, name="x.com")
    while budget.take("default", "x.com", 0.0, name="neutral.example"):
        pass
    assert not budget.has("default", "x.com", 1_799.0)
    assert budget.has("default", "neutral.example", 0.0), "tokens are those of where it connects to"


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    budget = HostBudget()
    while budget.take("default", "x.com", 1_000.0):
        pass
    assert not budget.take("default", "x.com", 10.0)


@pytest.mark.parametrize(
    ("address", "exempt"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("192.168.7.7", True),
        ("fe80::1", True),
        ("fd00::1", True),
        ("1.1.1.1", False),
        ("2606:4700::1", False),
        (None, False),
    ],
)
def test_only_our_own_networks_are_exempt(address: str | None, exempt: bool) -> None:
    assert is_exempt(address) is exempt
