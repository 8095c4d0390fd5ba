"""HTTP/1.1 for one request: h11 speaks, on a stream that keeps the times.

A leg looks at the status, at what frames the body, at ``Date``, ``Location`` and ``Retry-After``. A
line among the fields of a head that is no field is nothing to it, as to a browser, and is left out:
it says nothing about the way there. What is wrong with the status line or with what frames the body
is an error.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import h11

from probe.measure.one_leg.failures import NetworkError
from probe.model.failure import PROTOCOL_ERROR

# A head that is longer, or not whole after so many bytes, is no answer. It is read in one go, and
# may have a field for every four of them.
MOST_HEAD_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
MOST_INFORMATIONAL = 100
"""Answers that only inform, before the one that was asked for. Honest far ends send one or two."""
EVENTS_PER_TURN = 32
"""A chunk of a body may have one byte: after so many events it is the loop's turn."""
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r?")
_FRAMING = (b"content-length", b"transfer-encoding")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
Fields = Sequence[tuple[bytes, bytes]]


class Stream(Protocol):
    """What HTTP runs on."""

    async def read(self, max_bytes: int) -> bytes: ...

    async def write(self, buffer: bytes) -> None: ...


class Http1:
    """One request and its answer, and then perhaps another."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._h11 = _connection()
        self._events = 0
        self._head: bytearray | None = bytearray()
        """What came since the last answer that only informed; ``None`` once the head is there."""

    async def request(self, target: bytes, fields: Fields) -> h11.Response:
        """Send a GET in one piece, wait for the head; answers that only inform (1xx) are passed
        over.

        Raises ``h11.ProtocolError`` for what is not HTTP/1.1, and what the stream raises.
        """
        asked = _get(target, tuple(fields))
        await self._stream.write(_send(self._h11, asked))
        for _ in range(MOST_INFORMATIONAL + 1):
            event = await self._head_event(asked)
            if isinstance(event, h11.Response):
                self._head = None
                return event
            self._head = bytearray(self._h11.trailing_data[0])
        raise too_many()

    async def _head_event(self, asked: h11.Request) -> object:
        try:
            return await self._event()
        except h11.RemoteProtocolError:
            plain = without_odd_lines(bytes(self._head or b""))
            if plain is None:
                raise
            self._h11 = _connection()
            _send(self._h11, asked)
            self._h11.receive_data(plain)
            return await self._event()

    async def piece(self) -> bytes | None:
        """The next piece of the body; ``None``: it has ended. Raises as ``request`` does."""
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    def may_ask_again(self) -> bool:
        """After the body's end: whether the far end answers another request. If so, it may be
        made."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        if self._h11.trailing_data[0]:
            return False  # what was not asked for yet
        self._h11.start_next_cycle()
        self._head = bytearray()
        return True

    async def _event(self) -> object:
        self._events += 1
        if self._events % EVENTS_PER_TURN == 0:
            await asyncio.sleep(0)
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            data = await self._stream.read(READ_BYTES)
            if self._head is not None:
                self._head += data
            self._h11.receive_data(data)
        if event is h11.PAUSED:
            # After 101 or what is like it: another protocol follows.
            raise h11.RemoteProtocolError("the answer switches protocols")
        return event


def too_many() -> NetworkError:
    """Why an answer that is only announced is waited for no more."""
    return NetworkError(
        PROTOCOL_ERROR, f"more than {MOST_INFORMATIONAL} answers that only inform (1xx)"
    )


def without_odd_lines(data: bytes) -> bytes | None:
    """``data``, a head and what follows it, without the lines that are no fields.

    ``None``: there is nothing to leave out, or it may be what frames the body.
    """
    end = _END_OF_HEAD.search(data)
    if end is None:
        return None
    first, *lines = data[: end.start()].split(b"\n")
    kept, odd = [first], False
    for line in lines:
        if line[:1] in (b" ", b"\t"):  # goes on where the one before it ended (obs-fold)
            if not odd:
                kept.append(line)
        elif _FIELD.fullmatch(line):
            kept.append(line)
            odd = False
        elif line.lower().lstrip().startswith(_FRAMING):
            return None
        else:
            odd = True
    if len(kept) == len(lines) + 1:
        return None
    return b"\n".join(kept) + data[end.start() :]


@lru_cache(maxsize=256)
def _get(target: bytes, fields: tuple[tuple[bytes, bytes], ...]) -> h11.Request:
    """A leg asks mostly what it asked the round before, and h11 looks at every letter of it."""
    return h11.Request(method=b"GET", target=target, headers=list(fields))


def _connection() -> h11.Connection:
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)


def _send(connection: h11.Connection, asked: h11.Request) -> bytes:
    """Both events of a request without a body."""
    return b"".join(filter(None, (connection.send(asked), connection.send(h11.EndOfMessage()))))
