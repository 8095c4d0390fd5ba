"""HTTPS of one site: h11 and h2 on asyncio's TLS streams, in small records."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, urlsplit

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h11
from msgspec import structs

from lab.world.answer import Answer, answer
from lab.world.dns import Resolver
from lab.world.events import Log, Request, now
from lab.world.spec import Site

READ_BYTES = 65_536
DNS_PATH = "/dns-query"
DNS_TYPE = "application/dns-message"
LARGEST_REQUEST_BYTES = 1_048_576
LONG_SECONDS = 300.0
"""Longer than anybody waits for more of a body."""


class Connection:
    """One accepted connection: what it is answered with, and its stream in small TLS records."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        site: Callable[[], Site],
        resolver: Resolver,
        log: Log,
        record_bytes: int,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._site = site
        self._resolver = resolver
        self._log = log
        self._address: str = writer.get_extra_info("sockname")[0]
        self._client: str = writer.get_extra_info("peername")[0]
        self._client_port: int = writer.get_extra_info("peername")[1]
        self._requests = 0
        self._records = 0
        self.record_bytes = record_bytes

    async def read(self) -> bytes:
        """More of what the client sends; empty at its end."""
        return await self._reader.read(READ_BYTES)

    def send(self, data: bytes) -> None:
        """Queue data: OpenSSL makes one record of each write."""
        for start in range(0, len(data), self.record_bytes):
            self._writer.write(data[start : start + self.record_bytes])
            self._records += 1

    async def flush(self, *, pause_seconds: float = 0.0) -> None:
        """Wait while the client is behind, and for as long as a slow server rests. Raises
        ``ConnectionResetError`` when the client has gone, which only a turn of the loop tells."""
        await asyncio.sleep(pause_seconds)
        await self._writer.drain()

    async def answer(
        self,
        version: str,
        method: str,
        host: str,
        target: str,
        headers: dict[str, str],
        body: bytes,
    ) -> Answer:
        """The answer to a request, when its time has come."""
        site = self._site()
        if site.resolves and urlsplit(target).path == DNS_PATH:
            made = await self._resolve(method, target, body)
        else:
            range_header = headers.get("range")
            made = answer(site, method=method, host=host, target=target, range_header=range_header)
        if not self._client.startswith(made.slow_for):
            made = structs.replace(
                made, latency_seconds=0.0, bytes_per_second=0.0, pauses_at=0, mute=False
            )
        if made.mute:
            await asyncio.sleep(LONG_SECONDS)
        if made.latency_seconds:
            await asyncio.sleep(made.latency_seconds)
        self._requests += 1
        self._log.add(
            Request(
                at=now(),
                site=site.name,
                address=self._address,
                client_port=self._client_port,
                version=version,
                host=host,
                path=target.partition("?")[0],
                status=made.status,
                number=self._requests,
                records_before=self._records,
            )
        )
        return made

    async def _resolve(self, method: str, target: str, body: bytes) -> Answer:
        if method == "GET":
            packed = parse_qs(urlsplit(target).query).get("dns", [""])[0]
            try:
                body = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
            except binascii.Error:
                body = b""
        wire = await self._resolver.ask(body, self._address, "https")
        if wire is None:
            return Answer(status=400, headers=(("content-length", "0"),), body=memoryview(b""))
        headers = (("content-type", DNS_TYPE), ("content-length", str(len(wire))))
        return Answer(status=200, headers=headers, body=memoryview(wire))


async def serve_http1(connection: Connection) -> None:
    """Answer HTTP/1.1 requests, one after another, until the client goes."""
    parser = h11.Connection(h11.SERVER)
    while True:
        event = await _next(parser, connection)
        if not isinstance(event, h11.Request):
            return
        body = b""
        while isinstance(data := await _next(parser, connection), h11.Data):
            body += data.data
            if len(body) > LARGEST_REQUEST_BYTES:
                return
        if not isinstance(data, h11.EndOfMessage):
            return
        headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
        made = await connection.answer(
            "http/1.1",
            event.method.decode(),
            headers.get("host", ""),
            event.target.decode("latin-1"),
            headers,
            body,
        )
        head = h11.Response(status_code=made.status, headers=list(made.headers))
        connection.send(parser.send(head) or b"")
        sent = 0
        async for part in _parts(made.body, connection.record_bytes):
            connection.send(parser.send(h11.Data(data=part)) or b"")
            sent += len(part)
            await connection.flush(pause_seconds=_pause(made, len(part), sent))
        connection.send(parser.send(h11.EndOfMessage()) or b"")
        await connection.flush()
        if parser.our_state is h11.MUST_CLOSE:
            return
        parser.start_next_cycle()


async def _next(
    parser: h11.Connection, connection: Connection
) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
    while (event := parser.next_event()) is h11.NEED_DATA:
        parser.receive_data(await connection.read())
    return event


def _pause(made: Answer, sent: int, all_sent: int) -> float:
    """How long a server of that pace rests after so many bytes, of so many in all."""
    if made.pauses_at and all_sent >= made.pauses_at:
        return LONG_SECONDS
    return sent / made.bytes_per_second if made.bytes_per_second else 0.0


async def _parts(body: memoryview, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield bytes(body[start : start + size])


class Http2:
    """Answers HTTP/2 requests, each stream by its own task, within the client's windows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parser = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        self._headers: dict[int, dict[str, str]] = {}
        self._bodies: dict[int, bytearray] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._window_opened = asyncio.Event()

    async def serve(self) -> None:
        """Until the client goes."""
        self._parser.initiate_connection()
        self._send()
        try:
            while data := await self._connection.read():
                for event in self._parser.receive_data(data):
                    self._handle(event)
                self._send()
                await self._connection.flush()
        except h2.exceptions.ProtocolError:
            self._send()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _send(self) -> None:
        self._connection.send(self._parser.data_to_send())

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            assert event.stream_id is not None
            self._headers[event.stream_id] = {str(k): str(v) for k, v in event.headers or []}
            self._bodies[event.stream_id] = bytearray()
        elif isinstance(event, h2.events.DataReceived):
            assert event.stream_id is not None
            self._bodies[event.stream_id] += event.data or b""
            self._parser.acknowledge_received_data(
                event.flow_controlled_length or 0, event.stream_id
            )
        elif isinstance(event, h2.events.StreamEnded):
            assert event.stream_id is not None
            self._tasks[event.stream_id] = asyncio.ensure_future(self._answer(event.stream_id))
        elif isinstance(event, h2.events.StreamReset):
            assert event.stream_id is not None
            if (task := self._tasks.pop(event.stream_id, None)) is not None:
                task.cancel()
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._window_opened.set()

    async def _answer(self, stream: int) -> None:
        headers = self._headers.pop(stream)
        made = await self._connection.answer(
            "h2",
            headers.get(":method", ""),
            headers.get(":authority", headers.get("host", "")),
            headers.get(":path", "/"),
            headers,
            bytes(self._bodies.pop(stream)),
        )
        head = [(":status", str(made.status)), *made.headers]
        self._parser.send_headers(stream, head, end_stream=not made.body)
        self._send()
        sent = 0
        while sent < len(made.body):
            # A frame and its head fill one record.
            room = min(
                self._parser.local_flow_control_window(stream),
                self._parser.max_outbound_frame_size,
                self._connection.record_bytes - 9,
            )
            if room <= 0:
                self._window_opened.clear()
                await self._window_opened.wait()
                continue
            part = bytes(made.body[sent : sent + room])
            sent += len(part)
            self._parser.send_data(stream, part, end_stream=sent == len(made.body))
            self._send()
            await self._connection.flush(pause_seconds=_pause(made, len(part), sent))
        self._tasks.pop(stream, None)


async def serve(connection: Connection, alpn: str | None) -> None:
    """Talk the protocol that was negotiated until the client goes, however it goes."""
    try:
        if alpn == "h2":
            await Http2(connection).serve()
        else:
            await serve_http1(connection)
    except (OSError, ssl.SSLError, h11.RemoteProtocolError):
        # Clients of a measurement leave in mid-body, and boxes cut connections.
        return
