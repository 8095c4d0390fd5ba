"""A prober of a test: says a word to the far end, and waits until it comes back."""

from __future__ import annotations

import asyncio
import time

from probe.config.schema import VantageConfig
from probe.measure.connection.lookout import Lookout
from probe.measure.one_leg.failures import failure_of
from probe.measure.one_leg.pulse import Pulse
from probe.measure.tls.trust import Trust
from probe.model.failure import Failure
from probe.model.identity import Phase
from probe.model.observation import Clock, Leg, LegObservation

WORD = b"hello\n"


async def measure_toy(
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
    """Carry ``leg`` out."""
    began, at = time.monotonic(), time.time()
    failure: Failure | None = None
    try:
        async with asyncio.timeout(deadline_seconds):
            reader, writer = await asyncio.open_connection(address, leg.port)
            writer.write(WORD)
            assert await reader.readline() == WORD
            writer.close()
    except Exception as error:
        failure = failure_of(error, Phase.PROCESSING)
    seconds = time.monotonic() - began
    return LegObservation(
        leg=leg,
        order=order,
        started_at=at,
        duration_seconds=seconds,
        clock=Clock.LOOP,
        address=address,
        phases={Phase.PROCESSING: seconds},
        failure=failure,
        wire_bytes_sent=1_000_000,
        wire_bytes_received=1_000_000,
    )
