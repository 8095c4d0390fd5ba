"""What the beacon answers, over whatever it is asked: an application of ASGI.

Bytes that it gives are random, so that nobody on the way makes them fewer, and the same for all. It
keeps nothing of who asked but what ``rations.py`` counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from math import ceil
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from probe.beacon.rations import Rations
from probe.beacon.wishes import Denied, GivenBytes, Offer, TakenBytes, understood
from probe.model.number import whole

PIECE_BYTES = 65_536
LONGEST_WAIT_SECONDS = 3_600
_Field = tuple[bytes, bytes]


class BeaconService:
    """One beacon: what it offers, and what is left of its rations."""

    def __init__(
        self, offer: Offer, rations: Rations, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._offer, self._rations, self._clock = offer, rations, clock
        self._bytes = os.urandom(PIECE_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        fields: dict[bytes, bytes] = dict(scope["headers"])
        length = fields.get(b"content-length", b"").decode("latin-1")
        wish = understood(
            self._offer,
            scope["method"],
            scope["path"],
            asked_range=fields.get(b"range", b"").decode("latin-1"),
            announced=whole(length) if length else None,
        )
        address = scope["client"][0] if scope["client"] else ""
        if isinstance(wish, Denied):
            await _deny(send, wish)
        elif isinstance(wish, GivenBytes):
            await self._give(send, wish, address)
        else:
            await self._take(receive, send, wish, address)

    async def _give(self, send: Send, wish: GivenBytes, address: str) -> None:
        cost = wish.size if wish.with_body else 0
        if seconds := self._rations.wait(address, cost, self._clock()):
            await _later(send, seconds)
            return
        fields: list[_Field] = [
            (b"content-type", b"application/octet-stream"),
            (b"content-length", b"%d" % wish.size),
            (b"accept-ranges", b"bytes"),
        ]
        if wish.part:
            last = wish.first + wish.size - 1
            said = b"bytes %d-%d/%d" % (wish.first, last, wish.whole_bytes)
            fields.append((b"content-range", said))
        await _head(send, 206 if wish.part else 200, fields)
        at, end = wish.first, wish.first + cost
        while at < end:
            size = min(PIECE_BYTES, end - at)
            start = at % PIECE_BYTES
            piece = self._bytes[start : start + size]
            at += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _take(self, receive: Receive, send: Send, wish: TakenBytes, address: str) -> None:
        if seconds := self._rations.wait(address, 0, self._clock()):
            await _later(send, seconds)
            return
        came, more = 0, True
        while more:
            message: Message = await receive()
            if message["type"] != "http.request":
                return  # it went away
            size = len(message.get("body", b""))
            came += size
            more = message.get("more_body", False)
            left = self._rations.count(address, size, self._clock())
            if came > wish.most_bytes:
                text = f"at most {wish.most_bytes} bytes are taken"
                await _deny(send, Denied(status=413, text=text))
                return
            if more and not left:
                await _later(send, self._rations.wait(address, PIECE_BYTES, self._clock()))
                return
        body = b'{"bytes":%d}\n' % came
        fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await _head(send, 200, fields)
        await send({"type": "http.response.body", "body": body})


async def _later(send: Send, seconds: float) -> None:
    wait = min(LONGEST_WAIT_SECONDS, max(1, ceil(seconds)))
    await _deny(send, Denied(status=429, text="enough for now"), [(b"retry-after", b"%d" % wait)])


async def _deny(send: Send, no: Denied, more: list[_Field] | None = None) -> None:
    body = f"{no.text}\n".encode()
    fields: list[_Field] = [
        (b"content-type", b"text/plain"),
        (b"content-length", b"%d" % len(body)),
        # What is still being sent is not listened to.
        (b"connection", b"close"),
    ]
    await _head(send, no.status, fields + (more or []))
    await send({"type": "http.response.body", "body": body})


async def _head(send: Send, status: int, fields: list[_Field]) -> None:
    start: dict[str, Any] = {"type": "http.response.start", "status": status, "headers": fields}
    await send(start)
