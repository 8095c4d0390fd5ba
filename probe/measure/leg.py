"""Measure one leg: one connection, one request, one answer, one deadline.

One attempt: no retry, no second address, no connection kept, no redirect followed, nothing
decompressed. Everything that the network does, or does not do, is in the observation.
"""

from __future__ import annotations

import asyncio

from probe.config.schema import VantageConfig
from probe.measure.attempt import attempt, reach
from probe.measure.failures import TIMEOUT, UNEXPECTED_STATUS, failure_of
from probe.measure.lookout import Lookout
from probe.measure.record import Record
from probe.measure.trust import Trust
from probe.model.failure import BODY_TOO_SHORT, Failure
from probe.model.identity import Answer, Phase
from probe.model.observation import Leg, LegObservation


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
    if http.status not in leg.expect_status:
        return Failure(
            phase=Phase.PROCESSING, reason=UNEXPECTED_STATUS, detail=f"status {http.status}"
        )
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
