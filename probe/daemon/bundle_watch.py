"""Looks now and then for a newer bundle of definitions, and has it taken up as a reload does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from probe.config.bundle import MOST_BYTES, Bundle, BundleRefusal, BundleRefusedError
from probe.config.bundle_places import signers_of_settings
from probe.config.schema import Config
from probe.measure.http.fetch import FetchTrouble, fetch, way_of
from probe.publish.latest.bundle_health import BundleHealth
from probe.schedule.data_spent import BELIEVABLE_SINCE
from probe.store.bundle_install import install

log = logging.getLogger(__name__)

JITTER = 0.3
# A probe that was just started has other things to do on its line, and is not to be known by it.
FIRST_SECONDS = 60.0

INSTALLED = "ok"
UNCHANGED = "unchanged"
WAITS = "waits"
UNWRITTEN = "unwritten"
GOOD = frozenset({INSTALLED, UNCHANGED})
REFUSED = frozenset(refusal.value for refusal in BundleRefusal)


class BundleWatch:
    """``history``: beside which bundles are kept (``None``: nowhere). ``tried``: the configuration
    with a bundle's definitions (``None``: none is looked for). ``taken``: one was installed,
    reload."""

    def __init__(
        self,
        config: Config,
        history: Path | None,
        *,
        tried: Callable[[Bundle], Config] | None,
        taken: Callable[[], None],
        wall: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._config = config
        self._history = history
        self._tried = tried
        self._taken = taken
        self._wall = wall
        self._random = random or Random()  # noqa: S311
        self._etag = ""
        self._told = ""
        self._results: Counter[str] = Counter()
        self._last = ""
        self._changed = asyncio.Event()
        self._said_expired = self._said_unusable = False
        self._say_trouble()

    @property
    def health(self) -> BundleHealth | None:
        """How it stands with the bundle; ``None``: the configuration trusts nobody's."""
        if signers_of_settings(self._config.settings) is None:
            return None
        bundle = self._config.bundle
        return BundleHealth(
            version=None if bundle is None else bundle.version,
            expires_at=None if bundle is None else bundle.expires,
            unusable=bool(self._config.bundle_trouble),
            results=tuple(sorted(self._results.items())),
            refused=None if not self._last else self._last in REFUSED,
            waits=self._last == WAITS,
        )

    def use(self, config: Config) -> None:
        """``config`` holds from now on."""
        before, now = self._config.settings.targets, config.settings.targets
        self._config = config
        if config.bundle_trouble or before != now:
            self._etag = ""  # what was had before must be had again
        if before != now:
            self._told = ""
            self._changed.set()
        self._say_trouble()

    async def run(self) -> None:
        """Until cancelled: look every interval, at no regular time."""
        wait = FIRST_SECONDS
        while True:
            targets = self._config.settings.targets
            seconds = min(wait, float(targets.interval)) * self._random.uniform(
                1 - JITTER, 1 + JITTER
            )
            self._changed.clear()
            try:
                # Whoever names a url does not wait an interval for it.
                async with asyncio.timeout(seconds if targets.url is not None else None):
                    await self._changed.wait()
                wait = FIRST_SECONDS
                continue
            except TimeoutError:
                wait = float(targets.interval)
            try:
                await self.look()
            except Exception:
                log.exception("no look for a newer bundle")

    async def look(self) -> str:
        """Look once, and install what is newer; how it ended, in a word."""
        result = await self._look()
        self._results[result] += 1
        self._last = result
        if result not in GOOD and result != self._told:
            log.warning("no newer bundle of definitions is used", extra={"reason": result})
        self._told = "" if result in GOOD else result
        self._say_trouble()
        return result

    async def _look(self) -> str:
        targets, config = self._config.settings.targets, self._config
        signers = signers_of_settings(config.settings)
        history, tried = self._history, self._tried
        if targets.url is None or signers is None or history is None or tried is None:
            return UNCHANGED
        got = await fetch(
            targets.url,
            way_of(config, targets.vantage),
            ca_file=targets.ca_file or config.settings.ca_file,
            etag=self._etag,
            most_bytes=MOST_BYTES,
        )
        if isinstance(got, FetchTrouble):
            return got.value
        if got.body is None:
            return UNCHANGED
        try:
            done = await asyncio.to_thread(
                install,
                got.body,
                history,
                signers,
                tried=tried,
                used=config,
                agreed=lambda bundle, change: not (targets.confirm_hosts and change.any),
                now=self._wall(),
            )
        except BundleRefusedError as error:
            return error.refusal.value
        except OSError:
            return UNWRITTEN
        if done.waits:
            return WAITS
        # What was refused is asked for whole again: a reload may have made it right.
        self._etag = got.etag
        if not done.new:
            return UNCHANGED
        log.info(
            "a newer bundle of definitions is used", extra={"bundle_version": done.bundle.version}
        )
        self._taken()
        return INSTALLED

    def _say_trouble(self) -> None:
        """Each once: whoever keeps newer ones from this probe must not stay unseen."""
        bundle, now = self._config.bundle, self._wall()
        unusable = bool(self._config.bundle_trouble)
        expired = bundle is not None and now >= BELIEVABLE_SINCE and bundle.expired(now)
        if unusable and not self._said_unusable:
            log.warning("the installed bundle of definitions is not used: see `targets show`")
        if expired and not self._said_expired:
            log.warning("the bundle of definitions has expired, and there is no newer one")
        self._said_unusable, self._said_expired = unusable, expired
