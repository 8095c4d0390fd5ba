"""Records what ``/metrics`` shows at each point of a 60-second grid, to be forwarded.

Results come every few minutes and Prometheus looks back five, so a series that is forwarded only
when it is measured has holes; on the grid it has none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from prometheus_client.registry import Collector

from probe.store.samples import GRID_SECONDS, Labels
from probe.store.writer import Store

log = logging.getLogger(__name__)

# 2025-01-01. A host without a clock of its own starts before that; such times are not forwarded.
BELIEVABLE_SINCE = 1_735_689_600.0
# A point is that of the time at which it was recorded, give or take this.
LATEST_SECONDS = 10.0


def values(collector: Collector) -> dict[Labels, float]:
    """Every series of ``collector`` under the name and labels that ``/metrics`` gives it."""
    return {
        tuple(sorted({**sample.labels, "__name__": sample.name}.items())): float(sample.value)
        for metric in collector.collect()
        for sample in metric.samples
    }


class Sampler:
    """Records until it is cancelled. ``collector`` makes what ``/metrics`` shows now."""

    def __init__(
        self,
        store: Store,
        collector: Callable[[], Collector],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._collector = collector
        self._wall = wall

    async def run(self) -> None:
        """At each point of the grid."""
        last = 0
        while True:
            now = self._wall()
            await asyncio.sleep(GRID_SECONDS - now % GRID_SECONDS)
            at = self._wall()
            point = round(at / GRID_SECONDS) * GRID_SECONDS
            # Woken late (the machine slept) or at another time (the clock was set): it is missing.
            if abs(at - point) > LATEST_SECONDS or at < BELIEVABLE_SINCE or point == last:
                continue
            last = point
            try:
                collector = self._collector()
                self._store.sample(point, await asyncio.to_thread(values, collector))
            except Exception:
                log.exception("a point of the metrics was not recorded")
