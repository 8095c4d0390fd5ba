"""Reads what references abroad publish, checks it, and hands it on as verdicts.

One request now and then, bounded in bytes and seconds, with neither redirect nor cookie; what is
not signed by the configured key, is of another version, of the future or older than what is known,
is told once, counted, and not used.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from math import inf
from random import Random

from msgspec import Struct

from probe.config.schema import Config, OutsideConfig, VantageConfig
from probe.config.signing import is_signed
from probe.measure.http.fetch import FetchTrouble, fetch, way_of
from probe.model.foreign import read_json
from probe.model.reference_document import (
    PACE_OUTSIDE,
    VERSION,
    Document,
    OutsideHealth,
    SeenOutside,
    Signed,
)
from probe.model.verdict import Evidence, Verdict
from probe.model.vouch import Vouch

log = logging.getLogger(__name__)

MOST_BYTES = 65_536
# By how much a reference's clock may be ahead of ours.
AHEAD_SECONDS = 300.0
JITTER = 0.3
RULE = "outside"
LONGEST_HOLD_SECONDS = 86_400.0


class ReadResult(StrEnum):
    """How reading a reference ended; all but the first two leave what is known as it is."""

    OK = "ok"
    UNCHANGED = "unchanged"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    STATUS = "status"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    SIGNATURE = "signature"
    VERSION = "version"
    FUTURE = "future"
    REPLAYED = "replayed"


GOOD = frozenset({ReadResult.OK, ReadResult.UNCHANGED})


def accept(body: bytes, key: str, *, now: float, newest: float) -> Document | ReadResult:
    """The document in ``body``, or why it is not used. ``newest`` is when the newest one that was
    accepted before was made."""
    try:
        signed = read_json(body, Signed)
    except ValueError:
        return ReadResult.MALFORMED
    if not is_signed(key, signed.document, signed.signature):
        return ReadResult.SIGNATURE
    try:
        if read_json(signed.document, _Version).version != VERSION:
            return ReadResult.VERSION
        document = read_json(signed.document, Document)
    except ValueError:
        return ReadResult.MALFORMED
    if document.made_at > now + AHEAD_SECONDS:
        return ReadResult.FUTURE
    if document.made_at < newest:
        return ReadResult.REPLAYED
    if any(not seen.at <= document.made_at for seen in document.platforms):
        return ReadResult.MALFORMED
    return document


class _Version(Struct, frozen=True):
    version: int


class _Source:
    """One reference: where it is, how it is reached, and what is known of it."""

    def __init__(self, number: int, config: OutsideConfig, way: VantageConfig) -> None:
        self.number, self.config, self.way = number, config, way
        self.document: Document | None = None
        self.newest = 0.0
        self.etag = ""
        self.results: Counter[str] = Counter()
        self.told: ReadResult | None = None

    def take_up(self, earlier: _Source) -> None:
        """The same reference in another configuration."""
        self.document, self.newest, self.etag = earlier.document, earlier.newest, earlier.etag
        self.results, self.told = earlier.results, earlier.told


class ReferenceReader:
    """What the references of a configuration say, as far as it has been read."""

    def __init__(
        self,
        config: Config,
        *,
        wall: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._wall = wall
        self._random = random or Random()  # noqa: S311
        self._sources: tuple[_Source, ...] = ()
        self.use(config)

    def use(self, config: Config) -> None:
        """``config`` holds from now on; what is known of references that it keeps stays."""
        known = {(one.config.url, one.config.key): one for one in self._sources}
        self._interval = float(config.settings.schedule.light)
        self._ca_file = config.settings.ca_file
        self._sources = tuple(
            _Source(number, one, way_of(config, one.vantage))
            for number, one in enumerate(config.settings.outside, 1)
        )
        for source in self._sources:
            if (earlier := known.get((source.config.url, source.config.key))) is not None:
                source.take_up(earlier)

    @property
    def configured(self) -> bool:
        """Whether the configuration names a reference to read."""
        return bool(self._sources)

    @property
    def health(self) -> tuple[OutsideHealth, ...]:
        """How reading each is doing."""
        return tuple(
            OutsideHealth(
                number=one.number,
                results=tuple(sorted(one.results.items())),
                made_at=None if one.document is None else one.document.made_at,
            )
            for one in self._sources
        )

    def verdicts(self) -> tuple[Verdict, ...]:
        """What they say that still holds: each reference as a vantage, each platform once."""
        now = self._wall()
        return tuple(
            verdict
            for one in self._sources
            if one.document is not None
            for seen in one.document.platforms
            if (verdict := _verdict(one.number, seen)) is not None and now <= verdict.holds_until
        )

    def newest(self) -> dict[str, float]:
        """When the newest document that was read was made (Unix seconds), by the reference's key;
        for ``resume`` in a later run."""
        return {one.config.key: one.newest for one in self._sources}

    def resume(self, newest: Mapping[str, float]) -> None:
        """Documents older than those that an earlier run read are not read again."""
        for one in self._sources:
            one.newest = max(one.newest, newest.get(one.config.key, 0.0))

    async def run(self, read: Callable[[], None]) -> None:
        """Read each of them again and again, at no regular time; ``read`` is told of a new
        document."""
        while True:
            if ReadResult.OK in (await self.look()).values():
                read()
            await asyncio.sleep(self._interval * self._random.uniform(1 - JITTER, 1 + JITTER))

    async def look(self) -> dict[int, ReadResult]:
        """Read each of them once; how each ended, by number."""
        found = {}
        for source in self._sources:
            found[source.number] = result = await self._look_at(source)
            source.results[result.value] += 1
            good = result in GOOD
            if not good and source.told is not result:
                log.warning(
                    "a reference abroad is not used",
                    extra={"outside": source.number, "reason": result.value},
                )
            if good and source.told is not None:
                log.info("a reference abroad is used again", extra={"outside": source.number})
            source.told = None if good else result
        return found

    async def _look_at(self, source: _Source) -> ReadResult:
        got = await fetch(
            source.config.url,
            source.way,
            ca_file=self._ca_file,
            etag=source.etag if source.document is not None else "",
            most_bytes=MOST_BYTES,
        )
        if isinstance(got, FetchTrouble):
            return ReadResult(got.value)
        if got.body is None:
            return ReadResult.UNCHANGED
        found = accept(got.body, source.config.key, now=self._wall(), newest=source.newest)
        if isinstance(found, ReadResult):
            return found
        source.document, source.newest, source.etag = found, found.made_at, got.etag
        return ReadResult.OK


def _verdict(number: int, seen: SeenOutside) -> Verdict | None:
    state = seen.known_state
    if state is None:
        return None
    return Verdict(
        vantage=f"outside-{number}",
        platform=seen.platform,
        state=state,
        rule_id=RULE,
        sentence="",
        at=seen.at,
        since=seen.at,
        reason=seen.reason,
        holds_seconds=min(max(0.0, seen.holds_until - seen.at), LONGEST_HOLD_SECONDS),
        evidence=_rates(seen),
        read_at=seen.read_at,
        vouches=tuple(
            Vouch(target=one.target, at=one.at, read_at=one.read_at, long_at=one.long_at)
            for one in seen.targets
        ),
    )


def _rates(seen: SeenOutside) -> tuple[Evidence, ...]:
    """How fast it reads there, beside the fastest control."""
    own, other = seen.bytes_per_second, seen.control_bytes_per_second
    if own is None or other is None or not (0.0 < own < inf and 0.0 < other < inf):
        return ()
    return (
        Evidence(
            name=PACE_OUTSIDE, subject=seen.platform, value=own, versus="controls", reference=other
        ),
    )
