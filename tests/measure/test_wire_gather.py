"""A body's bytes gather in the kernel: few reads on a slow line, none left lying on a fast one."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

from probe.measure import clock
from probe.measure.curve import STALL_SECONDS
from probe.measure.wire import (
    GATHER_BYTES,
    GATHER_MOST_SECONDS,
    GATHER_SECONDS,
    HOLD_LEAST_BYTES,
    WireStream,
)

PIECES = 40


@asynccontextmanager
async def body_of(pieces: int, size: int, *, missing: int = 0) -> AsyncIterator[WireStream]:
    """A stream on which that many pieces come, a millisecond apart, and then its end. ``missing``
    is what the wire is told of the body's size."""

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(pieces):
            writer.write(bytes(size))
            await asyncio.sleep(0.001)
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1")
    sock = socket.create_connection(server.sockets[0].getsockname())
    sock.setblocking(False)
    clock.enable_stamps(sock)
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
    return held_ns / clock.NANOSECONDS


async def test_between_two_reads_bytes_have_time_to_gather_and_none_is_lost() -> None:
    async with body_of(PIECES, 100) as wire:
        assert await read_all(wire) == PIECES * 100
        assert wire.gathers
        read_ns = [arrival.loop_ns for arrival in wire.arrivals]
    gaps = [after - before for before, after in pairwise(read_ns)]
    # The loop's clock and its timer may differ by the timer's own grain.
    assert all(gap > 0.8 * GATHER_SECONDS * clock.NANOSECONDS for gap in gaps)


async def test_the_less_comes_the_longer_it_gathers_to_a_limit_below_a_stall() -> None:
    async with body_of(4 * PIECES, 100) as wire:
        assert await read_all(wire) == 4 * PIECES * 100
        read_ns = [arrival.loop_ns for arrival in wire.arrivals]
    gaps = [after - before for before, after in pairwise(read_ns)]
    # The first waits are the shortest; the last read finds the end, whenever that came.
    assert max(gaps[-3:-1]) > 2 * GATHER_SECONDS * clock.NANOSECONDS
    assert GATHER_SECONDS < GATHER_MOST_SECONDS < STALL_SECONDS


async def test_on_a_fast_line_nothing_is_left_lying() -> None:
    # Not a multiple of a read, which would leave open whether more lies there.
    size = 4 * GATHER_BYTES + 100
    async with body_of(2, size) as wire:
        assert await read_all(wire) == 2 * size
        assert not wire.gathers


async def test_a_body_that_cannot_be_whole_is_held_and_each_piece_keeps_its_arrival() -> None:
    pieces, size = 3 * PIECES, 1_000
    async with body_of(pieces, size, missing=2 * pieces * size) as wire:
        assert await longest_held_seconds(wire) > 0.8 * GATHER_SECONDS
        assert (wire.received, wire.arrival) == (pieces * size, wire.arrivals[-1])


async def test_what_may_be_the_whole_body_and_what_comes_slowly_is_handed_up_at_once() -> None:
    async with body_of(PIECES, 1_000, missing=HOLD_LEAST_BYTES) as wire:
        assert await longest_held_seconds(wire) < 0.8 * GATHER_SECONDS
    async with body_of(PIECES, 10, missing=10 * HOLD_LEAST_BYTES) as wire:
        assert await longest_held_seconds(wire) < 0.8 * GATHER_SECONDS
