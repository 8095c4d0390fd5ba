"""Tells when packets leave by another way than one thinks: through a tunnel, or not as before."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from probe.config.schema import VantageConfig
from probe.measure.line import Lines
from probe.model.identity import Family
from probe.publish.board import Board

log = logging.getLogger(__name__)


class LineWatch:
    """Remembers what was told, so that it is told once."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._lines = Lines()
        self._in_tunnel: set[str] = set()

    def look(self, name: str, vantage: VantageConfig | None, families: Sequence[Family]) -> None:
        """Look at the way of the vantage ``name`` (``None``: it is not configured any more)."""
        line = None if vantage is None else self._lines.look(vantage, families)
        self._board.line_seen(
            name,
            tunnel=None if line is None else line.tunnel,
            changed=line is not None and line.changed,
        )
        if line is None:
            return
        if line.changed:
            log.warning("packets leave by another way than before", extra={"vantage": name})
        if line.tunnel and name not in self._in_tunnel:
            log.warning(
                "packets leave through a VPN or tunnel: that network is measured, not your line",
                extra={"vantage": name},
            )
        (self._in_tunnel.add if line.tunnel else self._in_tunnel.discard)(name)
