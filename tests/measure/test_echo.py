"""A far end that knows who asks and says so wherever HTTP, TLS or DNS has room: nothing is kept."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import dns.message
import dns.rrset
import h2.errors
import msgspec
import pytest

from lab.loopback.servers import (
    Http2,
    Visit,
    certificate,
    measure_script,
    server_context,
)
from probe.measure.names.dns_message import read_reply
from probe.model.identity import Verify

OURS = "203.0.113.7.anna-the-user.pi-of-anna.AnnasWlan"
SAID = f"your address is {OURS}"
RAW = {
    "the status line": f"HTTP/1.1 200 {SAID}\r\nContent-Length: 0\r\n\r\n",
    "another status": f"HTTP/1.1 403 {SAID}\r\nContent-Length: 0\r\n\r\n",
    "no status line": f"{SAID}\r\n\r\n",
    "a wrong version": f"HTTP/{SAID} 200 OK\r\n\r\n",
    "fields": f"HTTP/1.1 204 No\r\nServer: {SAID}\r\nX-Client-IP: {OURS}\r\n\r\n",
    "a broken field": f"HTTP/1.1 200 OK\r\n{SAID}\r\n\r\n",
    "a length": f"HTTP/1.1 200 OK\r\nContent-Length: {OURS}\r\n\r\n",
    "a redirect": f"HTTP/1.1 302 Found\r\nLocation: https://{OURS}/\r\nContent-Length: 0\r\n\r\n",
    "a time to wait": f"HTTP/1.1 429 Slow\r\nRetry-After: {OURS}\r\nContent-Length: 0\r\n\r\n",
    "a date": f"HTTP/1.1 200 OK\r\nDate: {SAID}\r\nContent-Length: 0\r\n\r\n",
    "a reason": f'HTTP/1.1 451 {OURS}\r\nLink: <https://{OURS}>; rel="blocked-by"\r\n\r\n',
    "a cookie": f"HTTP/1.1 200 OK\r\nSet-Cookie: id={OURS}\r\nContent-Length: 0\r\n\r\n",
    "an encoding": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {OURS}\r\n\r\n",
    "a chunk": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SAID}\r\n",
    "a body": f"HTTP/1.1 200 OK\r\nContent-Length: {len(SAID)}\r\n\r\n{SAID}",
    "a late word": f"HTTP/1.1 101 {SAID}\r\nUpgrade: {OURS}\r\n\r\n{SAID}",
}


def is_silent(kept: object, log: pytest.LogCaptureFixture) -> None:
    """Nothing of it is in what would be stored, nor in what our own log was told."""
    told = "".join(r.getMessage() + repr(vars(r)) for r in log.records if r.name[:5] == "probe")
    whole = (msgspec.json.encode(kept).decode() + told).lower()
    for word in ("203.0.113", "anna", "annaswlan"):
        assert word not in whole


@pytest.mark.parametrize("place", RAW)
async def test_http1(place: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(RAW[place].encode())
        visit.cut()
        await visit.gone()

    is_silent(await measure_script(script), caplog)


async def _in_fields(http: Http2, stream: int) -> None:
    await http.head(
        stream, ("server", SAID), ("location", f"https://{OURS}/"), status=302, end=True
    )


async def _in_a_farewell(http: Http2, stream: int) -> None:
    http.h2.close_connection(h2.errors.ErrorCodes.NO_ERROR, additional_data=SAID.encode())
    await http.flush()


async def _in_a_code_of_its_own(http: Http2, stream: int) -> None:
    http.h2.reset_stream(stream, 0xCB007107)
    await http.flush()


async def _in_place_of_frames(http: Http2, stream: int) -> None:
    await http.visit.send(SAID.encode() * 100)


async def _in_a_trailer(http: Http2, stream: int) -> None:
    await http.head(stream)
    await http.body(stream, SAID.encode(), end=False)
    http.h2.send_headers(stream, [("x-you", OURS)], end_stream=True)
    await http.flush()


@pytest.mark.parametrize(
    "say",
    [_in_fields, _in_a_farewell, _in_a_code_of_its_own, _in_place_of_frames, _in_a_trailer],
)
async def test_http2(
    say: Callable[[Http2, int], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def script(visit: Visit) -> None:
        http = Http2(visit)
        await say(http, await http.request())
        visit.cut()
        await visit.gone()

    observed = await measure_script(script, context=server_context(certificate(), alpn=("h2",)))
    assert "3405803783" not in str(observed)
    is_silent(observed, caplog)


@pytest.mark.parametrize("verify", list(Verify))
@pytest.mark.parametrize("forged", [False, True])
async def test_the_names_of_a_certificate(
    verify: Verify, forged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    leaf = certificate("203.0.113.7.anna-the-user.annaswlan.example", forged=forged)

    async def script(visit: Visit) -> None:
        await visit.answer(b"x")

    observed = await measure_script(script, context=server_context(leaf), verify=verify)
    is_silent(observed, caplog)


@pytest.mark.parametrize("kind", ["TXT", "CNAME", "PTR", "NS"])
def test_records_of_dns_that_are_no_addresses(kind: str) -> None:
    query = dns.message.make_query("x.example", "A")
    reply = dns.message.make_response(query)
    value = f'"{SAID}"' if kind == "TXT" else f"{OURS}.example."
    for section in (reply.answer, reply.authority, reply.additional):
        section.append(dns.rrset.from_text("x.example.", 60, "IN", kind, value))
    read = read_reply(query, reply.to_wire(), seconds=0.1)
    assert OURS not in repr(read)
    assert "anna" not in repr(read)
