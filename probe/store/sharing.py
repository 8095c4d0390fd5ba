"""When the daemon tells what it asked, and hears what other processes did."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from probe.schedule.data_spent import DataSpent
from probe.store.shared import Shared, SharedBudget

log = logging.getLogger(__name__)

# Soon after the start, so that a daemon that keeps failing asks no more than one that runs.
FIRST_SECONDS = 5.0
# Each time is a write to what may be an SD card; that a host wants to be left alone is told sooner.
EVERY_SECONDS = 900.0
LOOK_SECONDS = 30.0
# A disk that does not answer must not hold up the start, nor the end.
MOST_SECONDS = 2.0


class Sharing:
    """``used`` gives the daemon's accounts (``None``: they are not known yet), ``heard`` is told
    what came of it."""

    def __init__(
        self,
        shared: SharedBudget,
        *,
        used: Callable[[], Mapping[str, DataSpent] | None],
        heard: Callable[[Shared], None],
    ) -> None:
        self._shared = shared
        self._used = used
        self._heard = heard
        self._alone = False

    async def run(self) -> None:
        """Share what was asked of hosts, again and again until cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self.exchange()
            waited = 0.0
            while waited < EVERY_SECONDS and not self._shared.urgent:
                await asyncio.sleep(LOOK_SECONDS)
                waited += LOOK_SECONDS

    async def exchange(self) -> None:
        """Once. A disk in trouble is said, and tried again the next time."""
        asked, used = self._shared.say(), self._used()
        try:
            # Not wait_for, which loses a cancellation in the turn in which the work ends (3.11).
            async with asyncio.timeout(MOST_SECONDS):
                shared = await asyncio.to_thread(self._shared.exchange, asked, used=used)
        except asyncio.CancelledError:
            # Whether it was written is not known; what is said twice asks for less.
            self._shared.not_said(asked)
            raise
        except (OSError, TimeoutError) as error:
            self._shared.not_said(asked)
            if not self._alone:
                log.warning("budgets of hosts are this process's own", extra={"error": error})
            self._alone = True
            return
        self._alone = False
        self._shared.hear(shared)
        self._heard(shared)
