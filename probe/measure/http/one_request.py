"""The exchange under ``fetch``: httpcore's, on a connection that is bounded.

Its library is a part of a daemon's memory that only those need who ask for documents, so it is
loaded by those (``probe/daemon/made_ready.py``).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpcore
import httpx

from probe.config.schema import VantageConfig
from probe.measure.http.bounded import Bounded, proxy_at

# Beside a document: heads, interim answers, sizes of chunks. Small chunks double it at most.
_FRAMING_BYTES = 131_072
_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


async def ask(
    method: str,
    url: str,
    way: VantageConfig,
    *,
    ca_file: str | None,
    headers: Mapping[str, str],
    most_bytes: int,
    seconds: float,
    content: bytes | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers by their names in small letters, and the body, or its first bytes,
    more than ``most_bytes``. Each wait takes ``seconds`` at most.

    Raises ``TimeoutError``, ``TooMuchError``, ``ConnectionError`` for whatever else the network
    does, and ``httpx.InvalidURL``, ``OSError`` or ``ValueError`` for what cannot be asked.
    """
    bound = []
    if way.interface is not None:
        name = way.interface.encode() + b"\0"
        bound.append((socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name))
    place = httpx.URL(url)
    pool = httpcore.AsyncConnectionPool(
        ssl_context=await asyncio.to_thread(ssl.create_default_context, cafile=ca_file),
        proxy=None if way.proxy is None else proxy_at(way.proxy),
        local_address=way.source_address,
        socket_options=bound,
        network_backend=Bounded(2 * most_bytes + _FRAMING_BYTES),
    )
    said = {"Host": place.netloc.decode(), **headers}
    if content is not None:
        said["Content-Length"] = str(len(content))
    with _in_our_words():
        async with (
            pool,
            pool.stream(
                method,
                httpcore.URL(
                    scheme=place.raw_scheme,
                    host=place.raw_host,
                    port=place.port,
                    target=place.raw_path,
                ),
                headers=[(name.encode(), value.encode()) for name, value in said.items()],
                content=content,
                extensions={
                    "timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds),
                },
            ) as response,
        ):
            body = b""
            async for part in response.aiter_stream():
                body += part
                if len(body) > most_bytes:
                    break
            return response.status, _told(response.headers), body


@contextmanager
def _in_our_words() -> Iterator[None]:
    """What httpcore raises, as what every program knows."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise TimeoutError from error
    except _FAILURES as error:
        raise ConnectionError from error


def _told(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
