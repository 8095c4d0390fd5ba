"""Fetch a page in which a link is looked for, on the same wire as the legs.

Pages are read and forgotten: some echo the client's address, so they are never stored or logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
from msgspec import Struct

from probe.config.schema import VantageConfig
from probe.measure.http.transport import Client
from probe.measure.one_leg.attempt import Way
from probe.measure.one_leg.failures import TIMEOUT, failure_of
from probe.measure.one_leg.leg_record import LegRecord
from probe.measure.one_leg.pulse import Pulse
from probe.measure.tls.trust import Trust
from probe.model.failure import Failure

_CLIENT = Client()


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
    pulse: Pulse | None = None,
) -> Page | Failure:
    """Fetch ``url`` from ``address`` (``None``: the vantage's proxy resolves), following nothing.

    At most ``max_bytes`` of the body are read; ``range_bytes`` (0: all) are asked for.
    ``count`` is told the bytes on the wire, both ways; ``pulse`` what moves. Raises nothing but
    cancellation.
    """
    record = LegRecord()
    body = bytearray()
    try:
        async with asyncio.timeout(deadline_seconds) as deadline:
            if pulse is not None:
                pulse.follow(record.signs, deadline)
            # As a control's object would be asked for: every name is the URL's host.
            way = Way(trust=trust, via=via, address=address, max_bytes=max_bytes)
            answer = await _CLIENT.ask(httpx.URL(url), way, record, range_bytes=range_bytes)
            async for part in answer.aiter_raw():
                body += part
    except Exception as error:
        if deadline.expired() and isinstance(error, TimeoutError):
            return Failure(phase=record.phase, reason=TIMEOUT, detail="the deadline passed")
        return record.failure or failure_of(error, record.phase)
    finally:
        record.end()
        account = record.wire.account if record.wire is not None else None
        if account is not None:
            count((account.wire_bytes_sent or 0) + (account.wire_bytes_received or 0))
    exchange = record.exchange
    assert exchange is not None
    assert exchange.facts is not None
    return Page(
        status=answer.status_code,
        url=url,
        body=bytes(body),
        location=exchange.location,
        whole_bytes=exchange.whole_bytes,
        retry_after_seconds=exchange.facts.retry_after_seconds,
    )
