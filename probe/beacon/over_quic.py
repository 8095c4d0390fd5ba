"""The beacon over HTTP/3: aioquic speaks, the application is the one that answers over TCP.

A client's address is proven by a Retry before anything is kept or sent (RFC 9000, 8.1.2), so that
nobody uses the beacon to flood somebody else; that costs a round trip in each handshake.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any, cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE, QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, QuicEvent
from starlette.types import ASGIApp, Message

from probe.beacon.rations import Rations

# Its words have addresses in them.
logging.getLogger("quic").disabled = True

MOST_BYTES = 1_048_576
"""Of an object over QUIC: all of it is held until it is acknowledged."""
MOST_CONNECTIONS = 64
MOST_AT_ONCE = 2
"""Requests of a connection that are being answered."""
IDLE_SECONDS = 30.0
_VERSIONS = frozenset(QuicConfiguration().supported_versions)
_NO_ERROR, _EXCESSIVE_LOAD = 0x100, 0x107  # RFC 9114, 8.1
_NOT_IN_HTTP3 = frozenset({b"connection", b"transfer-encoding"})


class QuicDoor:
    """Between ``open`` and ``close`` the beacon answers over QUIC on ``sock``, a bound socket of
    datagrams."""

    def __init__(self, app: ASGIApp, rations: Rations, sock: socket.socket) -> None:
        self.app, self.rations = app, rations
        self.inside = 0
        self._sock = sock
        self._server: QuicServer | None = None
        self._settings = QuicConfiguration(
            is_client=False, alpn_protocols=list(H3_ALPN), idle_timeout=IDLE_SECONDS
        )

    def use(self, cert_file: Path, key_file: Path) -> None:
        """Show this certificate from now on. Raises ``OSError`` and ``ValueError``."""
        self._settings.certificate_chain = []
        self._settings.load_cert_chain(cert_file, key_file)

    async def open(self) -> None:
        """Answer. Needs a running loop."""
        loop = asyncio.get_running_loop()

        def made(quic: QuicConnection, **_: Any) -> _Visitor:
            return _Visitor(quic, self)

        _, self._server = await loop.create_datagram_endpoint(
            lambda: _Careful(configuration=self._settings, create_protocol=made, retry=True),
            sock=self._sock,
        )

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()


class _Careful(QuicServer):
    """What a datagram makes the library raise ends that datagram; and nothing that is smaller than
    a first packet has to be is told which versions are spoken (RFC 9000, 6.1)."""

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        raw = bytes(data, "latin-1") if isinstance(data, str) else data
        small = len(raw) < SMALLEST_MAX_DATAGRAM_SIZE and raw[:1] >= b"\x80"
        if small and int.from_bytes(raw[1:5]) not in _VERSIONS:
            return
        try:
            super().datagram_received(raw, addr)
        except Exception:
            return


class _Visitor(QuicConnectionProtocol):
    """One connection."""

    def __init__(self, quic: QuicConnection, door: QuicDoor) -> None:
        super().__init__(quic)
        self._door = door
        self._http: H3Connection | None = None
        self._address: str | None = None
        self._counted = False
        self._bodies: dict[int, asyncio.Queue[Message]] = {}
        self._answering: dict[int, asyncio.Task[None]] = {}

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        """The first one says who it is."""
        first = self._address is None
        if first:
            self._address = str(addr[0])
            room = self._door.inside < MOST_CONNECTIONS
            self._counted = room and self._door.rations.enter(self._address)
            self._door.inside += self._counted
        super().datagram_received(data, addr)
        if first and not self._counted:
            self.close(error_code=_EXCESSIVE_LOAD)

    def quic_event_received(self, event: QuicEvent) -> None:
        """Requests, their bodies, and the end."""
        if isinstance(event, ConnectionTerminated):
            self._end()
        elif isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        if self._http is not None:
            for one in self._http.handle_event(event):
                self._take(one)

    def _take(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived) and event.stream_id not in self._bodies:
            if len(self._answering) >= MOST_AT_ONCE:
                self.close(error_code=_EXCESSIVE_LOAD)
                return
            self._bodies[event.stream_id] = asyncio.Queue()
            self._put(event.stream_id, b"", event.stream_ended)
            task = asyncio.get_running_loop().create_task(self._answer(event))
            self._answering[event.stream_id] = task
            task.add_done_callback(lambda _: self._answered(event.stream_id))
        elif isinstance(event, DataReceived):
            if event.stream_id in self._bodies:
                self._put(event.stream_id, event.data, event.stream_ended)
            elif event.data:
                # It was told no, and sends on: nobody counts that.
                self.close(error_code=_EXCESSIVE_LOAD)

    def _answered(self, stream: int) -> None:
        self._answering.pop(stream, None)
        self._bodies.pop(stream, None)

    def _put(self, stream: int, data: bytes, ended: bool) -> None:
        message: Message = {"type": "http.request", "body": data, "more_body": not ended}
        self._bodies[stream].put_nowait(message)

    async def _answer(self, event: HeadersReceived) -> None:
        stream, http = event.stream_id, cast(H3Connection, self._http)
        fields = dict(event.headers)
        path, _, query = fields.get(b":path", b"/").partition(b"?")
        scope = {
            "type": "http",
            "http_version": "3",
            "method": fields.get(b":method", b"").decode("latin-1"),
            "scheme": "https",
            "path": path.decode("latin-1"),
            "query_string": query,
            "headers": [each for each in event.headers if not each[0].startswith(b":")],
            "client": (self._address, 0),
        }
        no_body = scope["method"] == "HEAD"

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                head = [(b":status", b"%d" % message["status"])]
                head += [each for each in message["headers"] if each[0] not in _NOT_IN_HTTP3]
                http.send_headers(stream, head, end_stream=False)
                return
            ends = not message.get("more_body", False)
            body = b"" if no_body else message.get("body", b"")
            if body or ends:
                http.send_data(stream, body, end_stream=ends)
            self.transmit()

        try:
            await self._door.app(scope, self._bodies[stream].get, send)
        except Exception:
            self.close(error_code=_NO_ERROR)

    def _end(self) -> None:
        for task in self._answering.values():
            task.cancel()
        if self._counted and self._address is not None:
            self._counted = False
            self._door.inside -= 1
            self._door.rations.leave(self._address)
