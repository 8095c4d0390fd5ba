"""The controls that this probe has drawn: by a secret that stays in its history."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence

from probe.config.handful import Handful, filled, with_handful, without
from probe.config.schema import Config
from probe.store.cells import Keeps, json_cell

log = logging.getLogger(__name__)

# Under which the store keeps them.
DRAWN = "controls-drawn"
# One at a time: what makes all of them fail for a day is no fault of theirs.
EVERY_SECONDS = 21_600.0
_SECRET_BYTES = 16


class ControlDraw:
    """Puts this probe's own handful in place of the pool's others, and keeps it over restarts."""

    def __init__(self, store: Keeps) -> None:
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
        self._handful = filled(self._handful, config.pool)
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

    def retire(self, names: Iterable[str]) -> bool:
        """Others take the places of ``names`` at the next ``drawn``; whether any does."""
        after = without(self._handful, names)
        if after == self._handful:
            return False
        self._handful = after
        log.info("controls that do not serve here are replaced by others of the pool")
        return True
