"""What references say: only what they signed themselves, of now, and never older than before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config.schema import Config, OutsideConfig, Settings, VantageConfig
from probe.config.signing import KeyUnusableError, is_signed, new_key, public_key, sign
from probe.measure.this_host.reference_reader import (
    AHEAD_SECONDS,
    MOST_BYTES,
    ReadResult,
    ReferenceReader,
    accept,
)
from probe.model.reference_document import VERSION, Document, SeenOutside, SeenTarget, Signed
from probe.model.verdict import State
from probe.model.vouch import Vouch
from probe.publish.web.outside_document import signed

PEM = new_key()
KEY = public_key(PEM)
NOW = 1_700_000_000.0
SEEN = SeenOutside(platform="x", state="ok", at=NOW - 60.0, holds_until=NOW + 690.0)
DOCUMENT = Document(version=VERSION, made_at=NOW - 30.0, platforms=(SEEN,))


def resigned(text: str) -> bytes:
    return msgspec.json.encode(Signed(document=text, signature=sign(PEM, text)))


def test_a_document_that_is_right_is_taken() -> None:
    assert accept(signed(DOCUMENT, PEM), KEY, now=NOW, newest=0.0) == DOCUMENT
    again = accept(signed(DOCUMENT, PEM), KEY, now=NOW, newest=DOCUMENT.made_at)
    assert again == DOCUMENT


def test_what_it_vouches_for_is_handed_on() -> None:
    """And a document of a version that tells of no targets is as good as ever."""
    told = SeenTarget(target="object", at=NOW - 60.0, read_at=NOW - 900.0)
    document = replace(DOCUMENT, platforms=(replace(SEEN, targets=(told,)),))
    text = msgspec.json.encode(document).decode()
    older = text.replace(f',"targets":[{msgspec.json.encode(told).decode()}]', "")
    assert older != text
    assert accept(resigned(text), KEY, now=NOW, newest=0.0) == document
    assert accept(resigned(older), KEY, now=NOW, newest=0.0) == DOCUMENT


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", ReadResult.MALFORMED),
        (b"<html>", ReadResult.MALFORMED),
        (b"[]", ReadResult.MALFORMED),
        (b"[" * 60_000, ReadResult.MALFORMED),
        (b'{"document":"","signature":"","x":' + b"[" * 60_000, ReadResult.MALFORMED),
        (resigned('{"version":' + "[" * 60_000), ReadResult.MALFORMED),
        (resigned('{"version":1,"made_at":1,"x":' + "[" * 60_000), ReadResult.MALFORMED),
        (
            signed(replace(DOCUMENT, platforms=(replace(SEEN, state="ok\n"),)), PEM),
            ReadResult.MALFORMED,
        ),
        (msgspec.json.encode(DOCUMENT), ReadResult.MALFORMED),
        (signed(DOCUMENT, new_key()), ReadResult.SIGNATURE),
        (signed(DOCUMENT, PEM).replace(b"ok", b"no"), ReadResult.SIGNATURE),
        (resigned("{}"), ReadResult.MALFORMED),
        (resigned("x"), ReadResult.MALFORMED),
        (signed(replace(DOCUMENT, version=2), PEM), ReadResult.VERSION),
        (signed(replace(DOCUMENT, made_at=NOW + AHEAD_SECONDS + 1.0), PEM), ReadResult.FUTURE),
        (signed(replace(DOCUMENT, made_at=NOW - 100.0), PEM), ReadResult.REPLAYED),
        # What it says was seen after it was made.
        (signed(replace(DOCUMENT, platforms=(replace(SEEN, at=NOW),)), PEM), ReadResult.MALFORMED),
        (
            signed(replace(DOCUMENT, platforms=(replace(SEEN, reason="a\nb"),)), PEM),
            ReadResult.MALFORMED,
        ),
    ],
)
def test_any_other_is_not(body: bytes, why: ReadResult) -> None:
    assert accept(body, KEY, now=NOW, newest=NOW - 90.0) is why


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_bit_can_be_changed(place: int, bit: int) -> None:
    body = bytearray(signed(DOCUMENT, PEM))
    body[place % len(body)] ^= 1 << bit
    found = accept(bytes(body), KEY, now=NOW, newest=0.0)
    # Unless it changed nothing that is said: JSON has several ways to write the same.
    assert isinstance(found, ReadResult) or found == DOCUMENT


def test_a_key_of_another_kind_is_told() -> None:
    with pytest.raises(KeyUnusableError, match="no private key"):
        public_key("rubbish")
    assert not is_signed("rubbish", "a", "b")


class Reference:
    """A server on loopback whose answer a test can change."""

    def __init__(self) -> None:
        self.body = b""
        self.head = "200 OK"
        self.etag = '"1"'
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head, body = self.head, self.body
        if f"if-none-match: {self.etag}" in self.asked[-1].lower():
            head, body = "304 Not Modified", b""
        writer.write(
            f"HTTP/1.1 {head}\r\nETag: {self.etag}\r\nContent-Length: {len(body)}\r\n"
            "Set-Cookie: a=b\r\nLocation: http://127.0.0.1:9/\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        writer.close()


@asynccontextmanager
async def reference() -> AsyncIterator[tuple[Reference, str]]:
    one = Reference()
    async with await asyncio.start_server(one.answer, "127.0.0.1", 0) as server:
        yield one, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1/outside"


def config_of(url: str, key: str = KEY, **way: str) -> Config:
    vantage = VantageConfig(name="home", **way)  # type: ignore[arg-type]
    settings = Settings(vantages=(vantage,), outside=(OutsideConfig(url=url, key=key),))
    return Config(settings=settings, platforms=(), controls=())


async def test_what_is_read_becomes_verdicts_for_as_long_as_it_holds() -> None:
    now = NOW
    async with reference() as (server, url):
        outside = ReferenceReader(config_of(url), wall=lambda: now)
        told = SeenTarget(target="object", at=NOW - 60.0, read_at=NOW - 900.0)
        document = replace(DOCUMENT, platforms=(replace(SEEN, targets=(told,)),))
        server.body = signed(document, PEM)
        assert await outside.look() == {1: ReadResult.OK}
        assert await outside.look() == {1: ReadResult.UNCHANGED}
    assert not any("cookie" in asked.lower() for asked in server.asked)
    (verdict,) = outside.verdicts()
    assert (verdict.vantage, verdict.platform) == ("outside-1", "x")
    assert (verdict.state, verdict.at) == (State.OK, NOW - 60.0)
    assert verdict.vouches == (Vouch(target="object", at=NOW - 60.0, read_at=NOW - 900.0),)
    now = NOW + 691.0
    assert outside.verdicts() == ()
    assert dict(outside.health[0].results) == {"ok": 1, "unchanged": 1}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: setattr(s, "head", "302 Found"), ReadResult.STATUS),
        (lambda s: setattr(s, "head", "503 Busy"), ReadResult.STATUS),
        (lambda s: setattr(s, "body", b"a" * (MOST_BYTES + 1)), ReadResult.TOO_LARGE),
        (lambda s: setattr(s, "body", b"a" * 100), ReadResult.MALFORMED),
        (lambda s: setattr(s, "body", signed(DOCUMENT, new_key())), ReadResult.SIGNATURE),
    ],
)
async def test_what_cannot_be_used_leaves_what_is_known_and_is_told_once(
    change: Callable[[Reference], None], why: ReadResult, caplog: pytest.LogCaptureFixture
) -> None:
    async with reference() as (server, url):
        outside = ReferenceReader(config_of(url), wall=lambda: NOW)
        server.body = signed(DOCUMENT, PEM)
        await outside.look()
        server.etag = '"2"'
        change(server)
        for _ in range(3):
            assert await outside.look() == {1: why}
        asked = len(server.asked)
    assert asked == 4, "no redirect was followed"
    assert len(outside.verdicts()) == 1
    told = [record for record in caplog.records if "not used" in record.getMessage()]
    assert len(told) == 1
    assert await outside.look() == {1: ReadResult.UNREACHABLE}


async def test_an_old_document_is_not_read_after_a_restart() -> None:
    newer = replace(DOCUMENT, made_at=NOW)
    async with reference() as (server, url):
        server.body = signed(newer, PEM)
        first = ReferenceReader(config_of(url), wall=lambda: NOW)
        await first.look()
        later = ReferenceReader(config_of(url), wall=lambda: NOW)
        later.resume(first.newest())
        server.body = signed(DOCUMENT, PEM)
        assert await later.look() == {1: ReadResult.REPLAYED}
    # Another configuration that has the same reference still knows what it said.
    first.use(config_of(url))
    assert len(first.verdicts()) == 1
    first.use(config_of(url, key=public_key(new_key())))
    assert first.verdicts() == ()


async def test_it_is_read_by_the_vantages_own_proxy() -> None:
    tunnels: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        tunnels.append(request.split("\r\n")[0])
        body = signed(DOCUMENT, PEM)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = "http://reference.test/api/v1/outside"
        way = f"http://127.0.0.1:{port}"
        outside = ReferenceReader(config_of(url, proxy=way), wall=lambda: NOW)
        assert await outside.look() == {1: ReadResult.OK}
    assert tunnels == [f"GET {url} HTTP/1.1"]


def test_the_host_of_a_reference_is_listed(tmp_path: Path) -> None:
    from probe.config import contacts
    from tests.config.files import loaded

    config = loaded(
        tmp_path, f'outside: [{{url: "https://reference.test:8443/a", key: "{KEY}"}}]\n'
    )
    found = [c for c in contacts(config) if c.owner == "outside"]
    assert [(c.host, c.port) for c in found] == [("reference.test", 8443)]
