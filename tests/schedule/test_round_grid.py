"""Rounds never bunch, never drift and are not made up for."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.definition import Definition
from probe.config.schema import Config, ScheduleConfig, Settings, VantageConfig
from probe.config.values import Seconds
from probe.model.identity import RoundKind
from probe.schedule.round_grid import (
    FIRST_ROUNDS_SECONDS,
    LongTurn,
    Slot,
    draw_long,
    first_due,
    interval_to_next,
    kind_now,
    next_due,
    slots,
    start_cadence,
)

SCHEDULE = ScheduleConfig(light=Seconds(100.0), transfer=Seconds(300.0), jitter=0.1)
NEVER = LongTurn(at=float("inf"), platform="x")


def slot(index: int = 0, count: int = 4, platform: str = "x") -> Slot:
    return Slot(vantage="default", platform=platform, index=index, count=count)


def definition(name: str) -> Definition:
    return Definition(name=name, title=name, why="", hosts=(), targets=())


def test_slots_pair_every_platform_with_every_vantage() -> None:
    config = Config(
        settings=Settings(vantages=(VantageConfig(name="a"), VantageConfig(name="b"))),
        platforms=(definition("x"), definition("youtube")),
        controls=(),
    )
    assert [(s.platform, s.vantage, s.index, s.count) for s in slots(config)] == [
        ("x", "a", 0, 4),
        ("x", "b", 1, 4),
        ("youtube", "a", 2, 4),
        ("youtube", "b", 3, 4),
    ]


def test_first_rounds_start_soon_and_apart() -> None:
    times = [first_due(slot(index), anchor=50.0).at - 50.0 for index in range(4)]
    assert times == [0.0, 2.0, 4.0, 6.0]
    assert max(times) < FIRST_ROUNDS_SECONDS < 10.0


def test_without_jitter_rounds_of_all_slots_are_evenly_spread() -> None:
    schedule = ScheduleConfig(light=Seconds(100.0), jitter=0.0)
    times = [
        next_due(slot(index), schedule, anchor=0.0, previous=-1, now=9.0, draw=lambda: 0.5).at
        for index in range(4)
    ]
    assert times == [25.0, 50.0, 75.0, 100.0]


@given(
    st.integers(0, 7),
    st.floats(0.0, 0.5),
    st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=30, max_size=30),
)
def test_jitter_never_moves_the_grid(index: int, jitter: float, draws: list[float]) -> None:
    schedule = ScheduleConfig(light=Seconds(100.0), jitter=jitter)
    place, now, number = slot(index, 8), 0.0, -1
    values = iter(draws)
    for count in range(len(draws)):
        due = next_due(
            place, schedule, anchor=0.0, previous=number, now=now, draw=lambda: next(values)
        )
        grid = 100.0 * (count + place.share)
        assert due.number == count
        assert now <= due.at
        assert grid - 100.0 * jitter - 1e-6 <= due.at <= grid + 100.0 * jitter + 1e-6
        now, number = due.at, due.number


@given(st.floats(0.0, 1e7), st.integers(-1, 50))
def test_missed_rounds_are_left_out(now: float, previous: int) -> None:
    due = next_due(slot(), SCHEDULE, anchor=0.0, previous=previous, now=now, draw=lambda: 0.5)
    assert due.number > previous
    assert due.at >= now
    assert due.at <= max(now, 100.0 * (previous + 1)) + 200.0


def kinds(times: list[float], place: Slot, long_turn: LongTurn = NEVER) -> list[RoundKind]:
    cadence, found = start_cadence(place, SCHEDULE, 0.0), []
    for now in times:
        kind, cadence = kind_now(place, SCHEDULE, cadence=cadence, long_turn=long_turn, now=now)
        found.append(kind)
    return found


@pytest.mark.parametrize("index", range(4))
def test_every_third_round_transfers(index: int) -> None:
    place = slot(index)
    rng = random.Random(index)
    grid = [0.0] + [100.0 * (k + place.share) + rng.uniform(-10, 10) for k in range(300)]
    found = kinds(grid, place)
    assert found[0] is RoundKind.TRANSFER
    share = found.count(RoundKind.TRANSFER) / len(found)
    assert 0.32 < share < 0.35
    between = [k for k, kind in enumerate(found) if kind is RoundKind.TRANSFER]
    assert {b - a for a, b in pairwise(between[1:])} == {3}


@pytest.mark.parametrize(("count", "most"), [(1, 300.0), (2, 200.0), (3, 100.0), (4, 100.0)])
def test_reads_of_a_vantages_platforms_are_spread_over_the_transfer_interval(
    count: int, most: float
) -> None:
    """In each light interval one of them reads, if they are as many as its places."""
    reads = []
    for index in range(count):
        place = slot(index, count=count)
        times = [0.0] + [100.0 * (k + place.share) for k in range(30)]
        found = zip(times, kinds(times, place), strict=True)
        reads += [at for at, kind in found if kind is RoundKind.TRANSFER and at > 100.0]
    reads.sort()
    gaps = [later - earlier for earlier, later in pairwise(reads)]
    assert max(gaps) <= most + 50.0


def test_sleeping_through_transfers_makes_one_not_many() -> None:
    found = kinds([0.0, 4_900.0, 5_000.0], slot(index=3))
    assert found == [RoundKind.TRANSFER, RoundKind.TRANSFER, RoundKind.LIGHT]


def test_a_long_round_takes_the_place_of_a_transfer_of_the_drawn_platform() -> None:
    turn = LongTurn(at=250.0, platform="x")
    grid = [0.0, 100.0, 200.0, 300.0, 400.0]
    assert kinds(grid, slot(3, platform="x"), turn)[3] is RoundKind.LONG
    assert RoundKind.LONG not in kinds(grid, slot(3, platform="youtube"), turn)


@given(st.floats(0.0, 1.0, exclude_max=True))
def test_the_long_platform_is_one_of_ours(value: float) -> None:
    turn = draw_long(("x", "facebook", "youtube"), SCHEDULE, now=10.0, draw=lambda: value)
    assert turn.platform in {"x", "facebook", "youtube"}
    assert turn.at >= 10.0 + SCHEDULE.long / 2


@pytest.mark.parametrize(
    ("planned", "taken", "interval"),
    [
        (300.0, 0.0, 300.0),
        (300.0, 290.0, 300.0),
        (300.0, 840.0, 840.0),
        (300.0, 8 * 3_600.0, 1_200.0),
        (1.0, 40.0, 40.0),
        (1.0, 8 * 3_600.0, 600.0),
    ],
)
def test_the_next_round_is_as_far_as_rounds_really_are_but_for_breaks(
    planned: float, taken: float, interval: float
) -> None:
    assert interval_to_next(planned, taken) == interval
