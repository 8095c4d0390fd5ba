"""The board, of which metrics and pages take snapshots."""

from __future__ import annotations

from probe.outlets import events
from probe.outlets.outlet import Outlet, Parts


class ToBoard(Outlet):
    """Puts up what is known now."""

    def __init__(self, parts: Parts) -> None:
        self._board = parts.board

    def tell(self, event: events.Event) -> None:
        """Put the event on the board."""
        match event:
            case events.RoundBegun():
                self._board.round_started(event.vantage, event.platform, event.kind)
            case events.RoundAbandoned():
                self._board.round_abandoned(event.vantage, event.platform)
            case events.RoundLate():
                self._board.round_late(event.vantage, event.platform)
            case events.RoundJudged():
                self._board.objects_seen(event.observed.vantage, event.memory.records)
                self._board.round_finished(event.observed, event.verdict)
            case events.ClockStepped():
                self._board.clock_stepped(event.seconds)
            case events.NationFound():
                self._board.nation_found(event.findings, event.open)
            case events.Configured():
                self._board.config_loaded(event.config)
            case events.Reloaded():
                self._board.reload_finished(ok=event.error is None, at=event.at)
