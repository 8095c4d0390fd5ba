"""Tells when packets leave by another way than one thinks: through a tunnel, or not as before."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from probe.config.schema import VantageConfig
from probe.measure.this_host.ways_out import Lines
from probe.model.curtain import Curtain
from probe.model.identity import Family
from probe.publish.latest.board import Board

log = logging.getLogger(__name__)


class LineWatch:
    """Remembers what was told, so that it is told once."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._lines = Lines()
        self._in_tunnel: set[str] = set()
        self._dead: set[tuple[str, Family]] = set()
        self._hung: set[tuple[str, str]] = set()

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

    def heard(self, name: str, works: Mapping[Family, bool]) -> None:
        """Which of several address families of the vantage ``name`` works, as far as is known."""
        self._board.families_seen(name, works)
        for family, well in works.items():
            said = (name, family) in self._dead
            if not well and not said:
                log.warning(
                    "an address family does not work on this line: nothing answers over it, while "
                    "other sites answer over another",
                    extra={"vantage": name, "family": family},
                )
                self._dead.add((name, family))
            elif well and said:
                log.warning(
                    "an address family works again", extra={"vantage": name, "family": family}
                )
                self._dead.discard((name, family))

    def hangs(self, name: str, curtains: Sequence[Curtain]) -> None:
        """The curtains that hang over the line of the vantage ``name``."""
        hung = {(name, one.operator) for one in curtains}
        for one in curtains:
            if (name, one.operator) not in self._hung:
                log.warning(
                    "the sites of one operator alone are frozen, slow or silent on this line",
                    extra={"vantage": name, "operator": one.operator, "reason": one.kind},
                )
        for _, operator in sorted(one for one in self._hung - hung if one[0] == name):
            log.warning(
                "the sites of an operator are well again on this line, or not known",
                extra={"vantage": name, "operator": operator},
            )
        self._hung = {one for one in self._hung if one[0] != name} | hung
