"""A receiver of remote write on loopback, and whoever else may answer in its place."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from random import Random

import cramjam

from probe.publish.forward.remote_write_message import WriteRequest

MOST_HEAD = 65_536
Answers = Callable[[asyncio.StreamWriter], None]


def _said(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def _samples(body: bytes) -> int:
    """How many there are in a request; raises ``DecodeError`` for what is none."""
    message = WriteRequest.FromString(bytes(cramjam.snappy.decompress_raw(body)))
    return sum(len(series.samples) for series in message.timeseries)


HARMFUL: dict[str, bytes] = {
    "portal": _said("200 OK", b"<html>Please log in</html>", "Content-Type: text/html"),
    "plain_400": _said("400 Bad Request", b"The plain HTTP request was sent to HTTPS port"),
    "no_charset": _said("400 Bad Request", b"nothing", "Content-Type: text/plain; charset=rot13"),
    "redirect": _said("302 Found", b"", "Location: http://127.0.0.1:9/"),
    "cookie": _said("500 Internal Server Error", b"", "Set-Cookie: who=you"),
    "far_wait": _said("503 Service Unavailable", b"", "Retry-After: " + "9" * 50),
    "odd_wait": _said("429 Too Many Requests", b"", "Retry-After: Mon, 99 Foo 99999 99:99:99 GMT"),
    "bomb": _said("400 Bad Request", gzip.compress(bytes(8_000_000)), "Content-Encoding: gzip"),
    "too_large": _said("413 Content Too Large"),
    "no_http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    "head_only": b"HTTP/1.1 204 No Content\r\nX: ",
    "long_head": b"HTTP/1.1 204 No Content\r\nX: " + b"x" * 1_000_000,
    "flood": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" * 100_000,
    "many_hints": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000,
    "closes": b"",
}
HANGS = "hangs"
GOOD = "good"


class Receiver:
    """``mode``: ``GOOD``, ``HANGS`` or one of ``HARMFUL``. ``taken``: samples that it took."""

    def __init__(self, random: Random) -> None:
        self.mode = GOOD
        self.taken = 0
        self.requests = 0
        self._random = random
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; its URL."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api/v1/write"

    def worsen(self) -> str:
        """Somebody else answers from now on; who."""
        self.mode = self._random.choice((HANGS, *HARMFUL))
        return self.mode

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, OSError):
            pass  # the other end has gone
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        body = await reader.readexactly(length)
        self.requests += 1
        mode = self.mode
        if mode == GOOD:
            self.taken += _samples(body)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
            return True
        if mode == HANGS:
            await reader.read(1)
            return False
        writer.write(HARMFUL[mode])
        await writer.drain()
        if mode == "head_only":
            await reader.read(1)
        return False
