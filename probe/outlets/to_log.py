"""The log: what happened, in a sentence for whoever runs the daemon."""

from __future__ import annotations

import logging
import time

from msgspec.structs import replace

from probe.model.finding import Incident, Scope
from probe.model.once_a_day import OnceADay
from probe.model.verdict import OWN_HOST, Verdict
from probe.nation.finding_words import when_over
from probe.outlets import events
from probe.outlets.outlet import Outlet, Parts

log = logging.getLogger(__name__)


class ToLog(Outlet):
    """Writes an event as one line of the log."""

    def __init__(self, parts: Parts) -> None:
        """It needs nothing."""
        self._told = OnceADay()
        # Open ones of which no line told, as too few networks are heard for a country.
        self._unsaid: set[str] = set()

    def tell(self, event: events.Event) -> None:
        """Write what an operator wants to know."""
        match event:
            case events.RoundJudged():
                self._judged(event)
            case events.NationFound():
                for incident in event.changed:
                    self._incident(incident, event.at)
            case events.RoundLate():
                # It is the line, or the machine, that is busy: no matter with which platform.
                log.log(
                    self._again(event.vantage, "late"),
                    "late round",
                    extra={"vantage": event.vantage, "platform": event.platform},
                )
            case events.RoundRefused():
                log.debug(
                    "round refused", extra={"vantage": event.vantage, "platform": event.platform}
                )
            case events.BurstRefused():
                log.log(
                    self._again(event.vantage, event.platform, event.reason),
                    "burst refused",
                    extra={
                        "vantage": event.vantage,
                        "platform": event.platform,
                        "reason": event.reason,
                    },
                )
            case events.ClockStepped():
                log.warning("the clock was set", extra={"seconds": round(event.seconds, 3)})
            case events.Begun():
                log.info("measuring", extra={"listen": event.listen, "slots": event.slots})
            case events.Reloaded(error=None):
                log.info("configuration reloaded")
            case events.Reloaded(error=error):
                log.error("configuration not reloaded", extra={"error": error})

    def _again(self, *what: str) -> int:
        """The level of what a slow line or a spent budget makes hundreds of: metrics count
        them."""
        return logging.WARNING if self._told.due(what, time.monotonic()) else logging.DEBUG

    def _judged(self, event: events.RoundJudged) -> None:
        verdict = event.verdict
        log.log(
            _level(verdict) if event.changed else logging.DEBUG,
            verdict.sentence,
            extra={
                "vantage": event.observed.vantage,
                "platform": event.observed.platform,
                "state": verdict.state,
            },
        )

    def _incident(self, incident: Incident, at: float) -> None:
        """What reaches no further than the lines that were heard is told by their verdicts; it gets
        a line of its own when more is said of the country."""
        ended = incident.closed_at is not None
        widened = incident.scope is not Scope.INSUFFICIENT and incident.id in self._unsaid
        if not (ended or widened or incident.opened_at == at):
            return
        level = logging.WARNING
        if incident.scope is Scope.INSUFFICIENT:
            level = logging.DEBUG
            self._unsaid.add(incident.id)
        if ended or widened:
            self._unsaid.discard(incident.id)
        if ended:
            incident = replace(incident, sentence=when_over(incident))
        how = incident.ending or "opened"
        log.log(level, incident.sentence, extra={"incident": incident.id, "change": how})


def _level(verdict: Verdict) -> int:
    """What the probe's own host does is for its operator to mend."""
    return logging.WARNING if verdict.reason == OWN_HOST else logging.INFO
