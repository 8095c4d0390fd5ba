"""A leg over HTTP/1.1: what is asked, what is read, what counts as an answer."""

from __future__ import annotations

import gzip

import pytest

from lab.loopback.servers import (
    HERE,
    NAME,
    Visit,
    certificate,
    head_of,
    leg_to,
    measure,
    measure_script,
    serve,
    server_context,
    trust,
)
from probe.measure.http.http import USER_AGENT
from probe.measure.one_leg.leg import measure_leg
from probe.model.identity import Family, Phase
from probe.model.observation import Clock

ALL_PHASES = [Phase.CONNECT, Phase.TLS, Phase.PROCESSING, Phase.TRANSFER]


@pytest.mark.parametrize("size", [1, 1_024, 65_536, 524_288])
async def test_whole_objects_of_every_size(size: int) -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x" * size)

    observed = await measure_script(script, max_bytes=524_288, min_bytes=size)

    assert observed.ok
    assert observed.body_bytes == size
    assert list(observed.phases) == ALL_PHASES
    assert observed.http is not None
    assert (observed.http.version, observed.http.status) == ("1.1", 200)
    assert observed.http.content_length == size
    assert observed.address == "127.0.0.1"
    assert observed.family is Family.IPV4


async def test_what_follows_the_bytes_that_were_wanted_is_not_looked_at() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        chunk = b"400\r\n" + b"x" * 1_024 + b"\r\n"
        await visit.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"no\r\n"
        )
        await visit.gone()

    observed = await measure_script(script, max_bytes=1_024, min_bytes=1_024)
    assert observed.ok
    assert observed.body_bytes == 1_024


async def test_the_request_is_plain_and_says_who_asks() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"")

    async with serve(script, server_context(certificate())) as server:
        await measure(leg_to(server.port, range_bytes=65_536))

    line, *fields = server.visit.request.decode().rstrip().split("\r\n")
    assert line == "GET /object?v=1 HTTP/1.1"
    assert fields == [
        f"Host: {NAME}",
        f"User-Agent: {USER_AGENT}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Range: bytes=0-65535",
    ]


async def test_no_range_is_asked_for_unless_declared() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"")

    async with serve(script, server_context(certificate())) as server:
        await measure(leg_to(server.port))

    assert b"Range" not in server.visit.request


async def test_address_host_and_sni_are_three_things() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x")

    context = server_context(certificate("certificate.example.com"))
    async with serve(script, context) as server:
        observed = await measure(
            leg_to(
                server.port,
                url="https://host.example.net/",
                connect_to="edge.example.org",
                sni="sni.example.com",
                certificate_name="certificate.example.com",
            )
        )

    assert observed.ok
    assert observed.address == "127.0.0.1"
    assert server.snis == ["sni.example.com"]
    assert b"Host: host.example.net\r\n" in server.visit.request


async def test_a_larger_object_is_read_up_to_the_cap() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x" * 3_000_000)
        await visit.gone()

    observed = await measure_script(script, max_bytes=10_000, min_bytes=1_000_000)

    assert observed.ok
    assert observed.body_bytes == 10_000


async def test_a_partial_answer_to_a_range_is_whole() -> None:
    async def script(visit: Visit) -> None:
        fields = "Content-Range: bytes 0-999/5000\r\n"
        await visit.answer(b"x" * 1_000, status="206 Partial Content", fields=fields)

    observed = await measure_script(script, range_bytes=1_000, min_bytes=5_000)

    assert observed.ok
    assert observed.body_bytes == 1_000


async def test_a_whole_body_below_the_known_size_is_too_short() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"a challenge page")

    observed = await measure_script(script, min_bytes=1_000)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TRANSFER, "body_too_short")
    assert observed.body_bytes == len(b"a challenge page")


@pytest.mark.parametrize("kind", ["text/html", "TEXT/HTML; charset=utf-8"])
@pytest.mark.parametrize("refused", [True, False])
async def test_a_page_in_the_place_of_an_object_is_not_the_object(
    kind: str, *, refused: bool
) -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x" * 9_000, fields=f"Content-Type: {kind}\r\n")
        await visit.gone()

    observed = await measure_script(script, min_bytes=5_000, not_a_page=refused)

    assert observed.http is not None
    assert (observed.http.is_page, observed.http.whole_bytes) == (True, 9_000)
    assert observed.ok is not refused
    if observed.failure is not None:
        assert observed.failure.reason == "page_instead"


async def test_chunked_bodies_are_counted_without_their_framing() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            await visit.send(b"5\r\nabcde\r\n")
        await visit.send(b"0\r\n\r\n")

    observed = await measure_script(script, min_bytes=15)

    assert observed.ok
    assert observed.body_bytes == 15


async def test_compressed_bodies_stay_compressed() -> None:
    packed = gzip.compress(b"\0" * 1_000_000)

    async def script(visit: Visit) -> None:
        await visit.answer(packed, fields="Content-Encoding: gzip\r\n")

    observed = await measure_script(script)

    assert observed.ok
    assert observed.body_bytes == len(packed)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ('Link: <https://law.test/>; rel="blocked-by"', True),
        ("Link: <https://law.test/>; rel=blocked-by", True),
        ('Link: </a>; rel="next", <https://law.test/>; rel="BLOCKED-BY help"', True),
        ('Link: <https://law.test/>; rel="blocked-by"\r\nLink: </a>; rel=next', True),
        ('Link: </blocked-by>; rel="next"', False),
        ("Link: ;;;,<", False),
        ("X-Link: <https://law.test/>; rel=blocked-by", False),
    ],
)
async def test_who_had_it_blocked_is_named_by_a_link(fields: str, *, named: bool) -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"", status="403 Law", fields=f"{fields}\r\n")

    observed = await measure_script(script)

    assert observed.http is not None
    assert observed.http.blocked_by is named


@pytest.mark.parametrize("status", ["403 Forbidden", "429 Too Many", "451 Law", "500 Oops"])
async def test_an_unexpected_status_fails_and_its_body_is_not_read(status: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x" * 1_000, status=status, fields="Retry-After: 120\r\n")

    observed = await measure_script(script)

    assert observed.failure is not None
    assert observed.failure.phase is Phase.PROCESSING
    assert observed.failure.reason == "http_unexpected_status_code"
    assert observed.http is not None
    assert observed.http.status == int(status.split()[0])
    assert observed.http.retry_after_seconds == 120.0
    assert observed.body_bytes is None
    assert Phase.TRANSFER not in observed.phases


async def test_a_redirect_to_another_host_is_not_followed() -> None:
    async def script(visit: Visit) -> None:
        fields = "Location: https://elsewhere.example/\r\n"
        await visit.answer(b"", status="302 Found", fields=fields)

    observed = await measure_script(script)

    assert observed.failure is not None
    assert observed.failure.reason == "http_unexpected_status_code"


async def test_an_expected_redirect_is_an_answer() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"", status="302 Found", fields="Location: /elsewhere\r\n")

    observed = await measure_script(script, expect_status=(302,))

    assert observed.ok
    assert observed.body_bytes == 0


async def test_an_answer_without_a_body_is_whole() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        await visit.gone()

    observed = await measure_script(script, expect_status=(204,))

    assert observed.ok
    assert observed.body_bytes == 0
    assert observed.phases[Phase.TRANSFER] == 0.0


async def test_early_hints_come_before_the_answer() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await visit.send(head_of(1) + b"x")

    observed = await measure_script(script)

    assert observed.ok
    assert observed.http is not None
    assert observed.http.status == 200


@pytest.mark.parametrize(
    "rubbish",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"\0" * 4_096,
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    ],
    ids=["other protocol", "status", "zeros", "length", "endless head"],
)
async def test_rubbish_is_a_protocol_error(rubbish: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(rubbish)
        await visit.gone()

    observed = await measure_script(script)

    assert observed.failure is not None
    assert observed.failure.phase is Phase.PROCESSING
    assert observed.failure.reason == "http_protocol_error"


async def test_what_the_far_end_says_is_not_in_the_failure() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(b"your address is 203.0.113.7\r\n\r\n")
        await visit.gone()

    observed = await measure_script(script)

    assert observed.failure is not None
    assert "203.0.113.7" not in observed.failure.detail


async def test_plain_http_has_no_tls_phase() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x" * 100)

    async with serve(script) as server:
        observed = await measure(leg_to(server.port, url=f"http://{NAME}/"))

    assert observed.ok
    assert observed.tls is None
    assert list(observed.phases) == [Phase.CONNECT, Phase.PROCESSING, Phase.TRANSFER]


async def test_the_kernels_account_and_stamps() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x" * 65_536)

    observed = await measure_script(script)

    assert observed.clock is Clock.KERNEL
    assert observed.tcp is not None
    assert observed.connect_rtt_seconds == observed.phases[Phase.CONNECT]
    assert observed.tcp.bytes_received is not None
    assert observed.tcp.bytes_received > 65_536
    assert observed.wire_bytes_received is not None
    assert observed.wire_bytes_received > observed.tcp.bytes_received
    assert observed.wire_bytes_sent is not None
    assert observed.wire_bytes_sent > 0
    assert observed.curve[-1].bytes > 65_536
    assert sum(observed.phases.values()) <= observed.duration_seconds


async def test_resolve_time_and_seen_names_are_passed_on() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x")

    async with serve(script, server_context(certificate())) as server:
        observed = await measure_leg(
            leg_to(server.port),
            address="127.0.0.1",
            via=HERE,
            trust=trust(),
            deadline_seconds=5.0,
            order=3,
            resolve_seconds=0.25,
            seen_names=("x",),
        )

    assert observed.phases[Phase.RESOLVE] == 0.25
    assert observed.order == 3
    assert observed.seen_names == ("x",)
