"""What stands between the wire and httpx: our use of h11 and h2, or httpcore's connections.

    python -m benchmarks.http_layer [REQUESTS]

CPU of one request and its answer of 64 KiB, from memory: no socket, no TLS, so what is counted is
HTTP alone. Far ends send a body over HTTP/2 in frames of 1,024 bytes, as some do, or of 16 KiB.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import h2.config
import h2.connection
import httpcore
import httpx

from probe.measure.http.frames import Frames
from probe.measure.http.http import headers
from probe.measure.http.http1 import Http1
from probe.measure.http.http2 import Http2

REQUESTS = 300
BODY = b"x" * 65_536
PIECE = 16_384
URL = httpx.URL("https://name.invalid/object")
FIELDS = headers(URL.netloc, len(BODY))
Exchange = Callable[[bytes], Awaitable[int]]


class Memory(httpcore.AsyncNetworkStream):
    """A stream of both kinds: what comes is there already, what is sent goes nowhere."""

    def __init__(self, answer: bytes) -> None:
        self._answer = memoryview(answer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data, self._answer = self._answer[:PIECE], self._answer[PIECE:]
        return bytes(data)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        return None

    async def aclose(self) -> None:
        return None

    def get_extra_info(self, info: str) -> Any:
        return None


class Framed(Memory):
    """With neighbouring frames put together."""

    def __init__(self, answer: bytes, frames: Frames) -> None:
        super().__init__(answer)
        self._frames = frames

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._frames.more and (whole := self._frames.feed(b"")):
            return whole
        while data := await super().read(max_bytes):
            if whole := self._frames.feed(data):
                return whole
        return b""


def over_http1() -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nserver: x\r\n\r\n%s" % (len(BODY), BODY)


def over_http2(frame_bytes: int) -> bytes:
    """What a server sends, whoever asks: its settings, the head, the body."""
    client = h2.connection.H2Connection()
    client.initiate_connection()
    client.increment_flow_control_window(2**20)
    client.send_headers(
        1,
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "name.invalid")],
        end_stream=True,
    )
    client.increment_flow_control_window(2**20, 1)
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    server.send_headers(1, [(":status", "200"), ("content-length", str(len(BODY)))])
    for start in range(0, len(BODY), frame_bytes):
        server.send_data(1, BODY[start : start + frame_bytes])
    server.end_stream(1)
    return server.data_to_send()


async def length(connection: Http1 | Http2) -> int:
    """Of the body, in bytes."""
    size = 0
    while (piece := await connection.piece()) is not None:
        size += len(piece)
    return size


async def our_http1(answer: bytes) -> int:
    connection = Http1(Memory(answer))
    await connection.request(URL.raw_path, FIELDS)
    return await length(connection)


async def our_http2(answer: bytes) -> int:
    frames = Frames()
    connection = Http2(Framed(answer, frames), frames)
    await connection.request(URL.raw_scheme, URL.raw_path, FIELDS)
    return await length(connection)


def of_httpcore(kind: Any) -> Exchange:
    origin = httpcore.Origin(b"https", b"name.invalid", 443)
    url = httpcore.URL(scheme=b"https", host=b"name.invalid", port=443, target=b"/object")

    async def exchange(answer: bytes) -> int:
        connection = kind(origin=origin, stream=Memory(answer))
        response = await connection.handle_async_request(
            httpcore.Request("GET", url, headers=FIELDS)
        )
        size = sum([len(part) async for part in response.aiter_stream()])
        await response.aclose()
        return size

    return exchange


async def milliseconds(exchange: Exchange, answer: bytes, requests: int) -> float:
    assert await exchange(answer) == len(BODY)
    began = time.process_time()
    for _ in range(requests):
        await exchange(answer)
    return (time.process_time() - began) / requests * 1e3


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    first, second = httpcore.AsyncHTTP11Connection, httpcore.AsyncHTTP2Connection
    rows = (
        ("http/1.1", over_http1(), our_http1, of_httpcore(first)),
        ("h2, frames of 1,024", over_http2(1_024), our_http2, of_httpcore(second)),
        ("h2, frames of 16,384", over_http2(16_384), our_http2, of_httpcore(second)),
    )
    print(f"CPU per request in milliseconds, mean of {requests}")
    print(f"{'':24}{'ours':>8}{'httpcore':>10}")
    for title, answer, ours, theirs in rows:
        mine = asyncio.run(milliseconds(ours, answer, requests))
        other = asyncio.run(milliseconds(theirs, answer, requests))
        print(f"{title:24}{mine:8.2f}{other:10.2f}")


if __name__ == "__main__":
    main()
