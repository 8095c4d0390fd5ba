"""What of a far end's HTTP is borne, because it says nothing of the way there, and what is not."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.loopback.hostile import frame
from lab.loopback.servers import (
    Http2,
    Script,
    Visit,
    certificate,
    head_of,
    measure_script,
    server_context,
)
from lab.loopback.turns import counted
from probe.measure.http.frames import MOST_AT_ONCE, MOST_FRAMES, Frames
from probe.measure.http.http1 import EVENTS_PER_TURN, MOST_INFORMATIONAL, without_odd_lines
from probe.model.failure import PROTOCOL_ERROR
from probe.model.identity import Phase

BODY = b"x" * 5_000
HEAD = frame(1, 4, 1, b"\x88")


def h2_context() -> ssl.SSLContext:
    return server_context(certificate(), alpn=("h2",))


def goaway(last: int, code: int = 0) -> bytes:
    return frame(7, 0, 0, struct.pack(">II", last, code) + b"bye")


def sends(*pieces: bytes, cut: bool = False) -> Script:
    """An HTTP/2 server that answers the request with these bytes."""

    async def script(visit: Visit) -> None:
        await Http2(visit).request()
        for piece in pieces:
            await visit.send(piece)
        if cut:
            visit.cut()
        await visit.gone()

    return script


DATA, LAST = frame(0, 0, 1, BODY), frame(0, 1, 1, BODY)


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD, DATA, goaway(1), LAST),
        (HEAD + DATA + goaway(1) + LAST,),
        (goaway(1), HEAD, DATA, LAST),
        (goaway(2**31 - 1), HEAD, DATA, goaway(1), LAST),
        (HEAD, DATA, LAST + goaway(1)),
    ],
    ids=["within", "in one piece", "before the head", "in two steps", "after the end"],
)
async def test_an_answer_under_way_is_read_to_its_end(pieces: tuple[bytes, ...]) -> None:
    observed = await measure_script(sends(*pieces, cut=True), context=h2_context())

    assert observed.ok, observed.failure
    assert observed.body_bytes == 2 * len(BODY)


@pytest.mark.parametrize(
    ("pieces", "phase", "reason", "body"),
    [
        ((goaway(0),), Phase.PROCESSING, "ended_by_server", None),
        ((goaway(1, code=11),), Phase.PROCESSING, "ended_by_server", None),
        ((HEAD + DATA + goaway(1, code=2),), Phase.TRANSFER, "ended_by_server", len(BODY)),
        ((HEAD + DATA + goaway(1),), Phase.TRANSFER, "eof_error", len(BODY)),
        ((goaway(1),), Phase.PROCESSING, "eof_error", None),
        ((frame(7, 0, 1, bytes(8)),), Phase.PROCESSING, PROTOCOL_ERROR, None),
        ((frame(7, 0, 0, bytes(4)),), Phase.PROCESSING, PROTOCOL_ERROR, None),
    ],
    ids=["not heard", "error", "error within", "cut", "cut before", "of a stream", "too short"],
)
async def test_an_end_is_an_end(
    pieces: tuple[bytes, ...], phase: Phase, reason: str, body: int | None
) -> None:
    observed = await measure_script(sends(*pieces, cut=True), context=h2_context())

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (phase, reason)
    assert observed.body_bytes == body


def http1(head: str, body: bytes, end: Callable[[Visit], Awaitable[None] | None]) -> Script:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body)
        if (ending := end(visit)) is not None:
            await ending

    return script


async def bid_farewell(visit: Visit) -> None:
    visit.writer.close()


# content-length: 5000, by HPACK's static table
LONG = frame(1, 4, 1, b"\x88\x0f\x0d\x045000")


def reset(code: int) -> bytes:
    return frame(3, 0, 1, struct.pack(">I", code))


KNOWN = f"Content-Length: {len(BODY)}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
IN_CHUNKS = b"1388\r\n" + BODY + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "alpn", "reason"),
    [
        (http1(KNOWN, BODY, Visit.cut), "http/1.1", None),
        (http1(KNOWN, BODY, Visit.reset), "http/1.1", None),
        (http1(CHUNKED, IN_CHUNKS, Visit.cut), "http/1.1", None),
        (http1("Content-Length: 0\r\n", b"", Visit.cut), "http/1.1", None),
        (http1("", BODY, bid_farewell), "http/1.1", None),
        (http1("", BODY, Visit.cut), "http/1.1", "eof_error"),
        (http1(KNOWN, BODY[1:], Visit.cut), "http/1.1", "eof_error"),
        (http1(CHUNKED, IN_CHUNKS[:-5], Visit.cut), "http/1.1", "eof_error"),
        (sends(HEAD, LAST, cut=True), "h2", None),
        (sends(HEAD, DATA, cut=True), "h2", "eof_error"),
        (sends(LONG, DATA, cut=True), "h2", None),
        (sends(frame(1, 4, 1, b"\x88\x0f\x0d\x010"), cut=True), "h2", None),
        (sends(LONG + DATA + reset(0), cut=True), "h2", None),
        (sends(LONG + DATA + reset(8), cut=True), "h2", None),
        (sends(LONG + DATA + goaway(1, code=11), cut=True), "h2", None),
        (sends(LONG + frame(0, 0, 1, BODY[1:]) + reset(0), cut=True), "h2", "ended_by_server"),
        (sends(HEAD + DATA + reset(0), cut=True), "h2", "ended_by_server"),
    ],
    ids=["length", "length, reset", "chunks", "empty", "TLS's goodbye", "unknown length", "short",
         "chunks without end", "h2", "h2 without end", "h2, length", "h2, empty", "h2, reset",
         "h2, cancelled", "h2, an error", "h2, short", "h2, reset without end"],
)  # fmt: skip
async def test_a_close_without_farewell_after_all_had_come_is_no_failure(
    script: Script, alpn: str, reason: str | None
) -> None:
    context = server_context(certificate(), alpn=(alpn,))
    observed = await measure_script(script, context=context)

    assert (observed.failure and observed.failure.reason) == reason
    if reason is not None:
        assert observed.failure is not None
        assert observed.failure.phase is Phase.TRANSFER
        assert observed.body_bytes, "what came until then is kept"


ODD = ["No colon here", "Odd Name: x", "X-Nul: a\0b", ": no name", "bad(name): x", "X\xff: y", "\0"]


@pytest.mark.parametrize("line", ODD)
@pytest.mark.parametrize("place", ["first", "last", "with a fold", "in a 1xx answer"])
async def test_a_line_that_is_no_field_is_left_out(line: str, place: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        lines = [line, "Content-Length: 3"]
        if place == "last":
            lines.reverse()
        if place == "with a fold":
            lines.insert(1, " Content-Length: 9")
        if place == "in a 1xx answer":
            await visit.send(f"HTTP/1.1 103 Early\r\n{line}\r\n\r\n".encode("latin-1"))
            lines = lines[1:]
        head = "\r\n".join(("HTTP/1.1 200 OK", *lines, "", ""))
        await visit.send(head.encode("latin-1") + b"abcdef")
        visit.cut()

    observed = await measure_script(script)

    assert observed.ok, observed.failure
    assert observed.body_bytes == 3


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 20 OK\r\nNo colon here\r\nContent-Length: 3",
        "HTTP/1.1 200 OK\r\nContent-Length : 3",
        "HTTP/1.1 200 OK\r\nContent-Length 3",
        "HTTP/1.1 200 OK\r\nNo colon here\r\nContent-Length: 3\r\nContent-Length: 4",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding\0: chunked",
    ],
)
async def test_what_frames_the_body_must_be_right(head: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(f"{head}\r\n\r\nabc".encode())
        await visit.gone()

    observed = await measure_script(script)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.PROCESSING, PROTOCOL_ERROR)


LINES = st.sampled_from([line.encode("latin-1") for line in ODD])
FIELDS = st.sampled_from([b"A: b", b"Content-Length: 3", b"X:", b"Y: a:b\xff"])


@given(st.lists(st.one_of(LINES, FIELDS), min_size=1), st.binary(max_size=20))
def test_only_odd_lines_are_left_out(lines: list[bytes], body: bytes) -> None:
    first = b"HTTP/1.1 200 OK\r"
    fields = [line for line in lines if line.decode("latin-1") not in ODD]
    plain = without_odd_lines(b"\n".join([first, *(line + b"\r" for line in lines), b"\r", body]))
    if fields == lines:
        assert plain is None
    else:
        assert plain == b"\n".join([first, *(line + b"\r" for line in fields), b"\r", body])


# What carries nothing, over HTTP/2: PING, its answer, SETTINGS, WINDOW_UPDATE, PRIORITY, an unknown
# type, DATA without data, and an answer that only informs (103).
IDLE = {
    "ping": frame(6, 0, 0, bytes(8)),
    "pong": frame(6, 1, 0, bytes(8)),
    "settings": frame(4, 0, 0, struct.pack(">HI", 3, 100)),
    "window": frame(8, 0, 0, struct.pack(">I", 1)),
    "priority": frame(2, 0, 1, struct.pack(">IB", 3, 1)),
    "unknown": frame(0x7F, 0, 0, b""),
    "padding": frame(0, 8, 1, b"\x01\x00"),
}


@pytest.mark.parametrize("kind", IDLE)
async def test_many_frames_that_carry_nothing_let_the_loop_turn_and_have_a_bound(kind: str) -> None:
    few, many = MOST_FRAMES // 2, MOST_FRAMES + 100
    head, last = frame(1, 4, 1, b"\x88"), frame(0, 1, 1, b"x")

    with counted() as turns:
        observed = await measure_script(sends(head + IDLE[kind] * few + last), context=h2_context())
    assert observed.ok, observed.failure
    assert turns.count >= few // MOST_AT_ONCE

    observed = await measure_script(sends(head + IDLE[kind] * many + last), context=h2_context())
    assert observed.failure is not None
    assert observed.failure.reason == PROTOCOL_ERROR
    assert str(MOST_FRAMES) in observed.failure.detail


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
async def test_answers_that_only_inform_have_a_bound(alpn: str) -> None:
    # :status 103, and the same over HTTP/1.1.
    inform = frame(1, 4, 1, b"\x08\x03103") if alpn == "h2" else b"HTTP/1.1 103 Early\r\n\r\n"
    answer = frame(1, 5, 1, b"\x88") if alpn == "h2" else head_of(0)
    context = server_context(certificate(), alpn=(alpn,))
    for count, ok in ((MOST_INFORMATIONAL, True), (MOST_INFORMATIONAL + 1, False)):
        data = inform * count + answer

        async def script(visit: Visit, data: bytes = data) -> None:
            await (visit.head() if alpn == "http/1.1" else Http2(visit).request())
            await visit.send(data)
            await visit.gone()

        observed = await measure_script(script, context=context)
        assert observed.ok is ok, observed.failure
    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.PROCESSING, PROTOCOL_ERROR)


async def test_a_body_in_tiny_chunks_lets_the_loop_turn() -> None:
    chunks = 1_000
    script = http1(CHUNKED, b"1\r\na\r\n" * chunks + b"0\r\n\r\n", Visit.cut)
    with counted() as turns:
        observed = await measure_script(script)
    assert observed.body_bytes == chunks
    assert turns.count >= chunks // EVENTS_PER_TURN


def test_a_body_in_small_frames_has_room() -> None:
    # 512 KiB, each frame of 1,024 bytes padded, so that none can be merged.
    piece = frame(0, 8, 1, b"\x01" + bytes(1_025))
    frames, seen = Frames(), 0
    for _ in range(512):
        seen += len(frames.feed(piece))
    assert seen == 512 * len(piece)
