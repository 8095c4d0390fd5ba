"""One request to a receiver of remote write: what is sent, and with which bounds it is answered.

httpcore is httpx without what a sender of samples must not have: cookies, redirections, proxies and
passwords from the environment, and answers that are unpacked or put into some other alphabet.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore

from probe import __version__
from probe.config.readable import Unreadable, must_be_file, read_text
from probe.config.schema import ForwardConfig
from probe.publish.forward.remote_write_answer import (
    MOST_BODY_BYTES,
    ReceiverAnswer,
    ReceiverResult,
    judge,
)
from probe.publish.forward.remote_write_message import HEADERS

MOST_ANSWER_BYTES = 262_144
"""Of a whole answer, TLS and interim answers included: they need not end by themselves."""
# What a header can carry (RFC 9110, 5.5), and a file with a token has.
_TOKEN = re.compile(r"[!-~]{1,8192}")


class Receiver:
    """Sends bodies to ``config.url``. Files with credentials are read for each request."""

    def __init__(self, config: ForwardConfig) -> None:
        """Raises ``OSError`` if the ``ca_file`` cannot be used."""
        assert config.url is not None
        if config.ca_file is not None:
            must_be_file(config.ca_file)
        self._url = config.url
        self._config = config
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(cafile=config.ca_file),
            proxy=None if config.proxy is None else _proxy(config.proxy),
            max_connections=1,
            keepalive_expiry=120.0,
            network_backend=_Bounded(),
        )

    async def send(self, body: bytes) -> ReceiverAnswer:
        """One attempt. Never raises for what the network does."""
        try:
            authorization = await asyncio.to_thread(self._authorization)
        except Unreadable as error:
            return ReceiverAnswer(
                result=ReceiverResult.DENIED, reason="credentials", text=str(error)
            )
        seconds = float(self._config.timeout)
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        try:
            # Those are of each operation; a drip could outlast them.
            async with asyncio.timeout(2 * seconds):
                return await self._exchange(body, authorization, timeouts)
        except (TimeoutError, httpcore.TimeoutException):
            return ReceiverAnswer(
                result=ReceiverResult.LATER, reason="timeout", text="no whole answer in time"
            )
        except _TooMuch:
            text = f"an answer of more than {MOST_ANSWER_BYTES} bytes"
            return ReceiverAnswer(result=ReceiverResult.LATER, reason="not_a_receiver", text=text)
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.ProxyError,
            OSError,
        ) as error:
            return ReceiverAnswer(
                result=ReceiverResult.LATER, reason="unreachable", text=_why(error)
            )

    async def close(self) -> None:
        """Close its connections."""
        await self._pool.aclose()

    async def _exchange(
        self, body: bytes, authorization: dict[str, str], timeouts: dict[str, float]
    ) -> ReceiverAnswer:
        headers = {
            "Host": urlsplit(self._url).netloc,
            "Accept-Encoding": "identity",
            "User-Agent": f"throttlewatch/{__version__}",
            "Content-Length": str(len(body)),
            # From which a hub tells how wrong this clock is; what waited is sent late.
            "Date": formatdate(time.time(), usegmt=True),
            **HEADERS,
            **authorization,
        }
        read, whole = b"", True
        async with self._pool.stream(
            "POST",
            self._url,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=body,
            extensions={"timeout": timeouts},
        ) as response:
            async for part in response.aiter_stream():
                read += part
                if len(read) > MOST_BODY_BYTES:
                    read, whole = read[:MOST_BODY_BYTES], False
                    break
        found = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        return judge(response.status, found, read, whole_body=whole, now=time.time())

    def _authorization(self) -> dict[str, str]:
        """Raises ``Unreadable``, whose text names no path: it goes to the log."""
        config = self._config
        if config.bearer_token_file is not None:
            token = _secret("bearer_token_file", config.bearer_token_file).strip()
            if not _TOKEN.fullmatch(token):
                raise Unreadable("forward.bearer_token_file: not one line that a header can carry")
            return {"Authorization": f"Bearer {token}"}
        if config.username is not None and config.password_file is not None:
            password = _secret("password_file", config.password_file).rstrip("\r\n")
            pair = base64.b64encode(f"{config.username}:{password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}


def _secret(key: str, file: str) -> str:
    try:
        return read_text(Path(file))
    except Unreadable as error:
        raise Unreadable(f"forward.{key}: {error}") from error


def _proxy(url: str) -> httpcore.Proxy:
    parts = urlsplit(url)
    default = 1080 if parts.scheme == "socks5" else 80
    place = httpcore.URL(
        scheme=parts.scheme.encode(),
        host=(parts.hostname or "").encode(),
        port=parts.port or default,
        target=b"/",
    )
    if parts.username is None:
        return httpcore.Proxy(place)
    user, password = unquote(parts.username), unquote(parts.password or "")
    return httpcore.Proxy(place, auth=(user.encode(), password.encode()))


def _why(error: Exception) -> str:
    """In words of ours: an error's own text may quote the far end, or hold an address."""
    if isinstance(error, httpcore.ProxyError):
        return "the proxy does not let it through"
    if isinstance(error, httpcore.ProtocolError):
        return "what answers speaks no HTTP, or ended in the midst of an answer"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate is not believed"
        if isinstance(cause, ssl.SSLError):
            return "no TLS with it"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError):
        return "no connection"
    return "the connection broke"


class _TooMuch(Exception):  # noqa: N818 - it ends the reading
    """The far end does not stop."""


class _Bounded(httpcore.AsyncNetworkBackend):
    """Connections on which only so much is read after something was written."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(await self._inner.connect_tcp(*args, **kwargs))

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _BoundedStream(httpcore.AsyncNetworkStream):
    """Raises ``_TooMuch``."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._read = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._read > MOST_ANSWER_BYTES:
            raise _TooMuch
        content = await self._inner.read(max_bytes, timeout)
        self._read += len(content)
        return content

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._read = 0
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(await self._inner.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
