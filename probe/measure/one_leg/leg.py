"""Measure one leg: one connection, one request, one answer, one deadline.

One attempt: no retry, no second address, no connection kept, no redirect followed but one to
another path of the same host (on the same connection, so without a look-up or a handshake), nothing
decompressed. Everything that the network does, or does not do, is in the observation.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

import httpx

from probe.config.schema import VantageConfig
from probe.measure.connection.lookout import Lookout
from probe.measure.http.http import Exchange, Unheard
from probe.measure.http.transport import Client
from probe.measure.objects.links import Unusable, usable
from probe.measure.one_leg.attempt import Way, reach
from probe.measure.one_leg.failures import TIMEOUT, UNEXPECTED_STATUS, failure_of
from probe.measure.one_leg.leg_record import LegRecord
from probe.measure.one_leg.pulse import Pulse
from probe.measure.tls.trust import Trust
from probe.model.failure import BODY_TOO_SHORT, PAGE_INSTEAD, Failure
from probe.model.identity import Answer, Phase
from probe.model.observation import Leg, LegObservation

# RFC 9110, 15.4: those that a GET follows to another URL.
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CLIENT = Client()
# A leg's URL is mostly that of the round before.
_parsed = lru_cache(maxsize=256)(httpx.URL)


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
    pulse: Pulse | None = None,
) -> LegObservation:
    """Carry ``leg`` out against ``address`` from the vantage ``via``.

    ``address`` may be ``None`` only if the vantage has a proxy, which then resolves
    ``leg.connect_to`` itself. ``deadline_seconds`` bounds everything that happens here (not the
    look-up before, whose ``resolve_seconds`` are only passed on). ``lookout``: the process' own, if
    it makes several legs at once. ``pulse``: is told what moves, and may end it earlier. Raises
    nothing but cancellation; then, too, the connection is closed.

    With a proxy the connect phase lasts until the tunnel stands, ``connect_rtt_seconds`` and
    ``tcp`` are ``None`` (the kernel only knows the way to the proxy), and the bytes on the wire are
    those between here and the proxy.
    """
    record = LegRecord()
    failure: Failure | None = None
    try:
        way = Way.of(leg, address=address, via=via, trust=trust, lookout=lookout)
        async with asyncio.timeout(deadline_seconds) as deadline:
            if pulse is not None:
                pulse.follow(record.signs, deadline)
            failure = await _exchange(leg, way, record)
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


async def _exchange(leg: Leg, way: Way, record: LegRecord) -> Failure | None:
    url = _parsed(leg.url)  # nobody is asked for what cannot be asked for
    if leg.answer is Answer.ANY:
        await reach(way, record, url)
        return None
    try:
        answer = await _CLIENT.ask(url, way, record, range_bytes=leg.range_bytes)
        assert record.exchange is not None
        said = ""
        if answer.status_code in _REDIRECTS and answer.status_code not in leg.expect_status:
            following = _on_the_same_host(leg, record.exchange)
            if isinstance(following, Unusable):
                said = f", a redirect that is not followed: {following.why}"
            else:
                answer = await _CLIENT.ask(following, way, record, range_bytes=leg.range_bytes)
                said = ", after a redirect"
        if answer.status_code not in leg.expect_status:
            return _unexpected(answer.status_code, said)
        if leg.not_a_page and record.exchange.facts is not None and record.exchange.facts.is_page:
            return Failure(
                phase=Phase.PROCESSING,
                reason=PAGE_INSTEAD,
                detail="a page (text/html) in the place of the object",
            )
        # Only counted, so without what httpx puts around for whoever looks at it.
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        async for _ in answer.stream:
            pass
    except Unheard:
        return _unexpected(answer.status_code, ", a redirect, and the connection ends with it")
    except httpx.TransportError:
        # None: httpx itself raised it, and it is a fault of ours.
        if record.failure is None:
            raise
        return record.failure
    got = record.exchange.body_bytes or 0
    expected = min(leg.min_bytes, leg.max_bytes, leg.range_bytes or leg.max_bytes)
    if got < expected:
        return Failure(
            phase=Phase.TRANSFER,
            reason=BODY_TOO_SHORT,
            detail=f"{got} bytes, at least {expected} expected",
        )
    return None


def _unexpected(status: int, more: str) -> Failure:
    return Failure(
        phase=Phase.PROCESSING, reason=UNEXPECTED_STATUS, detail=f"status {status}{more}"
    )


def _on_the_same_host(leg: Leg, exchange: Exchange) -> httpx.URL | Unusable:
    """Where a redirect leads, if that can be asked for on the connection that there is."""
    if exchange.facts is not None and exchange.facts.retry_after_seconds:
        return Unusable("it asks to wait")
    own = _parsed(leg.url)
    if exchange.location is None:
        return Unusable("it leads nowhere")
    url = usable(leg.url, exchange.location, (own.raw_host.decode("ascii"),))
    if isinstance(url, Unusable):
        return url
    following = httpx.URL(url)
    # httpx leaves out a port that is the scheme's own.
    return following if following.port == own.port else Unusable("it leads to another port")
