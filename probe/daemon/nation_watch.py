"""The nation's findings at every step of its grid, from what the board shows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from probe import start
from probe.config.schema import Config
from probe.measure.this_host.reference_reader import ReferenceReader
from probe.model.finding import Incident
from probe.model.identity import Vantage
from probe.nation.local import Local, sight_of
from probe.nation.sight import GRID_SECONDS
from probe.outlets.events import NationFound
from probe.outlets.outlet import Outlets
from probe.publish.latest.snapshot import Snapshot
from probe.schedule.data_spent import BELIEVABLE_SINCE
from probe.store.cells import json_cell
from probe.store.writer import Store
from probe.verdict.about import operators_of

log = logging.getLogger(__name__)

# Under which the store keeps the incidents that are open.
INCIDENTS = "open-incidents"


class NationWatch:
    """Finds, and keeps the incidents that are open over restarts."""

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        snapshot: Callable[[], Snapshot],
        outside: ReferenceReader,
        outlets: Outlets,
    ) -> None:
        self._light = float(config.settings.schedule.light)
        self._snapshot = snapshot
        self._outside = outside
        self._outlets = outlets
        self._cell = json_cell(store, INCIDENTS, tuple[Incident, ...])
        self.local = Local(config.settings.nation, _titles(config), operators_of(config))
        self.local.resume(self._cell.take() or (), time.time())

    def use(self, config: Config, vantages: tuple[Vantage, ...]) -> None:
        """``config``, which has these ``vantages``, holds from now on."""
        self._light = float(config.settings.schedule.light)
        self.local.configured(
            config.settings.nation, _titles(config), operators_of(config), vantages
        )

    async def run(self) -> None:
        """Until cancelled: at every step of the grid; more often where rounds are (a
        demonstration)."""
        last, said, offset = 0.0, "", time.time() - time.monotonic()
        while True:
            if (trouble := start.clock_trouble(BELIEVABLE_SINCE)) != said:
                log.warning("the clock", extra={"reason": trouble or "can be believed again"})
            said = trouble
            step = min(GRID_SECONDS, self._light)
            await asyncio.sleep(step - time.time() % step)
            before, offset = offset, time.time() - time.monotonic()
            self.local.stepped(offset - before)
            snapshot = self._snapshot()
            at = round(snapshot.taken_at / step) * step
            if at == last:
                continue  # the sleep ended a little before its time
            last = at
            try:
                self.find(at, snapshot)
            except Exception:
                log.exception("no findings this minute")

    def find(self, at: float, snapshot: Snapshot) -> None:
        """The findings at one step; incidents that begin or end are told."""
        merged = self.local.resume(self._cell.take() or (), at)
        sight = sight_of(
            at,
            snapshot.vantages,
            snapshot.verdicts,
            snapshot.compared,
            outside=self._outside.verdicts(),
        )
        findings, changed = self.local.step(sight)
        self._cell.put(self.local.open_incidents)
        self._outlets.tell(
            NationFound(
                at=at,
                findings=findings,
                news=self.local.news(findings),
                open=self.local.open_incidents,
                changed=(*merged, *changed),
            )
        )


def _titles(config: Config) -> dict[str, str]:
    return {platform.name: platform.title for platform in config.platforms}
