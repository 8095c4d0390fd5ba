"""Whoever answers in a receiver's place: nothing is lost for it, and nothing of it is believed."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from probe.config.schema import ForwardConfig, StoreConfig
from probe.config.values import Seconds
from probe.publish.forward import forwarder
from probe.publish.forward.forwarder import CURSOR
from probe.publish.forward.remote_write import MOST_ANSWER_BYTES, Receiver
from probe.publish.forward.remote_write_answer import (
    MOST_BODY_BYTES,
    ReceiverAnswer,
    ReceiverResult,
    judge,
)
from probe.store.writer import Store
from tests.again import SOON_SECONDS
from tests.publish.forward.receivers import Listening, Quiet, Raw, decode
from tests.publish.forward.test_forwarding import a_minute, fill, forward, of_instance

OURS = "203.0.113.77"
HTML = {"content-type": "text/html; charset=utf-8"}
TEXT = {"content-type": "text/plain; charset=utf-8"}


def verdict(
    status: int, headers: dict[str, str], body: bytes, *, whole: bool = True
) -> ReceiverAnswer:
    return judge(status, headers, body, whole_body=whole, now=0.0)


@pytest.mark.parametrize(
    ("status", "headers", "body", "result", "reason"),
    [
        # Receivers, as their sources have it.
        (204, {}, b"", ReceiverResult.ACCEPTED, ""),
        (200, {"content-length": "0"}, b"", ReceiverResult.ACCEPTED, ""),
        (400, TEXT, b"out of order sample\n", ReceiverResult.REFUSED, "out_of_order"),
        (400, TEXT, b"out of bounds\n", ReceiverResult.REFUSED, "too_old"),
        (400, TEXT, b"too old sample\n", ReceiverResult.REFUSED, "too_old"),
        (400, TEXT, b"duplicate sample for timestamp\n", ReceiverResult.REFUSED, "duplicate"),
        (
            409,
            TEXT,
            b"add 1 samples: out of order sample",
            ReceiverResult.REFUSED,
            "out_of_order",
        ),
        (
            400,
            TEXT,
            b"the sample has been rejected because its timestamp is too old "
            b"(err-mimir-sample-timestamp-too-old)",
            ReceiverResult.REFUSED,
            "too_old",
        ),
        (400, TEXT, b"(err-mimir-sample-duplicate-timestamp)", ReceiverResult.REFUSED, "duplicate"),
        (400, TEXT, b"(err-mimir-too-far-in-future)", ReceiverResult.REFUSED, "too_new"),
        (400, TEXT, b"(err-mimir-label-value-too-long)", ReceiverResult.REFUSED, "limit"),
        (413, HTML, b"<html>413 Request Entity Too Large", ReceiverResult.TOO_LARGE, "too_large"),
        (429, TEXT, b"", ReceiverResult.LATER, "rate_limited"),
        (503, TEXT, b"out of order sample", ReceiverResult.LATER, "server_error"),
        (401, TEXT, b"", ReceiverResult.DENIED, "denied"),
        # Others.
        (200, HTML, b"<html>Log in to the hotel's network", ReceiverResult.LATER, "not_a_receiver"),
        (200, {}, b"<!doctype html>", ReceiverResult.LATER, "not_a_receiver"),
        (200, TEXT, b"welcome", ReceiverResult.LATER, "not_a_receiver"),
        (200, {"content-encoding": "gzip"}, b"", ReceiverResult.LATER, "not_a_receiver"),
        (307, {"location": "http://portal.example/"}, b"", ReceiverResult.DENIED, "redirected"),
        (
            400,
            HTML,
            b"The plain HTTP request was sent to HTTPS port",
            ReceiverResult.UNCLEAR,
            "unclear",
        ),
        (
            400,
            TEXT,
            b"Client sent an HTTP request to an HTTPS server",
            ReceiverResult.UNCLEAR,
            "unclear",
        ),
        (400, HTML, b"<p>Your browser: too old sample", ReceiverResult.UNCLEAR, "unclear"),
        (400, TEXT, b"Your browser is too old", ReceiverResult.UNCLEAR, "unclear"),
        (
            400,
            {"content-encoding": "gzip"},
            b"out of order sample",
            ReceiverResult.UNCLEAR,
            "unclear",
        ),
        (422, {}, b"", ReceiverResult.UNCLEAR, "unclear"),
        (400, TEXT, b"snappy: corrupt input", ReceiverResult.UNCLEAR, "unclear"),
        (451, HTML, b"", ReceiverResult.DENIED, "denied"),
        (511, HTML, b"", ReceiverResult.LATER, "server_error"),
    ],
)
def test_only_a_receivers_own_answer_decides_about_samples(
    status: int, headers: dict[str, str], body: bytes, result: ReceiverResult, reason: str
) -> None:
    answer = verdict(status, headers, body)
    assert (answer.result, answer.reason) == (result, reason)
    # What is said goes to the log: a status and words of ours.
    assert OURS not in verdict(status, headers, body + OURS.encode()).text
    if result is ReceiverResult.ACCEPTED:
        assert verdict(status, headers, body, whole=False).result is ReceiverResult.LATER


@cache
def bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush()


def answer_of(mode: str) -> list[bytes]:
    packed = bomb() if mode == "gzip bomb" else b""
    text = f"<html>Access denied for client {OURS}".encode()
    return {
        "gzip bomb": [
            b"HTTP/1.1 400 x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed),
            packed,
        ],
        "endless": [b"HTTP/1.1 500 x\r\n\r\n", *[b"a" * 65_536] * 4_000],
        "endless head": [b"HTTP/1.1 200 x\r\n", *[b"X-A: " + b"a" * 8_000 + b"\r\n"] * 4_000],
        "interim": [b"HTTP/1.1 102 p\r\n\r\n" * 1_000] * 4_000,
        "echo": [b"HTTP/1.1 400 x\r\nContent-Length: %d\r\n\r\n" % len(text), text],
        "charset": [
            b"HTTP/1.1 400 x\r\nContent-Type: text/plain; charset=rot13\r\n"
            b"Content-Length: 3\r\n\r\nabc"
        ],
        "not gzip": [b"HTTP/1.1 400 x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde"],
        "cut": [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"],
        "junk": [bytes(range(256)) * 12],
        "nothing": [],
        "drip": [b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 400],
        "cookie": [b"HTTP/1.1 204 x\r\nSet-Cookie: id=TRACK; Path=/\r\nConnection: close\r\n\r\n"],
    }[mode]


@pytest.mark.parametrize(
    ("mode", "result"),
    [
        ("gzip bomb", ReceiverResult.UNCLEAR),
        ("endless", ReceiverResult.LATER),
        ("endless head", ReceiverResult.LATER),
        ("interim", ReceiverResult.LATER),
        ("echo", ReceiverResult.UNCLEAR),
        ("charset", ReceiverResult.UNCLEAR),
        ("not gzip", ReceiverResult.UNCLEAR),
        ("cut", ReceiverResult.LATER),
        ("junk", ReceiverResult.LATER),
        ("nothing", ReceiverResult.LATER),
        ("drip", ReceiverResult.LATER),
        ("cookie", ReceiverResult.ACCEPTED),
    ],
)
async def test_an_answer_has_an_end_whatever_it_is(mode: str, result: ReceiverResult) -> None:
    parts = answer_of(mode)
    heads: list[bytes] = []
    written = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                written += len(part)
                if mode == "drip":
                    await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver = Receiver(ForwardConfig(url=f"http://127.0.0.1:{port}/w", timeout=Seconds(0.5)))
    try:
        async with asyncio.timeout(SOON_SECONDS):
            answers = [await receiver.send(b"x"), await receiver.send(b"y")]
    finally:
        await receiver.close()
        server.close()
        await server.wait_closed()
    assert [a.result for a in answers] == [result, result]
    assert OURS not in repr(answers)
    assert "127.0.0.1" not in repr(answers)
    # Beside what waits in the kernel's buffers, nothing is taken beyond the bound.
    assert written < MOST_ANSWER_BYTES + 32 * 1_048_576
    assert not any(b"cookie" in head.lower() for head in heads)
    assert MOST_BODY_BYTES < MOST_ANSWER_BYTES


@pytest.mark.parametrize(
    "content", [b"", b"a\nb", b"\xff\xfe", "töken".encode(), b"a\0b", None], ids=repr
)
async def test_a_token_that_no_header_can_carry_is_said_without_its_path(
    content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    config = ForwardConfig(url="http://127.0.0.1:9/w", bearer_token_file=str(file))
    receiver = Receiver(config)
    answer = await receiver.send(b"x")
    await receiver.close()
    assert (answer.result, answer.reason) == (ReceiverResult.DENIED, "credentials")
    assert str(tmp_path) not in answer.text
    assert "bearer_token_file" in answer.text


Policy = Callable[[int, Raw], tuple[int, str, bytes]]


class Scripted(Listening):
    """A server on loopback that answers as ``policy`` says, from the number of a request and what
    is in it; what it answers 204 to, it keeps."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.count = policy, 0
        self.kept: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}
        script = self

        class Handler(Quiet):
            def do_POST(self) -> None:  # noqa: N802
                raw = decode(self.rfile.read(int(self.headers["Content-Length"])))
                script.count += 1
                status, kind, body = script.policy(script.count, raw)
                if status == 204:
                    for key, samples in raw.items():
                        script.kept.setdefault(key, {}).update(samples)
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(body)

        self.listen(Handler)


@pytest.fixture
def scripted() -> Iterator[Callable[[Policy], Scripted]]:
    made: list[Scripted] = []

    def make(policy: Policy) -> Scripted:
        made.append(Scripted(policy))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(StoreConfig(path=str(tmp_path / "h"), batch=Seconds(1.0)))
    yield made
    assert made.close(20)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(forwarder, "LONGEST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(forwarder, "LOOK_SECONDS", 0.05)


def finite(expected: Raw) -> dict[tuple[tuple[str, str], ...], dict[int, float]]:
    return {key: dict(samples) for key, samples in expected.items()}


def without_markers(kept: dict[tuple[tuple[str, str], ...], dict[int, float]]) -> object:
    """What was kept less the markers of ends, which are no numbers."""
    return {
        key: {at: value for at, value in samples.items() if value == value}
        for key, samples in kept.items()
    }


PORTALS: dict[str, tuple[int, str, bytes]] = {
    "400 of a proxy": (400, "text/html", b"<html>400 Bad Request"),
    "400 of nobody": (400, "text/plain", b""),
    "200 of a portal": (200, "text/html", b"<html>please log in"),
    "200 with words": (200, "text/plain", b"ok, log in first"),
    "413 of a proxy": (413, "text/html", b"<html>413"),
    "302": (302, "text/html", b""),
}


@pytest.mark.parametrize("portal", PORTALS)
async def test_nothing_is_lost_to_whoever_answers_in_between(
    portal: str,
    store: Store,
    scripted: Callable[[Policy], Scripted],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    expected = await asyncio.to_thread(fill, store, a_minute(), 150)
    # For 60 requests, some of which would be the second half of something cut in two.
    way = scripted(lambda n, raw: PORTALS[portal] if 3 <= n < 63 else (204, "", b""))
    sender = await forward(store, way.url)
    assert without_markers(way.kept) == finite(of_instance(expected, store))
    assert sender.health().refused == ()
    assert way.count >= 63
    assert "log in" not in caplog.text


async def test_while_it_is_the_way_everything_is_kept(
    store: Store, scripted: Callable[[Policy], Scripted]
) -> None:
    await asyncio.to_thread(fill, store, a_minute(), 150)
    way = scripted(lambda n, raw: PORTALS["400 of nobody"])
    with pytest.raises(TimeoutError):
        await forward(store, way.url, most=3.0)
    assert way.count > 20
    assert int(store.load(CURSOR) or b"0") == 0


async def test_what_a_receiver_refuses_in_words_of_nobody_knows_is_set_aside_and_told(
    store: Store, scripted: Callable[[Policy], Scripted], caplog: pytest.LogCaptureFixture
) -> None:
    """A receiver that we do not know refuses one series; the rest does not wait for it."""
    expected = await asyncio.to_thread(fill, store, a_minute(), 5)
    bad = "throttlewatch_test_3"

    def policy(number: int, raw: Raw) -> tuple[int, str, bytes]:
        if any(("__name__", bad) in key for key in raw):
            return 400, "application/json", b'{"error": "E-1742"}'
        return 204, "", b""

    way = scripted(policy)
    sender = await forward(store, way.url)
    whole = finite(of_instance(expected, store))
    fine = {key: samples for key, samples in whole.items() if ("__name__", bad) not in key}
    assert without_markers(way.kept) == fine
    assert sender.health().refused == (("unclear", 5),)
    assert "the receiver refuses samples" in caplog.text
    assert "E-1742" not in caplog.text


async def test_a_first_hour_that_is_never_taken_does_not_keep_the_next_ones_waiting(
    store: Store, scripted: Callable[[Policy], Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "STUCK_SECONDS", 0.1)
    end = a_minute()
    expected = await asyncio.to_thread(fill, store, end, 130)
    limit = (end - 69 * 60) * 1_000

    def policy(number: int, raw: Raw) -> tuple[int, str, bytes]:
        if any(at < limit for samples in raw.values() for at, _ in samples):
            return 400, "text/plain", b"no"
        return 204, "", b""

    way = scripted(policy)
    sender = await forward(store, way.url)
    later = {
        key: {at: value for at, value in samples if at >= limit}
        for key, samples in of_instance(expected, store).items()
    }
    assert without_markers(way.kept) == {key: samples for key, samples in later.items() if samples}
    assert {reason for reason, _ in sender.health().refused} <= {"unclear", "given_up"}
