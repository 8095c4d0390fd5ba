"""One request on one connection: h11 or h2 speaks HTTP, we keep the times.

httpcore's connections would put the locks, states and traces of a pool around them, which one
request on one connection has no use for (docs/decisions/0007-http-by-h11-and-h2.md has figures).

The request is plain and the same for every leg: it says who asks, asks for the object as it is
(``identity``: nothing is decompressed), sends no cookie, follows no redirect, is never repeated.
The ``User-Agent`` names the tool honestly behind the ``Mozilla/5.0 (compatible; ...)`` of crawlers:
servers that turn unknown agents away accept that form, and their logs still say who it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

import h11
import httpx
from msgspec import Struct
from msgspec.structs import replace

from probe import __version__
from probe.measure.connection.kernel_stamps import FIRST_PIECE, Arrival, Departure
from probe.measure.connection.wire import BODY_PIECE, Stopped, WireStream
from probe.measure.http.frames import Frames
from probe.measure.http.http1 import Fields, Http1
from probe.measure.http.http2 import Http2
from probe.measure.one_leg.failures import NetworkError
from probe.measure.one_round.manners import answered_at, retry_after
from probe.measure.tls.tls import TlsStream
from probe.model.failure import PROTOCOL_ERROR
from probe.model.observation import HttpFacts, TcpInfo

USER_AGENT = f"Mozilla/5.0 (compatible; throttlewatch/{__version__})"
ANYTHING = "*/*"
PARTIAL = 206
MOST_REDIRECT_BYTES = 16_384
"""Of the body of a redirect, which is for people and mostly a sentence."""
_MOST_DIGITS = 10


def headers(host: bytes, range_bytes: int, accept: str = ANYTHING) -> list[tuple[bytes, bytes]]:
    """The headers of every request; ``range_bytes`` (0: none) asks for that many bytes."""
    fields = [
        (b"Host", host),
        (b"User-Agent", USER_AGENT.encode()),
        (b"Accept", accept.encode()),
        (b"Accept-Encoding", b"identity"),
    ]
    if range_bytes:
        fields.append((b"Range", b"bytes=0-%d" % (range_bytes - 1)))
    return fields


class Unheard(httpx.RemoteProtocolError):
    """The far end had ended the connection before it heard a second request, or nobody waits for
    the end of its first answer."""


class Exchange:
    """A request and its answer; after a redirect, the second of two. Times are arrivals and
    monotonic nanoseconds.

    ``whole_bytes``: of the whole object, if the answer says so, be it a part of it or not.
    ``head`` is the arrival of the answer's first byte (over TLS: of the record that it is in).
    Over HTTP/1.1 that is the first byte after the request, be it of a 1xx answer; over HTTP/2 the
    frame that brought the head, as settings and acknowledgements come before it unasked.
    """

    def __init__(self, wire: WireStream, tls: TlsStream | None, *, updates: int = 0) -> None:
        self._wire = wire
        self._updates = updates
        self._tls = tls
        self._frames = Frames() if tls is not None and tls.alpn == "h2" else None
        self._stream = _Watched(wire, tls, self._frames)
        self._connection = (
            Http1(self._stream) if self._frames is None else Http2(self._stream, self._frames)
        )
        self._most_bytes = self._enough = 0
        self.fields: Fields = ()
        """Of the head of the answer, as they came."""
        self.head: Arrival | None = None
        self.facts: HttpFacts | None = None
        self.location: str | None = None
        self.whole_bytes: int | None = None
        self.body_bytes: int | None = None
        self.body_end: Arrival | None = None
        self.tcp_before: TcpInfo | None = None
        """The kernel's account as a body began during which we send."""

    @property
    def sent(self) -> Departure | None:
        """The request, once it left."""
        return self._stream.request

    @property
    def received_before(self) -> int:
        """Bytes that the connection had received before the request."""
        return self._stream.received_before

    async def request(self, url: httpx.URL, fields: Fields) -> HttpFacts:
        """Send a GET with these header fields, wait for the head.

        Raises what h11, h2, the wire and OpenSSL raise; for a second request ``Unheard``.
        """
        before, self.facts, self.head = self.facts, None, None
        try:
            answer = await self._ask(url, fields)
        except (OSError, EOFError, h11.ProtocolError, NetworkError) as error:
            # Servers close whenever they like after an answer (RFC 9112, 9.3.1; RFC 9113, 6.8).
            if before is not None and not self._heard():
                self.facts = before
                raise Unheard("no second request is heard on this connection") from error
            raise
        self.fields = answer.fields
        self.location = _text(dict(answer.fields).get(b"location"))
        facts = facts_of(answer.version, answer.status, answer.fields)
        self.whole_bytes = facts.whole_bytes
        self.facts = facts if before is None else replace(facts, redirect_status=before.status)
        return self.facts

    async def _ask(self, url: httpx.URL, fields: Fields) -> _Answer:
        self._wire.piece = FIRST_PIECE
        if isinstance(self._connection, Http2):
            answer = await _over_http2(self._connection, url, fields)
            self.head = self._stream.latest
        else:
            answer = await _over_http1(self._connection, url, fields)
            self.head = self._stream.earliest
        return answer

    def _heard(self) -> bool:
        """Whether anything came since the request, other than that it is not heard."""
        if self._frames is not None and not self._frames.answers(self._frames.stream):
            return False
        return self._stream.latest is not None

    async def may_ask_again(self) -> bool:
        """Read the answer to its end, if that is near, and see whether another may be asked for on
        the connection. If so, that is next.

        Raises as ``part`` does.
        """
        if self.facts is None:
            raise RuntimeError("there is no answer yet")
        came = 0
        try:
            while (chunk := await self._connection.piece()) is not None:
                came += len(chunk)
                self._wire.stopped = came > MOST_REDIRECT_BYTES
        except Stopped:
            return False
        if not self._connection.may_ask_again():
            return False
        self._stream.begin()
        return True

    def begin_body(self, max_bytes: int) -> None:
        """From here on the body is read, to its end or to ``max_bytes``."""
        if self.facts is None:
            raise RuntimeError("there is no answer yet")
        length = self.facts.content_length
        self._most_bytes = max_bytes
        self._enough = enough = max_bytes if length is None else min(max_bytes, length)
        undecrypted = 0 if self._tls is None else self._tls.cut_no_more()
        self._wire.gather(enough, undecrypted=undecrypted)
        self.body_bytes = 0
        if enough and self._updates and isinstance(self._connection, Http2):
            self.tcp_before = self._wire.tcp_now()
            self._connection.update_bytes = max(1, enough // self._updates)

    async def part(self) -> bytes | None:
        """The next part of the body, as it comes; ``None``: there is no more. What lies beyond the
        most that is wanted is not counted.

        Raises what h11, h2, the wire and OpenSSL raise; what came until then stays counted.
        """
        if self.body_bytes is None:
            raise RuntimeError("the body was not begun")
        # How the far end ends it after all had come says nothing of the way there.
        if self.body_bytes >= self._enough:
            return None
        chunk = await self._connection.piece()
        if chunk is None:
            return None
        part = chunk[: self._most_bytes - self.body_bytes]
        self.body_bytes += len(part)
        self.body_end = self._stream.end
        self._wire.missing = self._enough - self.body_bytes
        return part


def facts_of(version: str, status: int, fields: Fields) -> HttpFacts:
    """What the head of an answer says; names of ``fields`` are in lower case."""
    last = dict(fields)
    return HttpFacts(
        version=version,
        status=status,
        content_length=_number(last.get(b"content-length")),
        retry_after_seconds=retry_after(last.get(b"retry-after"), last.get(b"date"), time.time()),
        date=answered_at(last.get(b"date"), last.get(b"age")),
        blocked_by=b"link" in last
        and blocked_by(value for name, value in fields if name == b"link"),
        is_page=_is_page(last.get(b"content-type")),
        whole_bytes=_whole_bytes(status, last),
    )


class _Answer(Struct, frozen=True, kw_only=True):
    """The head, and its fields with names in lower case."""

    version: str
    status: int
    fields: Fields


def _whole_bytes(status: int, fields: Mapping[bytes, bytes]) -> int | None:
    if status == PARTIAL:
        _, _, size = fields.get(b"content-range", b"").rpartition(b"/")
        return _number(size)
    return _number(fields.get(b"content-length"))


async def _over_http1(connection: Http1, url: httpx.URL, fields: Fields) -> _Answer:
    head = await connection.request(url.raw_path, fields)
    return _Answer(
        version=head.http_version.decode("ascii"),
        status=head.status_code,
        fields=list(head.headers),
    )


async def _over_http2(connection: Http2, url: httpx.URL, fields: Fields) -> _Answer:
    head = await connection.request(url.raw_scheme, url.raw_path, fields)
    return _Answer(
        version="2",
        status=status_of(dict(head)),
        fields=[each for each in head if not each[0].startswith(b":")],
    )


def blocked_by(links: Iterable[bytes]) -> bool:
    """Whether ``Link`` headers name who blocks what was asked for (RFC 7725, section 4)."""
    fields = [(b"link", value) for value in links]
    found = httpx.Response(200, headers=fields).links.values() if fields else ()
    return any("blocked-by" in link.get("rel", "").lower().split() for link in found)


class _Watched:
    """Passes everything on and remembers the arrivals of what was read: the first bytes of the
    earliest read, and the first and last of the latest.

    They read first when the whole request is written (without a body: with its head), so that
    is when it leaves.
    """

    def __init__(self, wire: WireStream, tls: TlsStream | None, frames: Frames | None) -> None:
        self._wire = wire
        self._tls = tls
        self._stream = wire if tls is None else tls
        self._frames = frames
        self.begin()

    def begin(self) -> None:
        """What is written next is a request."""
        self.request: Departure | None = None
        self.received_before = 0
        self.earliest: Arrival | None = None
        self.latest: Arrival | None = None
        self.end: Arrival | None = None

    async def read(self, max_bytes: int) -> bytes:
        if self.request is None:
            if self._tls is not None:
                await self._tls.flush(stamped=True)
            self.request = self._wire.sent
            self.received_before = self._wire.received
            self._wire.look_out()
        while self._frames is not None and self._frames.more:
            await asyncio.sleep(0)
            if whole := self._frames.feed(b""):
                return whole
        while data := await self._stream.read(max_bytes):
            self._wire.piece = BODY_PIECE
            self.latest, self.end = self._stream.first, self._stream.last
            self.earliest = self.earliest or self.latest
            if self._frames is None:
                break
            if whole := self._frames.feed(data):
                return whole
        return data

    async def write(self, buffer: bytes) -> None:
        await self._stream.write(buffer)


def status_of(fields: Mapping[bytes, bytes]) -> int:
    """The status of an answer over HTTP/2 or HTTP/3. Raises ``NetworkError`` if it has none."""
    status = fields.get(b":status", b"")
    if not status.isdigit():
        raise NetworkError(PROTOCOL_ERROR, "an answer without a status")
    return int(status)


def _number(value: bytes | None) -> int | None:
    digits = (value or b"").strip()
    return int(digits) if digits.isdigit() and len(digits) <= _MOST_DIGITS else None


def _is_page(content_type: bytes | None) -> bool:
    kind = (content_type or b"").partition(b";")[0].strip().lower()
    return kind in (b"text/html", b"application/xhtml+xml")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1").strip()
