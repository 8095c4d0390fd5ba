"""The data budget: what each round had on the wire, kept over restarts."""

from __future__ import annotations

from probe.model.identity import RoundKind
from probe.outlets.events import Configured, Event, Resumed, RoundAbandoned, RoundJudged
from probe.outlets.outlet import Outlet, Parts


class ToDataBudget(Outlet):
    """Counts what was spent."""

    def __init__(self, parts: Parts) -> None:
        self._data = parts.data
        self._spent = parts.spent

    def tell(self, event: Event) -> None:
        """Count a round; keep the configured pace where something is wrong."""
        match event:
            case RoundJudged(observed=observed, verdict=verdict):
                self._data.spent(observed)
                self._spent.keep()
                self._data.judged(verdict, light=observed.kind is RoundKind.LIGHT)
            case RoundAbandoned(vantage=vantage, platform=platform):
                self._data.given_up(vantage, platform)
            case Resumed(verdicts=verdicts):
                for verdict in verdicts:
                    self._data.judged(verdict)
            case Configured(config=config):
                self._data.config_loaded(config)
