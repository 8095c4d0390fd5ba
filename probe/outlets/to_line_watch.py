"""The watch on the line: by which way packets leave, and over which address families they do."""

from __future__ import annotations

from probe.outlets.events import Configured, Event, RoundBegun, RoundJudged
from probe.outlets.line_watch import LineWatch
from probe.outlets.outlet import Outlet, Parts
from probe.verdict.line.families import works


class ToLineWatch(Outlet):
    """Looks before each round, so that what is said of it is true of that round."""

    def __init__(self, parts: Parts) -> None:
        self._lines = LineWatch(parts.board)
        self._settings = parts.config.settings

    def tell(self, event: Event) -> None:
        """Look at the way of a vantage, or hear which family works and what hangs there."""
        match event:
            case Configured(config=config):
                self._settings = config.settings
            case RoundBegun(vantage=name):
                vantage = next((v for v in self._settings.vantages if v.name == name), None)
                self._lines.look(name, vantage, self._settings.families)
            case RoundJudged(observed=observed, verdict=verdict, memory=memory):
                self._lines.hangs(observed.vantage, verdict.curtains)
                self._lines.heard(observed.vantage, works(memory, self._settings.families))
