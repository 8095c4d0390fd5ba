"""A transport for httpx that measures: one request, one connection, one answer.

httpx says what is asked for; ``Way`` says how it gets there: to which address, under which name,
from where. The wire below stamps and bounds. Nothing is kept from one request to the next: no
connection, no session of TLS, no cookie; nothing is asked of the environment.

It can be used by itself: docs/wire.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

import httpx

from probe.measure.http.http import ANYTHING, Exchange, Unheard, headers
from probe.measure.one_leg.attempt import PORTS, Way, reach
from probe.measure.one_leg.failures import TIMEOUT
from probe.measure.one_leg.leg_record import LegRecord
from probe.model.failure import PROTOCOL_ERROR, Failure
from probe.model.identity import Phase

_PROTOCOLS = {"2": b"HTTP/2", "1.1": b"HTTP/1.1", "1.0": b"HTTP/1.0"}
_NO_BODY = httpx.ByteStream(b"")
_Found = TypeVar("_Found")
_Stream = httpx.SyncByteStream | httpx.AsyncByteStream


class WireTransport(httpx.AsyncBaseTransport):
    """Sends a GET as its extension ``way`` says.

    ``request.extensions``:

    - ``way`` (``Way``): required, since no name is looked up here.
    - ``record`` (``LegRecord``): filled in while the request is under way, so that what was cut
      keeps what it had; a new one if there is none. With the record of an answer that was not
      closed, its connection is asked again; ``Unheard`` says that it does not hear.
    - ``timeout``: httpx's. ``connect`` bounds the way to the end of the handshake, ``read`` the
      wait for the head and for each piece of the body. Nothing waits for a pool or to write.

    ``response.extensions``: ``record``, and, once the response is closed, what
    ``LegRecord.summary`` says; whoever gave the record asks it.

    Raises ``httpx.TransportError``: ``ConnectError`` and ``ConnectTimeout`` up to the end of the
    handshake; then ``RemoteProtocolError``, ``ReadError`` and ``ReadTimeout``. Its text has the
    phase and one string of OONI's data format; the record, which the error's request has among its
    extensions, has the same as its ``failure``.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Up to the head of the answer."""
        way = request.extensions.get("way")
        if not isinstance(way, Way):
            raise httpx.UnsupportedProtocol("the extension 'way' must say how to get there")
        if request.method != "GET" or request.url.scheme not in PORTS:
            raise httpx.UnsupportedProtocol("only a GET over https or http can be measured")
        given: LegRecord | None = request.extensions.get("record")
        record = request.extensions["record"] = given or LegRecord()
        waits: dict[str, float | None] = request.extensions.get("timeout") or {}
        try:
            exchange = await _asked(request, way, record, waits)
        except Unheard:
            raise
        except Exception as error:
            raise _transport_error(record.failed(error)) from error
        except BaseException:
            record.end()  # cancelled
            raise
        assert exchange.facts is not None
        body = _Body(record, exchange, way.max_bytes, waits.get("read"))
        response = _Answer(
            exchange.facts.status,
            headers=_told(request.url, exchange),
            stream=body,
            extensions={
                "http_version": _PROTOCOLS.get(exchange.facts.version, b"HTTP/1.1"),
                "record": record,
            },
        )
        if given is None:
            body.extensions = response.extensions
        return response


class Client(httpx.AsyncClient):
    """httpx's client over ``WireTransport``. It keeps no cookie, asks nothing of the environment,
    waits until it is cancelled, and holds nothing that would have to be closed."""

    def __init__(self) -> None:
        super().__init__(transport=WireTransport(), trust_env=False, timeout=None)

    @property
    def cookies(self) -> httpx.Cookies:
        """None, ever."""
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        raise TypeError("a measurement keeps no cookies")

    async def ask(
        self,
        url: httpx.URL,
        way: Way,
        record: LegRecord,
        *,
        range_bytes: int = 0,
        accept: str = ANYTHING,
    ) -> httpx.Response:
        """Up to the head of the answer to a request with the headers of every leg
        (``probe.measure.http.http.headers``). Until it is closed, or ``record`` ended, the
        connection stays.

        Raises as ``WireTransport`` does, and ``httpx.InvalidURL``.
        """
        request = httpx.Request(
            "GET",
            url,
            headers=_headers(url.netloc, range_bytes, accept),
            stream=_NO_BODY,
            extensions={"way": way, "record": record, "timeout": None},
        )
        return await self.send(request, stream=True, auth=_NO_LOGIN, follow_redirects=False)


class _NoLogin(httpx.Auth):
    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The request as it is, whatever its URL says of a user."""
        yield request


_NO_LOGIN = _NoLogin()


@lru_cache(maxsize=256)
def _headers(host: bytes, range_bytes: int, accept: str) -> httpx.Headers:
    """Mostly those of the round before. Each request copies them."""
    return httpx.Headers(headers(host, range_bytes, accept))


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave them where they are."""


_NO_COOKIES = _NoCookies()


class _Answer(httpx.Response):
    """Keeps the stream that it was made with. httpx wraps it in one that knows the answer, to note
    when it is closed; that circle would keep the record, with its TLS session, until Python next
    looks for circles."""

    _body: _Stream | None = None
    _made_at = 0.0

    @property  # type: ignore[override]
    def stream(self) -> _Stream | None:
        """The body."""
        return self._body

    @stream.setter
    def stream(self, stream: _Stream) -> None:
        if self._body is None:
            self._body = stream
            self._made_at = time.monotonic()

    async def aclose(self) -> None:
        """Close it, and say how long it took to read."""
        if not self.is_closed:
            self.elapsed = timedelta(seconds=time.monotonic() - self._made_at)
        await super().aclose()


class _Body(httpx.AsyncByteStream):
    """The body as it comes, to the most that the way allows. It is gone through once, and is its
    own iterator: a generator costs the event loop more than a part does."""

    def __init__(
        self, record: LegRecord, exchange: Exchange, most_bytes: int, seconds: float | None
    ) -> None:
        self._record = record
        self._exchange = exchange
        self._most_bytes = most_bytes
        self._seconds = seconds
        self.extensions: dict[str, Any] | None = None
        """Where to say at the end what was measured."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._record.enter(Phase.TRANSFER)
        self._exchange.begin_body(self._most_bytes)
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await _within(self._seconds, self._exchange.part())
        except Exception as error:
            raise _transport_error(self._record.failed(error)) from error
        except BaseException:
            self._record.end()  # cancelled
            raise
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Close the connection."""
        self._record.end()
        if self.extensions is not None:
            self.extensions.update(self._record.summary())


async def _within(seconds: float | None, wait: Coroutine[Any, Any, _Found]) -> _Found:
    """What ``wait`` gives, if that is within ``seconds`` (``None``: whenever that is)."""
    if seconds is None:
        return await wait
    async with asyncio.timeout(seconds):
        return await wait


async def _asked(
    request: httpx.Request, way: Way, record: LegRecord, waits: dict[str, float | None]
) -> Exchange:
    """Up to the head of the answer. Raises whatever goes wrong."""
    url, fields = request.url, request.headers.raw
    exchange, first = record.exchange, None
    if exchange is None:
        await _within(waits.get("connect"), reach(way, record, url))
        if way.wait_seconds:
            await asyncio.sleep(way.wait_seconds)
        assert record.wire is not None
        exchange = record.exchange = Exchange(record.wire, record.tls, updates=way.updates)
    else:
        first = exchange.sent
        if not await exchange.may_ask_again():
            raise Unheard("the first answer does not end, or the connection ends with it")
    record.enter(Phase.PROCESSING)
    record.redirected = first
    try:
        await _within(waits.get("read"), exchange.request(url, fields))
    except Unheard:
        record.redirected = None
        raise
    return exchange


def _transport_error(failure: Failure) -> httpx.TransportError:
    text = f"{failure.phase.value}: {failure.reason}"
    connecting = failure.phase in (Phase.CONNECT, Phase.TLS)
    if failure.reason == TIMEOUT:
        return (httpx.ConnectTimeout if connecting else httpx.ReadTimeout)(text)
    if connecting:
        return httpx.ConnectError(text)
    if failure.reason == PROTOCOL_ERROR:
        return httpx.RemoteProtocolError(text)
    return httpx.ReadError(text)


def _told(url: httpx.URL, exchange: Exchange) -> Sequence[tuple[bytes, bytes]]:
    """The fields of the head, without a ``Location`` that httpx could not make a request of: it
    tries to, also where nobody follows."""
    if exchange.location is not None:
        try:
            url.join(exchange.location)
        except (httpx.InvalidURL, ValueError):
            return [each for each in exchange.fields if each[0] != b"location"]
    return exchange.fields
