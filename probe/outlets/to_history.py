"""The history on disk: rounds with their verdicts, findings, incidents."""

from __future__ import annotations

from probe.outlets.events import Event, NationFound, RoundJudged
from probe.outlets.outlet import Outlet, Parts


class ToHistory(Outlet):
    """Gives it to the writer, who is never waited for."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store

    def tell(self, event: Event) -> None:
        """Hand the event to the writer of the history."""
        match event:
            case RoundJudged(observed=observed, verdict=verdict):
                self._store.round_finished(observed, verdict)
            case NationFound(news=news, changed=changed):
                for finding in news:
                    self._store.finding(finding)
                for incident in changed:
                    self._store.incident(incident)
