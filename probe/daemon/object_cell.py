"""Which candidate of each target is in use, and which are gone, over restarts.

Without it each start would ask again for what has rotted long ago, round by round, and look through
pages for links that it knew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from probe.config.schema import Config
from probe.measure.objects.kept_objects import KeptObjects, kept, taken_up
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.store.cells import Keeps, json_cell

log = logging.getLogger(__name__)

# Under which the store keeps it.
OBJECTS = "objects-in-use"


class ObjectCell:
    """Takes up what an earlier run left to ``state``, and keeps what it has learnt since."""

    def __init__(
        self,
        store: Keeps,
        state: BetweenRounds,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._cell = json_cell(store, OBJECTS, KeptObjects)
        self._state = state
        self._monotonic = monotonic
        self._wall = wall

    def resume(self, config: Config) -> None:
        """Before each round, as the history may be found late; most have nothing to take up."""
        left = self._cell.take()
        if self._cell.unreadable:
            log.warning("which objects are in use cannot be read in the history")
        if left is not None:
            self._state.resume_objects(
                taken_up(
                    left, self._state.objects, config, now=self._monotonic(), wall=self._wall()
                )
            )

    def keep(self) -> None:
        """After each round: what has changed must not wait for the history's next batch."""
        if self._state.objects_changed:
            self._state.objects_changed = False
            found = kept(self._state.objects, now=self._monotonic(), wall=self._wall())
            self._cell.put(found, now=True)
