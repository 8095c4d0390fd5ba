"""One request to a receiver of remote write, and what its answer means."""

from __future__ import annotations

import asyncio
import email.utils
import ssl
import time
from enum import StrEnum
from pathlib import Path

import httpx
from msgspec import Struct

from probe import __version__
from probe.config.schema import ForwardConfig
from probe.publish.remote_write_message import HEADERS

# What a receiver may ask us to wait, at most.
LONGEST_WAIT_SECONDS = 3_600.0
_SHOWN = 300


class Result(StrEnum):
    """``refused``: these samples will never be taken; send the next. ``too_large``: send less at
    once. ``later``: not now, try again. ``denied``: our credentials or the address are wrong; the
    samples are kept, because a person can put that right."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    LATER = "later"
    DENIED = "denied"


class Answer(Struct, frozen=True, kw_only=True):
    """``reason`` is one of a closed set (docs/forwarding.md); ``text`` is for people.
    ``wait_seconds`` is what the receiver asked for."""

    result: Result
    reason: str = ""
    text: str = ""
    wait_seconds: float | None = None


# Words that receivers use (Prometheus, Mimir, Thanos), and our reason; the first that fits.
_REFUSALS = (
    ("too_old", ("too old", "out of bounds", "timestamp-too-old", "too far in the past")),
    ("out_of_order", ("out of order", "out-of-order")),
    ("duplicate", ("duplicate sample", "duplicate-timestamp", "repeated sample")),
    ("too_new", ("too far in the future", "too-far-in-future")),
)


class Receiver:
    """Sends bodies to ``config.url``. Files with credentials are read for each request."""

    def __init__(self, config: ForwardConfig) -> None:
        """Raises ``OSError`` if the ``ca_file`` cannot be used."""
        assert config.url is not None
        self._url = config.url
        self._config = config
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=config.ca_file),
            proxy=config.proxy,
            # Neither a proxy nor a password that the configuration does not name.
            trust_env=False,
            follow_redirects=False,
            timeout=float(config.timeout),
            headers={**HEADERS, "User-Agent": f"throttlewatch/{__version__}"},
        )

    async def send(self, body: bytes) -> Answer:
        """One attempt. Never raises for what the network does."""
        try:
            authorization = await asyncio.to_thread(self._authorization)
        except (OSError, UnicodeDecodeError) as error:
            return Answer(result=Result.DENIED, reason="credentials", text=str(error))
        try:
            # httpx's timeouts are those of each operation; a drip could outlast them.
            async with asyncio.timeout(2 * float(self._config.timeout)):
                response = await self._client.post(self._url, content=body, headers=authorization)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(result=Result.LATER, reason="timeout", text="no answer in time")
        except (httpx.HTTPError, OSError) as error:
            text = str(error) or type(error).__name__
            return Answer(result=Result.LATER, reason="unreachable", text=text)
        wait = _wait_seconds(response.headers.get("retry-after", ""))
        return judge(response.status_code, response.text[:_SHOWN], wait)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    def _authorization(self) -> dict[str, str]:
        if self._config.bearer_token_file is not None:
            token = Path(self._config.bearer_token_file).read_text().strip()
            return {"Authorization": f"Bearer {token}"}
        if self._config.username is not None and self._config.password_file is not None:
            password = Path(self._config.password_file).read_text().rstrip("\r\n")
            auth = httpx.BasicAuth(self._config.username, password)
            request = next(auth.auth_flow(httpx.Request("POST", self._url)))
            return {"Authorization": request.headers["Authorization"]}
        return {}


def judge(status: int, text: str, wait_seconds: float | None = None) -> Answer:
    """What an answer means. Everything that may pass is tried again; only what the receiver says of
    the samples themselves gives them up."""
    text = " ".join(text.split())
    if 200 <= status < 300:
        return Answer(result=Result.ACCEPTED)
    if status == 413:
        return Answer(result=Result.TOO_LARGE, reason="too_large", text=text)
    if status == 429 or status >= 500:
        return Answer(
            result=Result.LATER,
            reason="rate_limited" if status == 429 else "server_error",
            text=str(status),
            wait_seconds=wait_seconds,
        )
    if status in (400, 409, 422):
        lower = text.lower()
        reason = next((r for r, words in _REFUSALS if any(w in lower for w in words)), "other")
        return Answer(result=Result.REFUSED, reason=reason, text=f"{status} {text}")
    # A proxy's page may name who asked, and this goes to the log.
    return Answer(result=Result.DENIED, reason="denied", text=str(status))


def _wait_seconds(header: str) -> float | None:
    """``Retry-After``: seconds, or a date."""
    if header.strip().isdecimal():
        return min(float(header), LONGEST_WAIT_SECONDS)
    try:
        at = email.utils.parsedate_to_datetime(header).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, at - time.time()), LONGEST_WAIT_SECONDS)
