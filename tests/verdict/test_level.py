"""What is normal: robust, slow, aware of the hour after a week."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from probe.verdict.normal.level import DAYS, LEAST, RING, Level, learned

AT = 1_700_000_000.0
HOUR = 3_600.0


def after(values: list[float], *, step: float = 900.0) -> Level:
    level = None
    for i, value in enumerate(values):
        level = learned(level, value, AT + i * step)
    assert level is not None
    return level


def test_a_level_is_known_after_a_few_values() -> None:
    assert not after([1.0] * (LEAST - 1)).known
    assert after([1.0] * LEAST).known


def test_a_quarter_of_wild_values_moves_it_little() -> None:
    draw = Random(1)
    quiet = [draw.gauss(0.0, 0.1) for _ in range(RING)]
    wild = [v + 5.0 if i % 4 == 0 else v for i, v in enumerate(quiet)]
    assert abs(after(wild).centre - after(quiet).centre) < 0.1
    assert after(wild).spread < 3 * after(quiet).spread


def test_old_values_are_forgotten() -> None:
    assert after([0.0] * 100 + [1.0] * RING).centre == 1.0


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=80), st.floats(-5, 5))
def test_a_shift_of_everything_shifts_the_level_and_nothing_else(
    values: list[float], shift: float
) -> None:
    here, there = after(values), after([v + shift for v in values])
    assert abs(there.centre - here.centre - shift) < 1e-6
    assert abs(there.spread - here.spread) < 1e-6


def test_doubt_shrinks_with_every_value() -> None:
    doubts = [after([0.0] * n).doubt(2.0) for n in range(2, RING)]
    assert doubts == sorted(doubts, reverse=True)


def test_hours_count_only_after_a_week() -> None:
    evening = [1.0 if (AT + i * HOUR) // HOUR % 24 == 20 else 0.0 for i in range(24 * 30)]
    month = after(evening, step=HOUR)
    at_eight = next(AT + i * HOUR for i in range(24 * 29, 24 * 30) if evening[i])
    assert month.expected(at_eight) > 0.5
    assert abs(month.expected(at_eight + HOUR)) < 0.1
    week = after(evening[:24], step=HOUR)
    assert week.expected(at_eight - 29 * 24 * HOUR) == week.centre


DAY = 24 * HOUR


def test_what_was_normal_is_remembered_for_weeks() -> None:
    """An hour of light rounds a day: trouble that lasts three days is no normal of weeks."""
    level = None
    for day in range(20):
        for i in range(RING):
            level = learned(level, 0.0 if day < 17 else 2.0, AT + day * DAY + i * 60.0)
    assert level is not None
    assert level.centre == 2.0
    assert level.long == 0.0
    for day in range(20, 20 + DAYS):
        level = learned(level, 2.0, AT + day * DAY)
    assert level.long == 2.0


@given(st.lists(st.floats(-10, 10), min_size=LEAST, max_size=80))
def test_a_level_that_begins_anew_knows_nothing_but_what_it_was(values: list[float]) -> None:
    before = after(values)
    anew = before.begun_anew()
    assert not anew.known
    assert anew.days
    assert anew.days[-1] in (before.centre, *before.days)
    assert len(learned(learned(anew, 1.0, AT), 1.0, AT).days) >= len(before.days)
    assert not learned(anew, 1.0, AT).known
