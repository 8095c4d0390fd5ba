"""Which clock a leg's arrivals are put on."""

from __future__ import annotations

import socket
import struct
import time

from hypothesis import given
from hypothesis import strategies as st

from probe.measure.clock import (
    STEP_NANOSECONDS,
    Arrival,
    Timeline,
    stamp_ns,
    wall_offset_ns,
)
from probe.model.observation import Clock

START = 5_000_000_000
OFFSET = 1_700_000_000_000_000_000
MS = 1_000_000


def arrival(kernel_ms: int | None, loop_ms: int, *, offset: int = OFFSET) -> Arrival:
    kernel_ns = None if kernel_ms is None else START + kernel_ms * MS + offset
    return Arrival(1, START + loop_ms * MS, kernel_ns)


def timeline(*arrivals: Arrival, moved: int = 0) -> Timeline:
    return Timeline(
        arrivals,
        started_ns=START,
        offset_at_start_ns=OFFSET,
        offset_at_end_ns=OFFSET + moved,
    )


def test_stamps_are_put_on_the_monotonic_clock() -> None:
    late = arrival(10, 25)
    line = timeline(late)
    assert line.clock is Clock.KERNEL
    assert line.at_ns(late) == START + 10 * MS


def test_one_missing_stamp_and_all_times_are_the_loops() -> None:
    first, second = arrival(10, 25), arrival(None, 30)
    line = timeline(first, second)
    assert line.clock is Clock.LOOP
    assert line.at_ns(first) == START + 25 * MS


def test_no_arrival_no_kernel_clock() -> None:
    assert timeline().clock is Clock.LOOP


def test_a_step_between_start_and_end() -> None:
    assert timeline(arrival(10, 25), moved=STEP_NANOSECONDS).clock is Clock.KERNEL
    assert timeline(arrival(10, 25), moved=STEP_NANOSECONDS + 1).clock is Clock.LOOP
    assert timeline(arrival(10, 25), moved=-STEP_NANOSECONDS - 1).clock is Clock.LOOP


def test_a_step_there_and_back_shows_in_the_stamps() -> None:
    hour = 3_600_000_000_000
    assert timeline(arrival(10, 25, offset=OFFSET + hour)).clock is Clock.LOOP
    assert timeline(arrival(10, 25, offset=OFFSET - hour)).clock is Clock.LOOP


@given(st.lists(st.integers(0, 10_000), min_size=2), st.integers(0, 100))
def test_order_is_kept_on_either_clock(times: list[int], lateness: int) -> None:
    arrivals = [arrival(t, t + lateness) for t in sorted(times)]
    for line in (timeline(*arrivals), timeline(*arrivals, moved=2 * STEP_NANOSECONDS)):
        placed = [line.at_ns(a) for a in arrivals]
        assert placed == sorted(placed)


def test_the_offset_is_between_the_two_clocks() -> None:
    before = time.time_ns() - time.monotonic_ns()
    assert abs(wall_offset_ns() - before) < 1_000 * MS


def test_a_stamp_among_other_control_messages() -> None:
    other = (socket.IPPROTO_IP, 2, b"abcd")
    stamp = (socket.SOL_SOCKET, 35, struct.pack("@ll", 7, 9))
    assert stamp_ns([other, stamp]) == 7_000_000_009
    assert stamp_ns([other]) is None
    assert stamp_ns([(socket.SOL_SOCKET, 35, b"short")]) is None
