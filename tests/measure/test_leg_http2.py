"""A leg over HTTP/2, against the h2 library's server."""

from __future__ import annotations

import asyncio
import ssl

import h2.errors
import pytest

from lab.loopback.servers import (
    NAME,
    Http2,
    Visit,
    certificate,
    leg_to,
    measure,
    measure_script,
    serve,
    server_context,
)
from probe.model.identity import Phase


def h2_context() -> ssl.SSLContext:
    return server_context(certificate(), alpn=("h2",))


@pytest.mark.parametrize("size", [1, 65_536, 524_288])
async def test_whole_objects(size: int) -> None:
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream, ("content-length", str(size)))
        await http.body(stream, b"x" * size)
        await visit.gone()

    observed = await measure_script(script, context=h2_context(), max_bytes=524_288, min_bytes=size)

    assert observed.ok
    assert observed.body_bytes == size
    assert observed.http is not None
    assert (observed.http.version, observed.http.content_length) == ("2", size)
    assert observed.tls is not None
    assert observed.tls.alpn == "h2"
    assert set(observed.phases) == {Phase.CONNECT, Phase.TLS, Phase.PROCESSING, Phase.TRANSFER}


async def test_the_request_names_the_host_and_the_range() -> None:
    seen: dict[str, str] = {}

    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        seen.update(http.headers)
        await http.head(stream, end=True, status=206)

    await measure_script(script, context=h2_context(), range_bytes=1_024)

    assert seen[":authority"] == NAME
    assert seen[":path"] == "/object?v=1"
    assert seen["range"] == "bytes=0-1023"
    assert seen["accept-encoding"] == "identity"
    assert "cookie" not in seen


async def test_a_larger_object_is_read_up_to_the_cap() -> None:
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream, ("content-length", "1000000"))
        await http.body(stream, b"x" * 1_000_000)
        await visit.gone()

    observed = await measure_script(script, context=h2_context(), max_bytes=10_000)

    assert observed.ok
    assert observed.body_bytes == 10_000


async def test_a_body_of_known_length_need_not_be_ended() -> None:
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream, ("content-length", "500"))
        await http.body(stream, b"x" * 500, end=False)
        await visit.stall()

    observed = await measure_script(script, context=h2_context())

    assert observed.ok
    assert observed.body_bytes == 500


async def test_settings_before_the_head_are_not_the_head() -> None:
    # The server's settings come with the handshake, pings follow, the head comes late: processing
    # must be as long as the server let us wait.
    waited = 0.0

    async def script(visit: Visit) -> None:
        nonlocal waited
        http = Http2(visit)
        stream = await http.request()
        began = asyncio.get_running_loop().time()
        for _ in range(5):
            await asyncio.sleep(0.02)
            http.h2.ping(b"12345678")
            await http.flush()
        waited = asyncio.get_running_loop().time() - began
        await http.head(stream)
        await http.body(stream, b"x")
        await visit.gone()

    observed = await measure_script(script, context=h2_context())

    assert observed.ok
    assert observed.phases[Phase.PROCESSING] >= waited
    assert observed.phases[Phase.TRANSFER] < waited


async def test_an_unexpected_status_fails() -> None:
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        link = ("link", '<https://law.test/>; rel="blocked-by"')
        await http.head(stream, link, ("link", "</>; rel=up"), ("retry-after", "30"), status=429)
        await http.body(stream, b"slow down")

    observed = await measure_script(script, context=h2_context())

    assert observed.failure is not None
    assert observed.failure.reason == "http_unexpected_status_code"
    assert observed.http is not None
    assert observed.http.retry_after_seconds == 30.0
    assert observed.http.blocked_by
    assert observed.body_bytes is None


async def test_a_reset_stream_keeps_its_bytes() -> None:
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream)
        await http.body(stream, b"x" * 2_000, end=False)
        http.h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        await http.flush()
        await visit.gone()

    observed = await measure_script(script, context=h2_context())

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (
        Phase.TRANSFER,
        "ended_by_server",
    )
    assert "INTERNAL_ERROR" in observed.failure.detail
    assert observed.body_bytes == 2_000


async def test_a_connection_that_is_told_to_go_away() -> None:
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        await http.request()
        http.h2.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
        await http.flush()
        await visit.gone()

    observed = await measure_script(script, context=h2_context())

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (
        Phase.PROCESSING,
        "ended_by_server",
    )


@pytest.mark.parametrize(
    "rubbish", [b"\0" * 64, b"\0\0\4\1\4\0\0\0\1junk"], ids=["zeros", "headers"]
)
async def test_rubbish_is_a_protocol_error(rubbish: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.send(rubbish)
        await visit.gone()

    observed = await measure_script(script, context=h2_context())

    assert observed.failure is not None
    assert observed.failure.phase is Phase.PROCESSING
    assert observed.failure.reason == "http_protocol_error"


async def test_an_answer_in_http1_is_a_frame_that_never_ends() -> None:
    async def script(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        visit.cut()
        await visit.gone()

    observed = await measure_script(script, context=h2_context())

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.PROCESSING, "eof_error")


async def test_a_leg_of_http1_alone_does_not_offer_http2() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x")

    context = server_context(certificate(), alpn=("h2", "http/1.1"))
    async with serve(script, context) as server:
        observed = await measure(leg_to(server.port, http_versions=("http/1.1",)))

    assert observed.ok
    assert observed.tls is not None
    assert observed.tls.alpn == "http/1.1"
