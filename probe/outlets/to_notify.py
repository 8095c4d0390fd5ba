"""Notifications, where receivers are configured."""

from __future__ import annotations

import logging

from msgspec import Struct

from probe.config.probers import BESIDE
from probe.config.schema import Config
from probe.model.identity import Role
from probe.outlets.events import Begun, Configured, Event, NationFound, RoundJudged
from probe.outlets.outlet import Outlet, Parts
from probe.publish.notify.mailbag import Mailbag
from probe.publish.notify.notices import LastTold, Notice, of_incident, of_restriction, restrictions
from probe.publish.notify.postman import Postman
from probe.store.cells import json_cell

log = logging.getLogger(__name__)

# The key under which the store keeps what was told, and what waits.
NOTIFY = "notify"
_OVER = {prober.name: prober.about for prober in BESIDE}


class NotifyMemory(Struct, frozen=True, kw_only=True):
    """What outlives a restart. ``told`` is by what it is about, ``bags`` by receiver."""

    told: dict[str, LastTold] = {}
    bags: dict[str, Mailbag] = {}


class ToNotify(Outlet):
    """Tells receivers what began, became another, was corrected, or ended."""

    def __init__(self, parts: Parts) -> None:
        self._cell = json_cell(parts.store, NOTIFY, NotifyMemory)
        self._told: dict[str, LastTold] = {}
        self._postman = Postman(self._keep)
        self._begun = False
        self._use(parts.config)

    def tell(self, event: Event) -> None:
        """Post what is news."""
        match event:
            case Begun():
                self._begun = True
                self._start()
            case Configured():
                before = self._notify
                self._use(event.config)
                # What is under way for receivers that stay as they are goes on.
                if self._begun and self._notify != before:
                    self._start()
            case RoundJudged() if self._on:
                self._take_up()
                self._post(self._of_round(event))
            case NationFound() if self._on:
                self._take_up()
                self._post(self._of_nation(event))

    async def close(self) -> None:
        """Stop at once: what was not delivered is told after the next start."""
        await self._postman.stop()

    def _use(self, config: Config) -> None:
        self._notify = config.settings.notify
        self._titles = {platform.name: platform.title for platform in config.platforms}
        self._inside = {v.name for v in config.settings.vantages if v.role is Role.INSIDE}
        self._several = len(config.settings.vantages) > 1

    @property
    def _on(self) -> bool:
        return bool(self._notify.receivers)

    def _start(self) -> None:
        self._postman.start(self._notify.receivers, float(self._notify.gather))
        if self._on:
            self._take_up()

    def _take_up(self) -> None:
        left = self._cell.take()
        if self._cell.unreadable:
            log.warning("which notifications were sent cannot be read in the history")
        if left is not None:
            self._told = {**left.told, **self._told}
            self._postman.take_up(left.bags)

    def _of_round(self, event: RoundJudged) -> list[Notice]:
        verdict = event.verdict
        if verdict.vantage not in self._inside:
            return []
        title = self._titles.get(verdict.platform, verdict.platform)
        place = verdict.vantage if self._several else ""
        found = []
        for one in restrictions(verdict, title, _OVER, place):
            told, notice = of_restriction(one, self._told.get(one.key))
            found += self._settled(one.key, told, notice)
        return found

    def _of_nation(self, event: NationFound) -> list[Notice]:
        found = []
        for incident in event.changed:
            title = self._titles.get(incident.platform, incident.platform)
            told, notice = of_incident(incident, self._told.get(incident.id), title)
            found += self._settled(incident.id, told, notice)
        return found

    def _settled(self, key: str, told: LastTold | None, notice: Notice | None) -> list[Notice]:
        if told is None:
            self._told.pop(key, None)
        else:
            self._told[key] = told
        return [] if notice is None else [notice]

    def _post(self, notices: list[Notice]) -> None:
        if notices:
            self._postman.post(notices)
            self._keep()

    def _keep(self) -> None:
        self._cell.put(NotifyMemory(told=self._told, bags=self._postman.bags))
