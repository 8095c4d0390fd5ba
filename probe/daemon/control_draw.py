"""The controls that this probe has drawn: by a secret that stays in its history.

Whoever slows one after the other of those that are drawn would have the probe draw for ever, and
learn anew each time what is normal. So no more than a few are replaced in a week; then what there
is is kept, and that is told.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Sequence

from probe.config.handful import Handful, filled, retired_since, with_handful, without
from probe.config.probers import judged_beside
from probe.config.schema import Config
from probe.publish.latest.control_health import ControlHealth
from probe.store.cells import Keeps, json_cell

log = logging.getLogger(__name__)

# Under which the store keeps them.
DRAWN = "controls-drawn"
# One at a time: what makes all of them fail for a day is no fault of theirs.
EVERY_SECONDS = 21_600.0
WEEK_SECONDS = 7 * 86_400.0
MOST_A_WEEK = 3
"""Of a handful of eight. Sites that die or move do so a few times a year each. Ours."""
_SECRET_BYTES = 16


class ControlDraw:
    """Puts this probe's own handful in place of the pool's others, and keeps it over restarts."""

    def __init__(self, store: Keeps, *, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._held = False
        self._cell = json_cell(store, DRAWN, Handful)
        self._handful = Handful(secrets.token_hex(_SECRET_BYTES))
        self._kept: Handful | None = None

    def drawn(self, config: Config) -> Config:
        """``config`` with the handful; as it is, if it names its controls."""
        if not config.pool:
            return config
        left = self._cell.take()
        if left is not None:
            # Also if it is found late, as the disk was in trouble: its levels are known.
            self._handful = left
            self._kept = left if self._kept is None else self._kept
        self._handful = filled(self._handful, config.pool, judged_beside(config.settings))
        if self._handful != self._kept:
            self._cell.put(self._handful, now=True)
            self._kept = self._handful
        return with_handful(config, self._handful)

    async def run(self, failing: Callable[[], Sequence[str]], changed: Callable[[], None]) -> None:
        """Until cancelled: replace what is ``failing``, one after the other, and say so, so that
        the configuration is taken up anew."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if self.retire(failing()[:1]):
                changed()

    @property
    def health(self) -> ControlHealth:
        """How often controls were replaced of late, and whether they still are."""
        return ControlHealth(
            replaced=retired_since(self._handful, self._wall() - WEEK_SECONDS), held=self._held
        )

    def retire(self, names: Iterable[str]) -> bool:
        """Others take the places of ``names`` at the next ``drawn``; whether any does. Not if too
        many had theirs taken in a week."""
        now = self._wall()
        after = without(self._handful, names, now)
        if after == self._handful:
            self._held = False
            return False
        if retired_since(self._handful, now - WEEK_SECONDS) >= MOST_A_WEEK:
            if not self._held:
                log.warning(
                    "controls do not serve here, one after the other: the rest is kept, and "
                    "somebody may be slowing what this probe compares with"
                )
            self._held = True
            return False
        self._held = False
        self._handful = after
        log.info("controls that do not serve here are replaced by others of the pool")
        return True
