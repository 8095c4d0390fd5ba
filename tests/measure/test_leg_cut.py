"""A leg that is cut: by a reset, by an end, by silence, by a drip, at each phase; and cancelled.

What came until the cut is a sample, so it must all be there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lab.loopback.servers import (
    Http2,
    Visit,
    certificate,
    copy,
    head_of,
    leg_to,
    measure,
    measure_script,
    serve,
    server_context,
)
from probe.model.identity import Phase

SHORT = 0.3
"""A deadline that a silent server is to run into, seconds."""


async def fin(visit: Visit) -> None:
    visit.cut()
    await visit.gone()


async def rst(visit: Visit) -> None:
    visit.reset()


async def silence(visit: Visit) -> None:
    await visit.stall()


CUTS = [
    pytest.param(fin, "eof_error", id="fin"),
    pytest.param(rst, "connection_reset", id="rst"),
    pytest.param(silence, "generic_timeout_error", id="silence"),
]
Cut = Callable[[Visit], Awaitable[None]]


def enough(reason: str) -> float:
    """Only silence is to be cut by the deadline; on a busy machine all else may take long."""
    return SHORT if reason == "generic_timeout_error" else 20 * SHORT


@pytest.mark.parametrize(("cut", "reason"), CUTS)
async def test_cut_in_the_body(cut: Cut, reason: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(head_of(65_536) + b"x" * 20_000)
        await asyncio.sleep(0.05)
        await cut(visit)

    observed = await measure_script(script, deadline=enough(reason))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TRANSFER, reason)
    assert observed.body_bytes == 20_000
    assert observed.curve[-1].bytes > 20_000
    # The time of the cut counts, not the last byte's.
    silent = observed.phases[Phase.PROCESSING] + observed.phases[Phase.TRANSFER]
    assert silent > observed.curve[-1].seconds
    assert observed.tcp is not None


@pytest.mark.parametrize(("cut", "reason"), CUTS)
async def test_cut_in_an_http2_body(cut: Cut, reason: str) -> None:
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream, ("content-length", "65536"))
        await http.body(stream, b"x" * 20_000, end=False)
        await asyncio.sleep(0.05)
        await cut(visit)

    context = server_context(certificate(), alpn=("h2",))
    observed = await measure_script(script, context=context, deadline=enough(reason))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TRANSFER, reason)
    assert observed.body_bytes == 20_000


@pytest.mark.parametrize(("cut", "reason"), CUTS)
async def test_cut_in_the_middle_of_a_record(cut: Cut, reason: str) -> None:
    # The far end sends one record of 16 KiB; only its beginning gets through.
    async with serve(_big_records, server_context(certificate())) as server:

        async def forward(visit: Visit) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            up = asyncio.create_task(copy(visit.reader, writer))
            try:
                left = 20_000
                while left > 0:
                    data = await reader.read(left)
                    left -= len(data)
                    await visit.send(data)
                await asyncio.sleep(0.05)
                await cut(visit)
            finally:
                up.cancel()
                writer.close()

        async with serve(forward) as middle:
            observed = await measure(leg_to(middle.port), deadline=enough(reason))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TRANSFER, reason)
    assert observed.body_bytes is not None
    assert 0 < observed.body_bytes < 20_000
    # Bytes of the record that never became whole are on the curve.
    assert observed.curve[-1].bytes > observed.body_bytes


async def _big_records(visit: Visit) -> None:
    await visit.head()
    await visit.send(head_of(65_536) + b"x" * 65_536)
    await visit.gone()


@pytest.mark.parametrize(("cut", "reason"), CUTS)
async def test_cut_before_the_answer(cut: Cut, reason: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await cut(visit)

    observed = await measure_script(script, deadline=enough(reason))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.PROCESSING, reason)
    assert observed.body_bytes is None
    assert observed.http is None
    assert Phase.TLS in observed.phases


@pytest.mark.parametrize(("cut", "reason"), CUTS)
async def test_cut_in_the_middle_of_a_head(cut: Cut, reason: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        await cut(visit)

    observed = await measure_script(script, deadline=enough(reason))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.PROCESSING, reason)


@pytest.mark.parametrize(("cut", "reason"), CUTS)
async def test_cut_at_the_client_hello(cut: Cut, reason: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.read(1)
        await cut(visit)

    async with serve(script) as server:
        observed = await measure(leg_to(server.port), deadline=enough(reason))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TLS, reason)
    assert list(observed.phases) == [Phase.CONNECT, Phase.TLS]
    assert observed.tls is not None
    assert observed.tls.certificate_sha256 is None
    assert observed.tls.verify_error is None
    assert len(server.visits) == 1


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
async def test_a_drip_does_not_outlive_the_deadline(protocol: str) -> None:
    async def script(visit: Visit) -> None:
        if protocol == "h2":
            http = Http2(visit)
            stream = await http.request()
            await http.head(stream)
            while True:
                await http.body(stream, b"x", end=False)
                await asyncio.sleep(0.02)
        await visit.head()
        await visit.send(head_of(65_536))
        while True:
            await visit.send(b"x")
            await asyncio.sleep(0.02)

    context = server_context(certificate(), alpn=(protocol,))
    observed = await measure_script(script, context=context, deadline=SHORT)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (
        Phase.TRANSFER,
        "generic_timeout_error",
    )
    assert observed.body_bytes is not None
    assert 1 < observed.body_bytes < 100
    assert SHORT <= observed.duration_seconds < 3 * SHORT


async def test_a_flood_does_not_outlive_the_deadline() -> None:
    # Always something to read, never a head: the loop must still come round to the deadline.
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        await http.request()
        while True:
            for _ in range(200):
                http.h2.ping(b"12345678")
            await http.flush()
            await asyncio.sleep(0)

    # Client and server share this one loop: the handshake must be through before the deadline.
    context = server_context(certificate(), alpn=("h2",))
    observed = await measure_script(script, context=context, deadline=5 * SHORT)

    assert observed.failure is not None
    assert observed.failure.phase is Phase.PROCESSING
    # The cap on bytes ends it where the machine is quick, the deadline where it is not.
    assert observed.failure.reason in ("http_protocol_error", "generic_timeout_error")
    assert observed.duration_seconds < 15 * SHORT
    assert len(observed.curve) <= 64


async def test_a_cut_leg_is_not_tried_again() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        visit.reset()

    async with serve(script, server_context(certificate())) as server:
        await measure(leg_to(server.port))
        await asyncio.sleep(0.05)
        assert len(server.visits) == 1


@pytest.mark.parametrize("when", ["handshake", "head", "body"])
async def test_cancelling_closes_the_connection(when: str) -> None:
    reached, closed = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        if when == "handshake":
            await visit.reader.read(1)
        else:
            await visit.head()
        if when == "body":
            await visit.send(head_of(65_536) + b"x" * 100)
        reached.set()
        await visit.gone()
        closed.set()

    context = None if when == "handshake" else server_context(certificate())
    descriptors = _descriptors()
    async with serve(script, context) as server:
        leg = asyncio.create_task(measure(leg_to(server.port)))
        await reached.wait()
        leg.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leg
        await asyncio.wait_for(closed.wait(), 5)
    await asyncio.sleep(0)
    assert _descriptors() <= descriptors


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
