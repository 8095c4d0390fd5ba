"""Far ends over QUIC that mean harm: some drawn, and those that once did harm."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial

import pytest
from aioquic.quic.packet import encode_quic_version_negotiation

from benchmarks.attack import MOST_TRIES, attack, over_quic
from lab.loopback import hostile_quic
from lab.loopback.hostile_datagrams import flood, for_ever, gaps
from lab.loopback.hostile_quic import Door, Visitor, h3_frame, honest
from lab.loopback.sealing import Opening, initial, opening, var
from lab.loopback.turns import counted
from probe.measure.http.http1 import MOST_HEAD_BYTES
from probe.measure.over_quic import quic_bounds
from probe.measure.over_quic.quic_ping import MOST_NOT_ANSWERS, PING_BYTES
from probe.model.identity import Phase
from probe.model.observation import LegObservation
from tests.measure.test_hostile import check

CASES = 10
Received = Callable[[asyncio.DatagramTransport, bytes, tuple[str, int]], None]


@pytest.mark.parametrize("kind", hostile_quic.KINDS)
def test_legs_over_quic_end_in_time_with_a_word_for_it_and_read_little(kind: str) -> None:
    check(attack(kind, CASES, at_once=CASES, seed="test"), CASES)


def test_it_goes_on_until_so_many_far_ends_had_time() -> None:
    """Of those who drop every second datagram some are never heard of: others take their place."""
    found = attack("quic handshake", CASES, at_once=CASES, seed="met", all_met=True)
    assert found.met is not None
    assert CASES <= found.met <= found.cases <= MOST_TRIES * CASES


def test_none_is_begun_after_its_time() -> None:
    found = attack("quic packets", 100 * CASES, at_once=CASES, seed="late", most_seconds=0.5)
    assert 0 < found.cases < 100 * CASES


@contextlib.asynccontextmanager
async def far_end(make: Callable[[], asyncio.DatagramProtocol]) -> AsyncIterator[int]:
    """A port at which what ``make`` makes listens."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(make, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def met_by(script: Callable[[Visitor], Awaitable[None]]) -> LegObservation:
    """A leg against a server that does ``script`` once it was asked."""
    async with far_end(partial(Door, "http/3", "test", script=script)) as port:
        return await over_quic(port, deadline_seconds=4.0)


class Raw(asyncio.DatagramProtocol):
    """Calls ``received`` with each datagram, and whom it is from."""

    def __init__(self, received: Received) -> None:
        self._received = received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received(self._transport, data, addr)  # type: ignore[arg-type]


def failure(observed: LegObservation) -> tuple[str, str]:
    assert observed.failure is not None
    return observed.failure.phase.value, observed.failure.reason


async def test_an_honest_far_end_is_within_every_bound() -> None:
    observed = await met_by(honest)
    assert observed.ok
    assert observed.body_bytes == 65_536


async def test_no_byte_of_a_head_stands_for_thousands() -> None:
    """A server that puts 4,000 bytes into a client's memory and refers to them 50,000 times."""

    async def bomb(visitor: Visitor) -> None:
        entry = b"\x43abc\x7f\xa1\x1e" + b"b" * 4_000
        visitor.far.say(visitor.far.own_stream(), b"\2\x3f\xe1\x1f" + entry)
        visitor.far.say(0, h3_frame(1, b"\2\0\xd9" + b"\x80" * 50_000))

    tracemalloc.start()
    try:
        observed = await met_by(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert failure(observed) == ("processing", "http_protocol_error")
    assert peak < 20_000_000


async def test_a_head_has_an_end() -> None:
    async def long(visitor: Visitor) -> None:
        visitor.far.say(visitor.far.own_stream(), b"\0" + h3_frame(4, b""))
        visitor.far.say(0, h3_frame(1, b"\0\0\xd9" + b"\xd1" * MOST_HEAD_BYTES))

    assert failure(await met_by(long)) == ("processing", "http_protocol_error")


async def test_what_is_wrong_over_http3_is_no_handshake_that_failed() -> None:
    """Numbers of HTTP/3's errors are those of TLS's alerts in QUIC."""

    async def twice(visitor: Visitor) -> None:
        for _ in range(2):
            visitor.far.say(visitor.far.own_stream(), b"\0" + h3_frame(4, b""))

    assert failure(await met_by(twice)) == ("processing", "http_protocol_error")


async def test_a_far_end_that_closes_over_http3_has_not_failed_in_tls() -> None:
    async def close(visitor: Visitor) -> None:
        visitor.far.close(error_code=0x102)

    assert failure(await met_by(close)) == ("processing", "ended_by_server")


async def test_bytes_in_no_order_are_worked_on_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_bounds, "MOST_WORK_SECONDS", 0.1)

    async def scatter(visitor: Visitor) -> None:
        every = (
            b"".join(b"\x0e\0" + var(2 * (150 * n + i)) + b"\1x" for i in range(150))
            for n in range(1_000)
        )
        await flood(visitor.send, map(visitor.sealed, every))

    observed = await met_by(scatter)
    assert failure(observed) == ("processing", "http_protocol_error")
    assert observed.failure is not None
    assert "work" in observed.failure.detail


def answering(first: Callable[[Opening], Iterable[bytes]]) -> Received:
    """What ``first`` makes of a packet that begins a connection, a few at a time; what says no name
    is answered."""
    tasks: set[asyncio.Task[None]] = set()

    def received(transport: asyncio.DatagramTransport, data: bytes, addr: tuple[str, int]) -> None:
        seen = opening(data)
        if seen is None:
            return

        def send(one: bytes) -> None:
            transport.sendto(one, addr)

        if seen.nameless:
            send(encode_quic_version_negotiation(seen.server_id, seen.client_id, [1]))
        else:
            tasks.add(asyncio.get_running_loop().create_task(flood(send, iter(first(seen)))))

    return received


async def test_no_datagram_is_longer_than_what_ways_carry() -> None:
    """One of 60 kB with ten thousand pieces of a handshake in no order is not looked at."""
    pieces = b"".join(gaps(2 + 320 * n) for n in range(56))
    received = answering(lambda seen: [initial(seen, pieces, 0)])
    async with far_end(partial(Raw, received)) as port:
        observed = await over_quic(port, deadline_seconds=2.0)
    assert failure(observed) == ("tls", "generic_timeout_error")
    assert observed.quic is not None
    assert 0 < (observed.quic.bytes_received or 0) <= 20 * quic_bounds.MOST_DATAGRAM_BYTES


async def test_datagrams_of_a_byte_are_counted() -> None:
    received = answering(lambda seen: for_ever(lambda: b"x"))
    async with far_end(partial(Raw, received)) as port:
        observed = await over_quic(port, deadline_seconds=4.0)
    assert failure(observed) == ("tls", "http_protocol_error")
    assert observed.quic is not None
    assert (observed.quic.bytes_received or 0) < 1_000


async def test_a_flood_in_answer_to_the_packet_without_a_name_is_left_alone() -> None:
    def received(transport: asyncio.DatagramTransport, data: bytes, addr: tuple[str, int]) -> None:
        seen = opening(data)
        for _ in range(150) if seen is not None and seen.nameless else ():
            transport.sendto(b"x" * PING_BYTES, addr)

    async with far_end(partial(Raw, received)) as port:
        with counted() as turns:
            observed = await over_quic(port, deadline_seconds=2.0)
    assert observed.phases.keys() == {Phase.CONNECT}
    assert observed.connect_rtt_seconds is None
    assert (observed.wire_bytes_received or 0) < (MOST_NOT_ANSWERS + 1) * (PING_BYTES + 28)
    assert turns.count < 100


async def test_every_for_ever_has_an_end() -> None:
    """The laboratory's own floods end by themselves, so that no far end outlives its visitor."""
    sent: list[bytes] = []
    await flood(sent.append, for_ever(lambda: b""))
    assert 500 < len(sent) < 2_000
