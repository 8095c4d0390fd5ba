"""HTTP/1.1 for one request: h11 speaks, on a stream that keeps the times."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import h11

# A head that is longer, or not whole after so many bytes, is no answer.
MOST_HEAD_BYTES = 100 * 1024
READ_BYTES = 64 * 1024
Fields = Sequence[tuple[bytes, bytes]]


class Stream(Protocol):
    """What HTTP runs on."""

    async def read(self, max_bytes: int) -> bytes: ...

    async def write(self, buffer: bytes) -> None: ...


class Http1:
    """One request and its answer."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)

    async def request(self, target: bytes, fields: Fields) -> h11.Response:
        """Send a GET in one piece, wait for the head; answers that only inform (1xx) are passed
        over.

        Raises ``h11.ProtocolError`` for what is not HTTP/1.1, and what the stream raises.
        """
        request = h11.Request(method=b"GET", target=target, headers=list(fields))
        written = (self._h11.send(request), self._h11.send(h11.EndOfMessage()))
        await self._stream.write(b"".join(filter(None, written)))
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                return event

    async def body(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises as ``request`` does."""
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)

    async def _event(self) -> object:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            self._h11.receive_data(await self._stream.read(READ_BYTES))
        if event is h11.PAUSED:
            # After 101 or what is like it: another protocol follows.
            raise h11.RemoteProtocolError("the answer switches protocols")
        return event
