"""Which clock a leg's arrivals are put on."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.loopback.servers import connection
from probe.measure.connection.kernel_stamps import (
    LATE_NANOSECONDS,
    STEP_NANOSECONDS,
    Arrival,
    Departure,
    Timeline,
    last_stamp_ns,
    send_stamped,
    stamp_ns,
    wall_offset_ns,
)
from probe.measure.connection.reader import Reader
from probe.measure.connection.wire import WireStream
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


@pytest.mark.parametrize(
    ("kernel_ns", "moved", "left_ns"),
    [
        (START + OFFSET + 30_000, 0, START + 30_000),
        (None, 0, START),
        (START + OFFSET + 30_000, 2 * STEP_NANOSECONDS, START),  # the wall clock was stepped
        (START + OFFSET - 30_000, 0, START),  # before it was handed over
        (START + OFFSET + LATE_NANOSECONDS + 1, 0, START),
    ],
)
def test_what_left_is_put_on_the_monotonic_clock(
    kernel_ns: int | None, moved: int, left_ns: int
) -> None:
    line = timeline(arrival(10, 25), moved=moved)
    assert line.left_ns(Departure(START, kernel_ns)) == left_ns


@pytest.fixture
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = connection()
    with closing(near), closing(far):
        yield near, far


def test_the_kernel_says_when_it_left(connected: tuple[socket.socket, socket.socket]) -> None:
    near, far = connected
    left = []
    for _ in range(3):
        before = time.time_ns()
        size, left_ns = send_stamped(near, memoryview(b"hello"))
        assert size == 5
        assert left_ns is not None
        assert before <= left_ns <= time.time_ns()
        left.append(left_ns)
    # Nothing is left that an event loop would take for something to read.
    assert select.select([near], [], [], 0) == ([], [], [])
    far.sendall(b"answer")
    _, ancillary, _, _ = near.recvmsg(100, 100)
    came_ns = stamp_ns(ancillary)
    assert came_ns is not None
    assert left == sorted(left)
    assert left[-1] < came_ns


def test_a_stamp_that_was_left_is_not_taken_for_that_of_what_is_sent_next(
    connected: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, _ = connected
    monkeypatch.setattr("probe.measure.connection.kernel_stamps.last_stamp_ns", lambda *_: None)
    for _ in range(2):
        send_stamped(near, memoryview(b"hello"))
    monkeypatch.undo()
    before = time.time_ns()
    _, left_ns = send_stamped(near, memoryview(b"hello"), asked=True)
    assert left_ns is not None
    assert before <= left_ns <= time.time_ns()
    assert last_stamp_ns(near) is None


async def test_a_stamp_that_comes_late_is_dropped_and_the_loop_does_not_turn_for_it(
    connected: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = connected
    wire = WireStream(near, opened_ns=0)
    # As if the kernel had not made it when ``send`` looked.
    monkeypatch.setattr("probe.measure.connection.kernel_stamps.last_stamp_ns", lambda *_: None)
    await wire.send(b"hello", stamped=True)
    monkeypatch.undo()
    assert select.select([near], [], [], 0) == ([near], [], [])
    turns = 0

    def came() -> None:
        nonlocal turns
        turns += 1
        Reader._came(wire._reader)

    monkeypatch.setattr(wire._reader, "_came", came)
    asyncio.get_running_loop().call_later(0.1, far.sendall, b"answer")
    assert await wire.receive() == b"answer"
    assert turns == 2
    assert last_stamp_ns(near) is None
    wire.close()
