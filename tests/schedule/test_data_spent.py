"""The window never shows less than what any 31 days had, whatever the clocks do."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from probe.schedule.data_spent import (
    BELIEVABLE_SINCE,
    PERIOD_SECONDS,
    SLICE_SECONDS,
    DataSpent,
    passed,
    resumed,
    spent,
)

NOW = BELIEVABLE_SINCE + 1e7
DAY = 86_400.0


@given(
    st.lists(
        st.tuples(st.floats(0.0, 3 * DAY), st.integers(0, 10**9), st.floats(-1e9, 1e9)),
        min_size=1,
        max_size=80,
    )
)
def test_any_31_days_are_within_the_window(steps: list[tuple[float, int, float]]) -> None:
    account, clock = DataSpent(), 0.0
    log: list[tuple[float, int]] = []
    for seconds, size, wall in steps:
        clock += seconds
        # The wall clock may say what it likes while the daemon runs.
        account = spent(passed(account, seconds, wall=NOW + wall), size)
        log.append((clock, size))
        assert account.used >= sum(s for at, s in log if at > clock - PERIOD_SECONDS)


def test_what_is_older_than_the_window_is_forgotten_and_the_state_stays_small() -> None:
    account = DataSpent()
    for _ in range(4 * 365):
        account = spent(passed(account, SLICE_SECONDS, wall=NOW), 10)
    slices = PERIOD_SECONDS / SLICE_SECONDS
    assert slices <= len(account.spent) <= slices + 2
    assert account.used == 10 * len(account.spent)
    assert passed(account, PERIOD_SECONDS + SLICE_SECONDS, wall=NOW).used == 0


def test_a_restart_counts_the_days_in_between() -> None:
    account = spent(passed(DataSpent(), 0.0, wall=NOW), 500)
    kept = msgspec.json.decode(msgspec.json.encode(account), type=DataSpent)
    assert resumed(kept, wall=NOW + 20 * DAY).used == 500
    assert resumed(kept, wall=NOW + 32 * DAY).used == 0


def test_a_wall_clock_that_cannot_be_believed_gives_nothing_away() -> None:
    account = spent(passed(DataSpent(), 0.0, wall=NOW), 500)
    assert resumed(account, wall=NOW - 365 * DAY).used == 500
    assert resumed(account, wall=0.0).used == 500
    # Kept by a host that did not know the time, taken up by one that does: decades seem to lie
    # between, and may be minutes.
    lost = spent(passed(DataSpent(), 0.0, wall=1_000.0), 500)
    assert resumed(lost, wall=NOW).used == 500
