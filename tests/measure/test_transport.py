"""The wire as a transport of httpx: what comes back, what goes wrong, what is never done."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from lab.loopback.servers import (
    NAME,
    Http2,
    Script,
    Server,
    Visit,
    authority,
    certificate,
    head_of,
    leg_to,
    measure,
    measure_script,
    serve,
    server_context,
    trust,
)
from probe.measure.connection.wire import WireStream
from probe.measure.http.transport import Client, WireTransport
from probe.measure.one_leg.attempt import Way
from probe.measure.one_leg.leg_record import LegRecord
from probe.model.failure import PROTOCOL_ERROR
from probe.model.identity import Phase
from probe.model.observation import Clock

HERE = "127.0.0.1"
BODY = b"x" * 40_000
DOCUMENT = Path(__file__).parents[2] / "docs" / "wire.md"


def client() -> httpx.AsyncClient:
    """A stock one over the wire."""
    return httpx.AsyncClient(transport=WireTransport(), trust_env=False)


def way(**how: object) -> Way:
    return Way(trust=trust(), address=HERE, **how)  # type: ignore[arg-type]


def url_of(server: Server, path: str = "/object") -> str:
    return f"https://{NAME}:{server.port}{path}"


async def whole(visit: Visit) -> None:
    await visit.answer(BODY, fields="Set-Cookie: id=1; Path=/\r\n")


async def whole_http2(visit: Visit) -> None:
    http = Http2(visit)
    stream = await http.request()
    await http.head(stream, ("content-length", str(len(BODY))))
    await http.body(stream, BODY)
    await visit.gone()


async def test_the_example_of_the_document(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    authority().cert_pem.write_to_path(tmp_path / "ca.pem")
    async with serve(whole, server_context(certificate())) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, tmp_path / "example.py"),
            *(url_of(server), HERE, tmp_path / "ca.pem"),
            stdout=asyncio.subprocess.PIPE,
            cwd=DOCUMENT.parents[1],
        )
        told, _ = await process.communicate()
    assert [line.split()[0] for line in told.decode().splitlines()] == [
        *("connect", "tls", "processing", "transfer")
    ]


@pytest.mark.parametrize(("script", "version"), [(whole, "HTTP/1.1"), (whole_http2, "HTTP/2")])
async def test_a_stock_client_gets_answer_phases_and_facts(script: Script, version: str) -> None:
    alpn = ("h2",) if script is whole_http2 else ("http/1.1",)
    async with (
        serve(script, server_context(certificate(), alpn=alpn)) as server,
        client() as http,
        http.stream("GET", url_of(server), extensions={"way": way()}) as answer,
    ):
        assert "phases" not in answer.extensions, "they are not known yet"
        body = await answer.aread()
    assert (answer.status_code, answer.http_version, body) == (200, version, BODY)
    said = answer.extensions
    assert list(said["phases"]) == [Phase.CONNECT, Phase.TLS, Phase.PROCESSING, Phase.TRANSFER]
    assert said["clock"] is Clock.KERNEL
    assert said["body_bytes"] == len(BODY)
    assert said["tls"].alpn == alpn[0]
    assert said["http"].content_length == len(BODY)
    assert said["tcp"].retransmits == 0
    assert said["curve"][-1].bytes > len(BODY)


async def test_a_part_without_a_byte_does_not_end_a_body_whose_parts_are_waited_for() -> None:
    async def padded(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream)
        http.h2.send_data(stream, b"", pad_length=5)
        await http.flush()
        await http.body(stream, BODY)
        await visit.gone()

    async with (
        serve(padded, server_context(certificate(), alpn=("h2",))) as server,
        client() as http,
    ):
        answer = await http.get(url_of(server), extensions={"way": way()}, timeout=20.0)
    assert answer.content == BODY


async def test_address_name_and_host_are_three_things() -> None:
    shown = certificate("neutral.example")
    async with serve(whole, server_context(shown)) as server:
        how = way(port=server.port, sni="other.example", certificate_name="neutral.example")
        async with client() as http:
            await http.get("https://platform.invalid/", extensions={"way": how})
        assert server.snis == ["other.example"]
        assert b"\r\nHost: platform.invalid\r\n" in b"\r\n" + server.visit.request


async def test_a_client_of_ours_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    ours = Client()
    async with serve(whole, server_context(certificate())) as server:
        for _ in range(2):
            answer = await ours.ask(httpx.URL(url_of(server)), way(), LegRecord())
            assert len(await answer.aread()) == len(BODY)
        first, second = server.visits
    assert first.request == second.request
    assert b"cookie" not in second.request.lower()
    assert not ours.cookies


async def test_no_more_of_a_body_than_the_way_allows() -> None:
    async with serve(whole, server_context(certificate())) as server, client() as http:
        answer = await http.get(url_of(server), extensions={"way": way(max_bytes=1_000)})
    assert answer.content == BODY[:1_000]
    assert answer.extensions["body_bytes"] == 1_000


async def mute(visit: Visit) -> None:
    await visit.stall()


async def silent(visit: Visit) -> None:
    await visit.head()
    await visit.stall()


async def strange(visit: Visit) -> None:
    await visit.head()
    await visit.send(b"220 mail ready\r\n\r\n")


async def broken(visit: Visit) -> None:
    await visit.head()
    await visit.send(head_of(len(BODY)) + BODY[:1_000])
    visit.reset()


async def slow(visit: Visit) -> None:
    await visit.head()
    await visit.send(head_of(len(BODY)) + BODY[:1_000])
    await visit.stall()


@pytest.mark.parametrize(
    ("script", "error", "phase", "reason"),
    [
        (silent, httpx.ReadTimeout, Phase.PROCESSING, "generic_timeout_error"),
        (slow, httpx.ReadTimeout, Phase.TRANSFER, "generic_timeout_error"),
        (strange, httpx.RemoteProtocolError, Phase.PROCESSING, PROTOCOL_ERROR),
        (broken, httpx.ReadError, Phase.TRANSFER, "connection_reset"),
    ],
)
async def test_what_goes_wrong_is_an_error_of_httpx_with_its_evidence(
    script: Script, error: type[httpx.TransportError], phase: Phase, reason: str
) -> None:
    async with serve(script, server_context(certificate())) as server, client() as http:
        with pytest.raises(error) as raised:
            await http.get(url_of(server), extensions={"way": way()}, timeout=0.5)
    assert str(raised.value) == f"{phase.value}: {reason}"
    record = raised.value.request.extensions["record"]
    assert (record.failure.phase, record.failure.reason) == (phase, reason)
    assert Phase.TLS in record.summary()["phases"]
    assert phase in record.summary()["phases"]


async def test_what_goes_wrong_before_the_request() -> None:
    async with client() as http:
        with socket.socket() as deaf:  # it does not listen, and nobody else has its port
            deaf.bind((HERE, 0))
            url = f"https://{NAME}:{deaf.getsockname()[1]}/"
            with pytest.raises(httpx.ConnectError, match="connect: connection_refused"):
                await http.get(url, extensions={"way": way()})
        async with serve(mute) as server:
            with pytest.raises(httpx.ConnectTimeout, match="tls: generic_timeout_error"):
                await http.get(url_of(server), extensions={"way": way()}, timeout=0.3)
        other = server_context(certificate("other.example"))
        async with serve(whole, other) as server:
            with pytest.raises(httpx.ConnectError, match="tls: ssl_invalid_hostname"):
                await http.get(url_of(server), extensions={"way": way()})


Asking = Callable[[httpx.AsyncClient], Awaitable[object]]


@pytest.mark.parametrize(
    "ask",
    [
        lambda http: http.get("https://x.invalid/"),
        lambda http: http.post("https://x.invalid/", extensions={"way": way()}),
        lambda http: http.get("ftp://x.invalid/", extensions={"way": way()}),
    ],
    ids=["no way", "a body", "another scheme"],
)
async def test_what_cannot_be_measured_is_refused_in_words(ask: Asking) -> None:
    async with client() as http:
        with pytest.raises(httpx.UnsupportedProtocol):
            await ask(http)


@pytest.mark.parametrize("when", ["in the handshake", "before the head", "in the body"])
async def test_a_cancelled_request_leaves_no_connection_and_keeps_its_evidence(when: str) -> None:
    script = {"in the handshake": mute, "before the head": silent, "in the body": slow}[when]
    context = None if script is mute else server_context(certificate())
    record = LegRecord()
    async with serve(script, context) as server, client() as http:
        asking = asyncio.create_task(
            http.get(url_of(server), extensions={"way": way(), "record": record})
        )
        while not server.visits or (context and not server.visits[0].request):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.visit.gone()
    summary = record.summary()
    assert record.failure is None, "nothing went wrong but that nobody waited"
    assert Phase.CONNECT in summary["phases"]
    assert (summary["body_bytes"] == 1_000) is (when == "in the body")


@pytest.mark.parametrize(
    "location",
    ["https://[bad", "https://x:99999999/", "/" + "a" * 20_000, "http://\x80\xff/"],
)
async def test_where_a_redirect_leads_breaks_nothing_of_httpx(location: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        fields = f"Location: {location}\r\nContent-Length: 0\r\n"
        await visit.send(b"HTTP/1.1 302 Found\r\n" + fields.encode("latin-1") + b"\r\n")
        await visit.gone()

    observed = await measure_script(script)

    assert observed.failure is not None
    assert observed.failure.reason == "http_unexpected_status_code"
    assert observed.http is not None
    assert observed.http.status == 302


async def test_two_legs_at_once_share_nothing() -> None:
    async with serve(whole, server_context(certificate())) as server:
        legs = [leg_to(server.port, max_bytes=size) for size in (1_000, 40_000)]
        one, other = await asyncio.gather(*(measure(replace(leg)) for leg in legs))
    assert (one.body_bytes, other.body_bytes) == (1_000, 40_000)
    assert len(server.visits) == 2


async def refused(visit: Visit) -> None:
    await visit.answer(BODY, status="404 Not Found")


async def leads_on(visit: Visit) -> None:
    await visit.answer(b"", status="302 Found", fields="Location: /other\r\n")
    await visit.answer(BODY)


@pytest.mark.parametrize("script", [whole, refused, leads_on, strange, broken, slow, silent])
async def test_nothing_of_a_leg_outlives_it(script: Script) -> None:
    """A TLS session has 40 KB that the garbage collector knows nothing of."""
    gc.collect()
    gc.disable()
    try:
        await measure_script(script, deadline=0.5)
        assert not [one for one in gc.get_objects() if isinstance(one, (LegRecord, WireStream))]
    finally:
        gc.enable()


async def test_a_stock_client_is_told_how_long_it_took() -> None:
    async with serve(whole, server_context(certificate())) as server, client() as http:
        answer = await http.get(url_of(server), extensions={"way": way()})
    assert 0.0 < answer.elapsed.total_seconds() < 60.0
