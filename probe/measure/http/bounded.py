"""Answers of a bounded size, whatever they are made of, for requests that measure nothing.

What a client of HTTP hands on can be bounded by whoever reads it. What it does not hand on cannot:
interim answers, what stands beside the sizes of chunks, trailers, a proxy's answer. So the bytes of
the connection are counted. They are read in small parts: a library goes through a whole part before
anybody else has a turn, and 64 KiB of interim answers are 3,600 of them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore

from probe.config.contact import PROXY_PORTS
from probe.measure.http.too_much import TooMuchError

PART_BYTES = 8_192


class Bounded(httpcore.AsyncNetworkBackend):
    """Connections on which ``most_bytes`` are read, and a part, after something was written; then
    they raise ``TooMuchError``."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(await self._inner.connect_tcp(*args, **kwargs), self._most)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _BoundedStream(httpcore.AsyncNetworkStream):
    """Raises ``TooMuchError``."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, most_bytes: int) -> None:
        self._inner, self._most = inner, most_bytes
        self._read = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._read > self._most:
            raise TooMuchError
        content = await self._inner.read(min(max_bytes, PART_BYTES), timeout)
        self._read += len(content)
        return content

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._read = 0
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(await self._inner.start_tls(*args, **kwargs), self._most)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def proxy_at(url: str) -> httpcore.Proxy:
    """The proxy of a configuration, at the port that ``throttlewatch platforms`` lists."""
    parts = urlsplit(url)
    place = httpcore.URL(
        scheme=parts.scheme.encode(),
        host=(parts.hostname or "").encode(),
        port=parts.port or PROXY_PORTS[parts.scheme],
        target=b"/",
    )
    if parts.username is None:
        return httpcore.Proxy(place)
    user, password = unquote(parts.username), unquote(parts.password or "")
    return httpcore.Proxy(place, auth=(user.encode(), password.encode()))
