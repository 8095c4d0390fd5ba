from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from probe.demo.paced_direction import PacedDirection

PIECES = st.lists(
    st.tuples(st.floats(0.0, 5.0), st.integers(1, 9_000), st.floats(100.0, 1e7)), min_size=1
)


@given(pieces=PIECES, delay=st.floats(0.0, 0.5))
def test_nothing_overtakes_and_nothing_is_faster_than_its_rate(
    pieces: list[tuple[float, int, float]], delay: float
) -> None:
    pace, now, left = PacedDirection(), 0.0, []
    for gap, size, rate in pieces:
        now += gap
        leaves = pace.leaves_at(size, now=now, rate_bytes_per_second=rate, delay_seconds=delay)
        assert leaves >= now + delay + size / rate - 1e-9
        left.append((leaves, size / rate))
    assert all(later - took >= earlier - 1e-9 for (earlier, _), (later, took) in pairwise(left))


def test_an_idle_line_saves_nothing_up() -> None:
    pace = PacedDirection()
    pace.leaves_at(1_000, now=0.0, rate_bytes_per_second=1_000.0, delay_seconds=0.0)
    assert (
        pace.leaves_at(1_000, now=100.0, rate_bytes_per_second=1_000.0, delay_seconds=0.0) == 101.0
    )
