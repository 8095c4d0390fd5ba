from __future__ import annotations

import pytest

from probe.schedule.hours import seconds_per_day, within

HOUR = 3_600.0


@pytest.mark.parametrize(
    ("hours", "at", "inside"),
    [
        ("01:00-05:30", 1.0, True),
        ("01:00-05:30", 5.49, True),
        ("01:00-05:30", 5.5, False),
        ("01:00-05:30", 0.99, False),
        ("22:00-06:00", 23.0, True),
        ("22:00-06:00", 0.0, True),
        ("22:00-06:00", 5.99, True),
        ("22:00-06:00", 6.0, False),
        ("22:00-06:00", 21.99, False),
        ("18:00-24:00", 23.99, True),
        ("18:00-24:00", 0.0, False),
        ("00:00-24:00", 12.0, True),
    ],
)
def test_a_stretch_of_the_day(hours: str, at: float, inside: bool) -> None:
    assert within((hours,), at * HOUR) is inside


def test_stretches_that_overlap_count_once() -> None:
    assert seconds_per_day(()) == 0.0
    assert seconds_per_day(("22:00-06:00", "05:00-07:30")) == 9.5 * HOUR
