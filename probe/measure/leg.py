"""Measure one leg: one connection, one request, one answer, one deadline.

One attempt: no retry, no second address, no connection kept, no redirect followed but one to
another path of the same host (on the same connection, so without a look-up or a handshake), nothing
decompressed. Everything that the network does, or does not do, is in the observation.
"""

from __future__ import annotations

import asyncio

import httpx

from probe.config.schema import VantageConfig
from probe.measure.attempt import attempt, reach
from probe.measure.failures import TIMEOUT, UNEXPECTED_STATUS, failure_of
from probe.measure.http import Unheard
from probe.measure.links import Unusable, usable
from probe.measure.lookout import Lookout
from probe.measure.record import Record
from probe.measure.trust import Trust
from probe.model.failure import BODY_TOO_SHORT, Failure
from probe.model.identity import Answer, Phase
from probe.model.observation import HttpFacts, Leg, LegObservation

# RFC 9110, 15.4: those that a GET follows to another URL.
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def measure_leg(
    leg: Leg,
    *,
    address: str | None,
    via: VantageConfig,
    trust: Trust,
    deadline_seconds: float,
    order: int,
    resolve_seconds: float | None = None,
    seen_names: tuple[str, ...] = (),
    lookout: Lookout | None = None,
) -> LegObservation:
    """Carry ``leg`` out against ``address`` from the vantage ``via``.

    ``address`` may be ``None`` only if the vantage has a proxy, which then resolves
    ``leg.connect_to`` itself. ``deadline_seconds`` bounds everything that happens here (not the
    look-up before, whose ``resolve_seconds`` are only passed on). ``lookout``: the process' own, if
    it makes several legs at once. Raises nothing but cancellation; then, too, the connection is
    closed.

    With a proxy the connect phase lasts until the tunnel stands, ``connect_rtt_seconds`` and
    ``tcp`` are ``None`` (the kernel only knows the way to the proxy), and the bytes on the wire are
    those between here and the proxy.
    """
    record = Record()
    failure: Failure | None = None
    try:
        async with asyncio.timeout(deadline_seconds) as deadline:
            failure = await _exchange(
                leg, record, address=address, via=via, trust=trust, lookout=lookout
            )
    except Exception as error:
        # Far ends can make the libraries below us raise what their authors did not think of; a
        # daemon must outlive that. The type of such an error is in the failure's detail.
        failure = (
            Failure(phase=record.phase, reason=TIMEOUT, detail="the leg's deadline passed")
            if deadline.expired() and isinstance(error, TimeoutError)
            else failure_of(error, record.phase)
        )
    finally:
        record.end(failure)
    return record.observation(
        leg,
        order=order,
        address=address,
        resolve_seconds=resolve_seconds,
        seen_names=seen_names,
    )


async def _exchange(
    leg: Leg,
    record: Record,
    *,
    address: str | None,
    via: VantageConfig,
    trust: Trust,
    lookout: Lookout | None,
) -> Failure | None:
    if leg.answer is Answer.ANY:
        await reach(leg, record, address=address, via=via, trust=trust, lookout=lookout)
        return None
    http = await attempt(leg, record, address=address, via=via, trust=trust, lookout=lookout)
    assert record.exchange is not None
    said = ""
    if http.status in _REDIRECTS and http.status not in leg.expect_status:
        following = _on_the_same_host(leg, http, record.exchange.location)
        if isinstance(following, Unusable):
            said = f", a redirect that is not followed: {following.why}"
        elif (second := await _follow(leg, record, following)) is not None:
            http, said = second, ", after a redirect"
        else:
            return _unexpected(http, ", a redirect, and the connection ends with it")
    if http.status not in leg.expect_status:
        return _unexpected(http, said)
    record.enter(Phase.TRANSFER)
    await record.exchange.read_body(leg.max_bytes)
    got = record.exchange.body_bytes or 0
    expected = min(leg.min_bytes, leg.max_bytes, leg.range_bytes or leg.max_bytes)
    if got < expected:
        return Failure(
            phase=Phase.TRANSFER,
            reason=BODY_TOO_SHORT,
            detail=f"{got} bytes, at least {expected} expected",
        )
    return None


async def _follow(leg: Leg, record: Record, url: httpx.URL) -> HttpFacts | None:
    """Ask for ``url`` on the connection that there is; ``None``: the far end ended it."""
    exchange = record.exchange
    assert exchange is not None
    first = exchange.sent
    if not await exchange.may_ask_again():
        return None
    record.enter(Phase.PROCESSING)
    record.redirected = first
    try:
        return await exchange.request(url, leg.range_bytes)
    except Unheard:
        record.redirected = None
        return None


def _unexpected(http: HttpFacts, more: str) -> Failure:
    return Failure(
        phase=Phase.PROCESSING, reason=UNEXPECTED_STATUS, detail=f"status {http.status}{more}"
    )


def _on_the_same_host(leg: Leg, http: HttpFacts, location: str | None) -> httpx.URL | Unusable:
    """Where a redirect leads, if that can be asked for on the connection that there is."""
    if http.retry_after_seconds:
        return Unusable("it asks to wait")
    own = httpx.URL(leg.url)
    if location is None:
        return Unusable("it leads nowhere")
    url = usable(leg.url, location, (own.raw_host.decode("ascii"),))
    if isinstance(url, Unusable):
        return url
    following = httpx.URL(url)
    # httpx leaves out a port that is the scheme's own.
    return following if following.port == own.port else Unusable("it leads to another port")
