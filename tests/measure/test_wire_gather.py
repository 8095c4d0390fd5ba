"""A body's bytes gather in the kernel: few reads, and none lies there longer than it should."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from probe.measure.connection import kernel_stamps, tcp_info
from probe.measure.connection.gathering import (
    GATHER_SECONDS,
    GATHER_SHARE,
    GATHER_SHARE_LONG,
    HOLD_LEAST_BYTES,
)
from probe.measure.connection.wire import WireStream
from probe.measure.one_leg.curve import STALL_SECONDS
from tests.again import undisturbed

PIECES = 40
LATER_SECONDS = 4 * GATHER_SECONDS


def _window_bytes() -> int:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sock,
    ):
        found = tcp_info.window_bytes(sock)
    assert found is not None
    return found


WINDOW = _window_bytes()


@pytest.fixture(autouse=True, scope="module")
def no_garbage_collection() -> Iterator[None]:
    """Looking through all that a thousand tests have left takes twice ``GATHER_SECONDS``: the time
    to gather is over then before the first byte has been sent."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@asynccontextmanager
async def body_of(
    pieces: int,
    size: int,
    *,
    missing: int,
    apart_seconds: float = 0.001,
    buffer_bytes: int | None = None,
) -> AsyncIterator[WireStream]:
    """A stream on which that many pieces come, and then its end. ``missing`` is what the wire is
    told of the body's size, ``buffer_bytes`` the kernel's for what nobody has read."""

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(pieces):
            writer.write(bytes(size))
            await asyncio.sleep(apart_seconds)
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1")
    sock = socket.socket()
    if buffer_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    sock.connect(server.sockets[0].getsockname())
    sock.setblocking(False)
    kernel_stamps.enable_stamps(sock)
    wire = WireStream(sock, opened_ns=0)
    wire.gather(missing)
    try:
        yield wire
    finally:
        wire.close()
        server.close()
        await server.wait_closed()


async def read_all(wire: WireStream) -> int:
    size = 0
    while data := await wire.receive():
        size += len(data)
    return size


async def longest_held_seconds(wire: WireStream) -> float:
    """Reads all; the longest time between taking a piece from the kernel and handing it up."""
    held_ns = 0
    while await wire.receive():
        held_ns = max(held_ns, time.monotonic_ns() - wire.arrival.loop_ns)
    return held_ns / kernel_stamps.NANOSECONDS


def lay_seconds(wire: WireStream) -> list[float]:
    """How long the last byte of each read had lain in the kernel."""
    offset_ns = kernel_stamps.wall_offset_ns()
    return [
        (arrival.loop_ns + offset_ns - arrival.kernel_ns) / kernel_stamps.NANOSECONDS
        for arrival in wire.arrivals
        if arrival.kernel_ns is not None
    ]


async def test_between_two_reads_bytes_have_time_to_gather_and_none_is_lost() -> None:
    size = 4 * PIECES * 100
    async with body_of(4 * PIECES, 100, missing=2 * size) as wire:
        assert await read_all(wire) == size
        read_ns = [arrival.loop_ns for arrival in wire.arrivals]
    gaps = [after - before for before, after in pairwise(read_ns)]
    # The last read finds the end, whenever that came. The loop's clock and its timer may differ by
    # the timer's own grain.
    assert gaps[:-1]
    assert all(gap > 0.8 * GATHER_SECONDS * kernel_stamps.NANOSECONDS for gap in gaps[:-1])
    assert GATHER_SECONDS < STALL_SECONDS


async def test_what_may_be_the_whole_body_is_read_when_it_is_there() -> None:
    # What comes on the wire is more than the body by its records.
    size = WINDOW // 4
    async with body_of(1, size, missing=size * 9 // 10, apart_seconds=LATER_SECONDS) as wire:
        while wire.received < size:
            await wire.receive()
        assert max(lay_seconds(wire)) < 0.8 * GATHER_SECONDS
        await read_all(wire)


@undisturbed
async def test_on_a_fast_line_nothing_lies_there_for_long() -> None:
    size = 4 * WINDOW + 100
    async with body_of(1, size, missing=size * 9 // 10, apart_seconds=LATER_SECONDS) as wire:
        while wire.received < size - WINDOW // 2:
            await wire.receive()
        assert max(lay_seconds(wire)) < 0.8 * GATHER_SECONDS
        await read_all(wire)


@undisturbed
async def test_a_longer_body_is_read_sooner_since_its_window_has_to_move() -> None:
    # What comes changes the window a little, so nothing here is near a limit.
    size = WINDOW // 4
    assert WINDOW * GATHER_SHARE_LONG < size < WINDOW // 2 < WINDOW * GATHER_SHARE
    async with body_of(1, size, missing=WINDOW // 2, apart_seconds=LATER_SECONDS) as wire:
        await read_all(wire)
        assert max(lay_seconds(wire)) > 0.8 * GATHER_SECONDS
    async with body_of(1, size, missing=4 * WINDOW, apart_seconds=LATER_SECONDS) as wire:
        await wire.receive()
        assert max(lay_seconds(wire)) < 0.8 * GATHER_SECONDS
        await read_all(wire)


@undisturbed
async def test_a_small_window_is_not_waited_to_fill() -> None:
    size = 20 * WINDOW // 10
    async with body_of(
        1, size, missing=WINDOW, apart_seconds=LATER_SECONDS, buffer_bytes=WINDOW // 10
    ) as wire:
        while wire.received < size * 9 // 10:
            await wire.receive()
        assert max(lay_seconds(wire)) < 0.8 * GATHER_SECONDS
        await read_all(wire)


@undisturbed
async def test_what_comes_after_a_silence_is_read_at_once() -> None:
    async with body_of(2, 100, missing=WINDOW, apart_seconds=LATER_SECONDS) as wire:
        await read_all(wire)
        first, second = lay_seconds(wire)
    assert second < 0.5 * first


@undisturbed
async def test_a_body_that_cannot_be_whole_is_held_and_each_piece_keeps_its_arrival() -> None:
    pieces, size = 2 * PIECES, 500
    async with body_of(pieces, size, missing=WINDOW * 3 // 4) as wire:
        assert await longest_held_seconds(wire) > 0.8 * GATHER_SECONDS
        assert (wire.received, wire.arrival) == (pieces * size, wire.arrivals[-1])


@undisturbed
async def test_what_may_be_the_whole_body_and_what_comes_slowly_is_handed_up_at_once() -> None:
    async with body_of(PIECES, 1_000, missing=HOLD_LEAST_BYTES) as wire:
        assert await longest_held_seconds(wire) < 0.8 * GATHER_SECONDS
    async with body_of(PIECES, 10, missing=10 * HOLD_LEAST_BYTES) as wire:
        assert await longest_held_seconds(wire) < 0.8 * GATHER_SECONDS
