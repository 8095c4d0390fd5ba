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
from urllib.parse import urlsplit

import httpcore

from probe import __version__
from probe.config.readable import Unreadable, must_be_file, read_text
from probe.config.schema import ForwardConfig
from probe.measure.http.bounded import Bounded, proxy_at
from probe.measure.http.too_much import TooMuchError
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
            proxy=None if config.proxy is None else proxy_at(config.proxy),
            max_connections=1,
            keepalive_expiry=120.0,
            network_backend=Bounded(MOST_ANSWER_BYTES),
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
        except TooMuchError:
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
