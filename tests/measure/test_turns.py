"""A far end that stops acknowledging costs turns of the loop for what happens, not for waiting.

Whatever is sent again is reported by the kernel once more; until that is taken, the loop is told of
it at every turn (40,000 times a second). Each case waits for several such reports.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from lab.loopback.hostile import deafen
from lab.loopback.servers import (
    HERE,
    Http2,
    Script,
    Visit,
    certificate,
    connection,
    leg_to,
    measure,
    serve,
    server_context,
    trust,
)
from lab.loopback.turns import counted, drop_all, drop_data, drop_none
from probe.config.schema import VantageConfig
from probe.measure.connection.wire import WireStream
from probe.model.identity import Phase
from probe.model.observation import LegObservation

SILENT_SECONDS = 1.0
"""Linux sends again after 0.2 s, 0.4 s and 0.8 s, and a lost tail probes."""
MOST_TIMES = 4
"""A leg that ends well has some twenty turns, on either HTTP."""


async def answer_1(visit: Visit) -> None:
    await visit.answer(b"x" * 2_000)


async def answer_2(visit: Visit) -> None:
    http = Http2(visit)
    stream = await http.request()
    await http.head(stream)
    await http.body(stream, b"x" * 2_000)
    await visit.gone()


async def deaf(visit: Visit) -> None:
    deafen(visit)
    await visit.stall()


async def deaf_socks(visit: Visit) -> None:
    await visit.reader.readexactly(3)
    await visit.send(b"\5\0")
    await visit.reader.readexactly(10)
    deafen(visit)
    await visit.send(b"\5\0\0\1\x7f\0\0\1\0\x50")
    await visit.stall()


async def deaf_connect(visit: Visit) -> None:
    await visit.head()
    deafen(visit)
    await visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
    await visit.stall()


async def turns_of(port: int, via: VantageConfig = HERE) -> tuple[int, LegObservation]:
    with counted() as turns:
        observed = await measure(leg_to(port), via=via, deadline=SILENT_SECONDS)
    return turns.count, observed


async def calm_turns(alpn: str) -> int:
    script = answer_2 if alpn == "h2" else answer_1
    async with serve(script, server_context(certificate(), alpn=(alpn,))) as server:
        turns, observed = await turns_of(server.port)
    assert observed.ok
    return turns


def assert_few(turns: int, calm: int, observed: LegObservation, phase: Phase) -> None:
    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (phase, "generic_timeout_error")
    assert turns < MOST_TIMES * calm


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
async def test_a_request_that_nobody_acknowledges(alpn: str) -> None:
    # In TLS 1.3 the request comes together with the end of the handshake.
    context = server_context(certificate(), alpn=(alpn,), tls12=True)
    async with serve(deaf, context) as server:
        turns, observed = await turns_of(server.port)

    assert observed.tcp is not None
    assert observed.tcp.retransmits, "nothing was sent again: this shows nothing"
    assert_few(turns, await calm_turns(alpn), observed, Phase.PROCESSING)


@pytest.mark.parametrize("drop", [drop_all, drop_data], ids=["SYN", "ClientHello"])
async def test_a_first_packet_that_nobody_acknowledges(
    drop: Callable[[socket.socket], None],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        drop(listener)
        turns, observed = await turns_of(listener.getsockname()[1])

    phase = Phase.CONNECT if drop is drop_all else Phase.TLS
    assert_few(turns, await calm_turns("http/1.1"), observed, phase)


@pytest.mark.parametrize(
    ("scheme", "script"), [("socks5", deaf_socks), ("http", deaf_connect)], ids=["socks5", "http"]
)
async def test_a_proxy_that_acknowledges_no_more(scheme: str, script: Script) -> None:
    async with serve(script) as server:
        via = VantageConfig(name="proxied", proxy=f"{scheme}://127.0.0.1:{server.port}")
        turns, observed = await turns_of(server.port, via)

    assert_few(turns, await calm_turns("http/1.1"), observed, Phase.TLS)


async def test_a_far_end_over_quic_that_says_nothing() -> None:
    from probe.measure.over_quic.quic import measure_quic

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        with counted() as turns:
            observed = await measure_quic(
                replace(leg_to(silent.getsockname()[1]), prober="quic"),
                address="127.0.0.1",
                via=HERE,
                trust=trust(),
                deadline_seconds=SILENT_SECONDS,
                order=0,
            )
    assert_few(turns.count, await calm_turns("http/1.1"), observed, Phase.CONNECT)


async def test_an_upload_that_nobody_acknowledges() -> None:
    near, far = connection()
    wire = WireStream(near, opened_ns=0)
    with contextlib.closing(far):
        drop_all(far)
        with counted() as turns, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SILENT_SECONDS):
                await wire.send(b"hello", stamped=True)
                await wire.send(bytes(20_000_000))
        wire.close()
        account = wire.account

    assert account is not None
    assert account.tcp.retransmits
    assert turns.count < MOST_TIMES * await calm_turns("http/1.1")


async def test_a_syn_that_was_sent_twice_has_no_round_trip() -> None:
    async with serve(answer_1, server_context(certificate())) as server:
        with contextlib.closing(server.listener()) as listener:
            drop_all(listener)
            asyncio.get_running_loop().call_later(0.3, drop_none, listener)
            observed = await measure(leg_to(server.port))

    assert observed.ok
    assert observed.connect_rtt_seconds is None
    assert observed.tcp is not None
    assert observed.tcp.min_rtt_seconds is not None
    assert observed.phases[Phase.CONNECT] > 10 * observed.tcp.min_rtt_seconds
