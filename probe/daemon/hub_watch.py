"""Asks the hub now and then what it wishes, and has taken up what may be.

The last good answer holds over restarts and while the hub is away. What cannot be read, or may not
be set here, is told and not used (``probe/config/hub_wishes.py``). What it tells of other networks
is no wish, and holds only while it is heard.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from msgspec import UNSET, Struct
from msgspec.structs import replace

from probe.config.hub_wishes import MOST_BYTES, WISHES_PATH, ExtraRounds, HubWishes, heeded
from probe.config.readable import Unreadable, read_text
from probe.config.schema import Config
from probe.measure.http.fetch import FetchTrouble, fetch, way_of
from probe.model.foreign import read_json
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.publish.latest.wishes_health import WishesHealth
from probe.store.cells import Keeps, json_cell

log = logging.getLogger(__name__)

# Under which the store keeps them.
WISHES = "hub-wishes"
JITTER = 0.3
# A probe that was just started has other things to do on its line, and is not to be known by it.
FIRST_SECONDS = 60.0
DAY_SECONDS = 86_400.0
MOST_EXTRA_A_DAY = 8
"""Whoever has taken over a hub shall not make a probe conspicuous by what it does. Ours."""
_MOST_TAKEN = 64
HEARD_INTERVALS = 3.0
"""What the hub told of others is no news after so many intervals in which it was not heard."""

TAKEN = "ok"
UNCHANGED = "unchanged"
MALFORMED = "malformed"
NO_CREDENTIAL = "no_credential"
_GOOD = frozenset({TAKEN, UNCHANGED})


class TakenExtra(Struct, frozen=True):
    """Extra rounds that were asked for, and when they were begun (Unix seconds)."""

    id: str
    at: float


class KeptWishes(Struct, frozen=True, kw_only=True):
    """What a hub said last, by its URL: of another one nothing is kept."""

    hub: str = ""
    etag: str = ""
    wishes: HubWishes | None = None
    taken: tuple[TakenExtra, ...] = ()


class HubWatch:
    """``changed``: what is to be set is another, reload. ``extra``: make so many rounds of a
    platform at a vantage, as soon as the budgets allow."""

    def __init__(
        self,
        config: Config,
        store: Keeps,
        *,
        changed: Callable[[], None],
        extra: Callable[[str, str, int], None],
        wall: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._config = config
        self._changed, self._extra = changed, extra
        self._wall = wall
        self._random = random or Random()  # noqa: S311
        self._cell = json_cell(store, WISHES, KeptWishes)
        self._kept = KeptWishes()
        self._results: Counter[str] = Counter()
        self._told = ""
        self._refused = False
        self._another = asyncio.Event()
        self._heard_at = float("-inf")

    @property
    def health(self) -> WishesHealth | None:
        """How asking goes; ``None``: no hub is asked."""
        if self._config.settings.hub.url is None:
            return None
        return WishesHealth(results=tuple(sorted(self._results.items())), refused=self._refused)

    def released(self, platform: str) -> OthersRestricted | None:
        """What the hub has released of ``platform`` in other networks of the country and said to go
        on, if it was heard lately."""
        wishes, now = self._wishes(), self._wall()
        lasts = HEARD_INTERVALS * float(self._config.settings.hub.interval)
        if wishes is None or not 0.0 <= now - self._heard_at <= lasts:
            return None
        for one in wishes.restricted:
            if one.platform == platform and one.since <= now:
                return OthersRestricted(networks=one.networks, since=one.since, told_by=ToldBy.HUB)
        return None

    def heeded(self, config: Config) -> Config:
        """``config``, which is the operator's own, with what the hub may set. It holds from now
        on."""
        left = self._cell.take()
        if left is not None and self._kept.wishes is None:
            self._kept = left
        if config.settings.hub != self._config.settings.hub:
            self._another.set()
        self._config = config
        wishes = self._wishes()
        if wishes is None:
            return config
        return self._told_of(config, wishes)

    async def run(self) -> None:
        """Until cancelled: ask every interval, at no regular time."""
        wait = FIRST_SECONDS
        while True:
            hub = self._config.settings.hub
            seconds = min(wait, float(hub.interval)) * self._random.uniform(1 - JITTER, 1 + JITTER)
            self._another.clear()
            try:
                async with asyncio.timeout(seconds if hub.url is not None else None):
                    await self._another.wait()
                wait = FIRST_SECONDS
                continue
            except TimeoutError:
                wait = float(hub.interval)
            try:
                await self.look()
            except Exception:
                log.exception("the hub was not asked")

    async def look(self) -> str:
        """Ask once; how it ended, in a word."""
        result = await self._look()
        self._results[result] += 1
        if result in _GOOD:
            self._heard_at = self._wall()
        if result not in _GOOD and result != self._told:
            log.warning("the hub's last wishes hold", extra={"reason": result})
        self._told = "" if result in _GOOD else result
        return result

    async def _look(self) -> str:
        config, hub = self._config, self._config.settings.hub
        if hub.url is None or hub.credential_file is None:
            return UNCHANGED
        try:
            text = await asyncio.to_thread(read_text, Path(hub.credential_file))
        except Unreadable:
            return NO_CREDENTIAL
        got = await fetch(
            hub.url.rstrip("/") + WISHES_PATH,
            way_of(config, hub.vantage),
            ca_file=hub.ca_file or config.settings.ca_file,
            etag="" if self._wishes() is None else self._kept.etag,
            most_bytes=MOST_BYTES,
            bearer=text.strip(),
        )
        if isinstance(got, FetchTrouble):
            return got.value
        if hub.url != self._config.settings.hub.url:
            return UNCHANGED  # it was another's
        if got.body is None:
            if (known := self._wishes()) is not None:
                self._told_of(config, known)
            self._begin_extra()
            return UNCHANGED
        try:
            wishes = read_json(got.body, HubWishes)
        except ValueError:
            self._refused = True
            return MALFORMED
        before = self._wishes()
        self._keep(replace(self._kept, hub=hub.url, etag=got.etag, wishes=wishes))
        if _settings(before) != _settings(wishes):
            self._changed()
        self._told_of(config, wishes)
        self._begin_extra()
        return TAKEN

    def _begin_extra(self) -> None:
        wishes, now = self._wishes(), self._wall()
        if wishes is None:
            return
        known = {one.id for one in self._kept.taken}
        for one in heeded(self._config, wishes).extra:
            lately = [taken for taken in self._kept.taken if now - taken.at < DAY_SECONDS]
            if one.id in known or now >= one.until or len(lately) >= MOST_EXTRA_A_DAY:
                continue
            taken = (*self._kept.taken, TakenExtra(one.id, now))[-_MOST_TAKEN:]
            self._keep(replace(self._kept, taken=taken))
            self._begin(one)

    def _begin(self, extra: ExtraRounds) -> None:
        log.info("the hub asks for %d rounds now", extra.rounds, extra={"platform": extra.platform})
        for vantage in self._config.settings.vantages:
            self._extra(vantage.name, extra.platform, extra.rounds)

    def _wishes(self) -> HubWishes | None:
        hub = self._config.settings.hub
        return self._kept.wishes if hub.url is not None and self._kept.hub == hub.url else None

    def _told_of(self, config: Config, wishes: HubWishes) -> Config:
        """``config`` as it becomes; what is refused is told once."""
        found = heeded(config, wishes)
        if found.refused and not self._refused:
            for refusal in found.refused:
                log.warning("not set as the hub wishes", extra={"reason": refusal.value})
        self._refused = bool(found.refused)
        return found.config

    def _keep(self, kept: KeptWishes) -> None:
        self._kept = kept
        self._cell.put(kept, now=True)


def _settings(wishes: HubWishes | None) -> tuple[object, object]:
    """What a reload takes up. Where nothing was wished nothing was to be set."""
    return (UNSET, UNSET) if wishes is None else (wishes.schedule, wishes.platforms)
