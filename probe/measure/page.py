"""Fetch a page in which a link is looked for, on the same wire as the legs.

Pages are read and forgotten: some echo the client's address, so they are never stored or logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
from msgspec import Struct

from probe.config.schema import VantageConfig
from probe.measure.attempt import attempt
from probe.measure.failures import TIMEOUT, failure_of
from probe.measure.record import Record
from probe.measure.trust import Trust
from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase
from probe.model.observation import Leg


class Page(Struct, frozen=True, kw_only=True):
    """An answer, whatever its status. ``location`` is where a redirect points, as written;
    ``whole_bytes`` the size of all of it, of which ``body`` may be the beginning, if it is told;
    ``retry_after_seconds`` for how long the host wants to be left alone, if it says so."""

    status: int
    url: str
    body: bytes
    location: str | None = None
    whole_bytes: int | None = None
    retry_after_seconds: float | None = None

    def __repr__(self) -> str:
        return f"Page(status={self.status}, url={self.url!r}, {len(self.body)} bytes)"


async def fetch_page(
    url: str,
    *,
    address: str | None,
    via: VantageConfig,
    trust: Trust,
    deadline_seconds: float,
    max_bytes: int,
    range_bytes: int = 0,
    count: Callable[[int], None] = lambda size: None,
) -> Page | Failure:
    """Fetch ``url`` from ``address`` (``None``: the vantage's proxy resolves), following nothing.

    At most ``max_bytes`` of the body are read; ``range_bytes`` (0: all) are asked for.
    ``count`` is told the bytes on the wire, both ways. Raises nothing but cancellation.
    """
    record = Record()
    body = bytearray()
    try:
        async with asyncio.timeout(deadline_seconds) as deadline:
            leg = _leg(url, max_bytes, range_bytes)
            http = await attempt(leg, record, address=address, via=via, trust=trust)
            record.enter(Phase.TRANSFER)
            assert record.exchange is not None
            await record.exchange.read_body(max_bytes, keep=body)
            location, whole_bytes = record.exchange.location, record.exchange.whole_bytes
    except Exception as error:
        if deadline.expired() and isinstance(error, TimeoutError):
            return Failure(phase=record.phase, reason=TIMEOUT, detail="the deadline passed")
        return failure_of(error, record.phase)
    finally:
        record.end()
        account = record.wire.account if record.wire is not None else None
        if account is not None:
            count((account.wire_bytes_sent or 0) + (account.wire_bytes_received or 0))
    return Page(
        status=http.status,
        url=url,
        body=bytes(body),
        location=location,
        whole_bytes=whole_bytes,
        retry_after_seconds=http.retry_after_seconds,
    )


def _leg(url: str, max_bytes: int, range_bytes: int) -> Leg:
    """A page is asked for as a control's object would be: every name is the URL's host."""
    parts = httpx.URL(url)
    host = parts.raw_host.decode("ascii")
    return Leg(
        role=LegRole.CONTROL,
        owner="",
        target="",
        connect_to=host,
        port=parts.port or (443 if parts.scheme == "https" else 80),
        url=url,
        sni=host,
        certificate_name=host,
        max_bytes=max_bytes,
        range_bytes=range_bytes,
    )
