"""One request by a vantage's way, for a small document or with one: bounded, with neither redirect
nor cookie, as little as possible said of who asks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from enum import StrEnum

import httpx
from msgspec import Struct

from probe.config.schema import Config, VantageConfig
from probe.measure.http.too_much import TooMuchError
from probe.model.identity import Role

TIMEOUT_SECONDS = 20.0
_FAILURES = (httpx.InvalidURL, OSError, ValueError)
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"')
_MOST_ETAG = 128
_SECONDS = re.compile(r"[0-9]{1,9}")
MOST_WAIT_SECONDS = 3_600.0


class FetchTrouble(StrEnum):
    """Why there is no document."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    STATUS = "status"
    TOO_LARGE = "too_large"


class Fetched(Struct, frozen=True, kw_only=True):
    """A document and its ``etag`` (empty: none). ``body`` is ``None`` if it is the one that had the
    ETag that was given."""

    body: bytes | None
    etag: str = ""


class Answered(Struct, frozen=True, kw_only=True):
    """What was answered to a document that was handed in. ``wait_seconds``: for how long whoever
    answers asks to be left alone, an hour at most."""

    status: int
    body: bytes
    wait_seconds: float = 0.0


async def fetch(
    url: str,
    way: VantageConfig,
    *,
    ca_file: str | None,
    etag: str,
    most_bytes: int,
    bearer: str = "",
) -> Fetched | FetchTrouble:
    """The document at ``url``, asked for from ``way``. ``ca_file``: PEM certificates to trust
    instead of the system's; ``bearer``: a credential. Never raises for what the network does."""
    # Loaded by the first who asks, or before (``probe/daemon/made_ready.py``).
    from probe.measure.http.one_request import ask

    headers = {"Accept-Encoding": "identity", "User-Agent": "throttlewatch"}
    if etag:
        headers["If-None-Match"] = etag
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            status, told, body = await ask(
                "GET",
                url,
                way,
                ca_file=ca_file,
                headers=headers,
                most_bytes=most_bytes,
                seconds=TIMEOUT_SECONDS,
            )
    except TimeoutError:
        return FetchTrouble.TIMEOUT
    except TooMuchError:
        return FetchTrouble.TOO_LARGE
    except _FAILURES:
        return FetchTrouble.UNREACHABLE
    if status == httpx.codes.NOT_MODIFIED and etag:
        return Fetched(body=None, etag=etag)
    if status != httpx.codes.OK:
        return FetchTrouble.STATUS
    if len(body) > most_bytes:
        return FetchTrouble.TOO_LARGE
    return Fetched(body=body, etag=_etag(told.get("etag", "")))


async def hand_in(
    url: str,
    way: VantageConfig,
    content: bytes,
    *,
    headers: Mapping[str, str],
    ca_file: str | None,
    bearer: str = "",
    most_bytes: int,
    seconds: float,
) -> Answered | FetchTrouble:
    """POST ``content`` (described by ``headers``) to ``url`` from ``way``, within ``seconds``; of
    the answer ``most_bytes`` are read. Never raises for what the network does."""
    from probe.measure.http.one_request import ask

    said = {"Accept-Encoding": "identity", "User-Agent": "throttlewatch", **headers}
    if bearer:
        said["Authorization"] = f"Bearer {bearer}"
    try:
        async with asyncio.timeout(seconds):
            status, told, body = await ask(
                "POST",
                url,
                way,
                ca_file=ca_file,
                headers=said,
                most_bytes=most_bytes,
                seconds=TIMEOUT_SECONDS,
                content=content,
            )
    except TimeoutError:
        return FetchTrouble.TIMEOUT
    except TooMuchError:
        return FetchTrouble.TOO_LARGE
    except _FAILURES:
        return FetchTrouble.UNREACHABLE
    if len(body) > most_bytes:
        return FetchTrouble.TOO_LARGE
    return Answered(status=status, body=body, wait_seconds=_wait(told.get("retry-after", "")))


def way_of(config: Config, vantage: str | None) -> VantageConfig:
    """The vantage by whose way a document is asked for: the named one, or the first inside."""
    vantages = config.settings.vantages
    named = (v for v in vantages if v.name == vantage)
    inside = (v for v in vantages if v.role is Role.INSIDE)
    return next(named, None) or next(inside, vantages[0])


def _wait(said: str) -> float:
    """Seconds, as a hub says them; a date, or anything else, is none."""
    return min(float(said), MOST_WAIT_SECONDS) if _SECONDS.fullmatch(said) else 0.0


def _etag(said: str) -> str:
    """What may be said again in the next request (RFC 9110, 8.8.3); empty: nothing. Whatever else
    stood in it would make every later request one that cannot be sent, or is refused."""
    return said if len(said) <= _MOST_ETAG and _ETAG.fullmatch(said) else ""
