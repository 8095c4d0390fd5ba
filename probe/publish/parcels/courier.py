"""Takes rounds from the history to the hub, where the probe's own file says so.

The history is the only place where they wait: kept beside it is the number of the last round that
the hub has. What was measured before rounds were sent to this hub stays at home, and so does what
it would take no more. A round that the hub left out is not sent again. No hub refuses a single
round for its size: whoever else does is believed if the hub takes one after it, and then again it
is refused.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from random import Random
from typing import Protocol

from msgspec import Struct

from probe.config.readable import Unreadable, read_text
from probe.config.schema import Config, HubConfig
from probe.measure.http.fetch import Answered, FetchTrouble, hand_in, way_of
from probe.model.foreign import read_json
from probe.publish.export.export_jsonl import jsonl_lines
from probe.publish.parcels.parcel import (
    HEADERS,
    MOST_AGE_SECONDS,
    MOST_PACKED_BYTES,
    MOST_PLAIN_BYTES,
    ROUNDS_PATH,
    SECONDS_FOR_ONE,
    Receipt,
    packed,
)
from probe.publish.parcels.parcel_health import ParcelHealth
from probe.publish.privacy.configured_names import Named
from probe.publish.privacy.exported_fields import Scrubber
from probe.store.cells import Keeps, json_cell
from probe.store.history import History, HistoryError

log = logging.getLogger(__name__)

# Under which the store keeps what the hub has.
SENT = "rounds-sent"
EVERY_SECONDS = 600.0
"""How long rounds are gathered: larger parcels are smaller by the round."""
BETWEEN_SECONDS = 10.0
FIRST_AGAIN_SECONDS = 60.0
MOST_AGAIN_SECONDS = 3_600.0
JITTER = 0.3
ROUNDS_AT_ONCE = 96
# Where a line is too slow for more: some 8 kB.
FEW_ROUNDS = 8
# That were refused for their size, each by itself, before it is not these that are too large.
MOST_PASSED_OVER = 8
MOST_ANSWER_BYTES = 4_096
# A handshake with TLS, heads, and the acknowledgements of what is sent.
OVERHEAD_BYTES = 8_192
_MARGIN_SECONDS = 86_400.0

OK = "ok"
NO_CREDENTIAL = "no_credential"
NOT_A_HUB = "not_a_hub"
REFUSED = "refused"
STORE = "store"
BUDGET = "budget"
TOO_LARGE = "too_large"
STATUS = "status"
_WORDS = {401: "credential", 404: "not_taken", 429: "rate", 503: "busy", 507: "no_room"}


class SentRounds(Struct, frozen=True, kw_only=True):
    """The ``number`` of the last round that is at the ``hub`` of that URL, or stays at home."""

    hub: str
    number: int


class Keeping(Keeps, Protocol):
    """The part of the store that is needed: where the history is, and how often it was written."""

    @property
    def path(self) -> Path | None: ...


class Allows(Protocol):
    """The part of the data budget that is needed."""

    def may_send(self, vantage: str, size: int) -> bool: ...

    def sent(self, vantage: str, size: int) -> None: ...


class Batch(Struct, frozen=True, kw_only=True):
    """Rounds of a parcel: their scrubbed lines, up to which ``number`` they go, and whether there
    are ``more``."""

    lines: tuple[bytes, ...]
    number: int
    more: int


class Courier:
    """``counted`` is called when something was sent, to keep what was spent."""

    def __init__(
        self,
        config: Config,
        store: Keeping,
        data: Allows,
        *,
        counted: Callable[[], None],
        wall: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._store, self._data, self._counted = store, data, counted
        self._wall = wall
        self._random = random or Random()  # noqa: S311
        self._cell = json_cell(store, SENT, SentRounds)
        self._sent: SentRounds | None = None
        self._most = ROUNDS_AT_ONCE
        # Rounds that were refused for their size: how many in a row, the numbers of the first and
        # of the last of them, and of the one after which another was taken.
        self._passed_over, self._first_refused, self._tried = 0, 0, 0
        self._too_large: int | None = None
        self._results: Counter[str] = Counter()
        self._trouble = ""
        self._taken = self._left_out = self._waiting = 0
        self._another = asyncio.Event()
        self._day, self._scrubber = "", Scrubber(Named.of(config))
        self._config = config

    @property
    def health(self) -> ParcelHealth | None:
        """How it goes; ``None``: no rounds are sent."""
        if not self._hub.send_rounds:
            return None
        return ParcelHealth(
            trouble=self._trouble,
            results=tuple(sorted(self._results.items())),
            sent=self._taken,
            left_out=self._left_out,
            waiting=self._waiting,
        )

    def use(self, config: Config) -> None:
        """``config`` holds from now on."""
        if config.settings.hub != self._hub:
            self._another.set()
        self._config, self._day = config, ""

    async def run(self) -> None:
        """Until cancelled: send what there is, now and then."""
        wait, failed = EVERY_SECONDS, 0
        while True:
            if not self._hub.send_rounds:
                # What is measured while it is off stays at home, also when it is on again.
                self._forget()
                wait, failed = EVERY_SECONDS, 0
                await self._changed(None)
                continue
            self._begin()
            if await self._changed(wait * self._random.uniform(1 - JITTER, 1 + JITTER)):
                wait, failed = EVERY_SECONDS, 0
                continue
            try:
                asked = await self.turn()
            except Exception:
                log.exception("rounds were not sent to the hub")
                self._trouble, asked = "fault", 0.0
            if self._trouble:
                failed += 1
                again = FIRST_AGAIN_SECONDS * 2.0 ** min(failed - 1, 10)
                wait = max(min(again, MOST_AGAIN_SECONDS), asked)
            else:
                wait, failed = (BETWEEN_SECONDS if self._waiting else EVERY_SECONDS), 0

    async def turn(self) -> float:
        """Send one parcel, if there is anything to send; for how many seconds the hub asks to be
        left alone."""
        if not self._begin():
            return self._is(STORE)
        config, hub = self._config, self._hub
        try:
            batch = await asyncio.to_thread(self._batch)
        except HistoryError:
            return self._is(STORE)
        self._waiting = batch.more
        if not batch.lines and self._passed_over:
            return self._is(TOO_LARGE)
        if not batch.lines:
            self._keep(batch.number)
            return self._is("")
        body = await asyncio.to_thread(packed, batch.lines)
        size = len(body) + OVERHEAD_BYTES
        if len(body) > MOST_PACKED_BYTES:
            self._too_large = batch.number
            return self._smaller(batch)
        way = way_of(config, hub.vantage)
        if not self._data.may_send(way.name, size):
            return self._is(BUDGET)
        try:
            credential = await asyncio.to_thread(read_text, Path(hub.credential_file or ""))
        except Unreadable:
            return self._is(NO_CREDENTIAL)
        # Also what comes back as a refusal was on the wire.
        self._data.sent(way.name, size)
        self._counted()
        answer = await hand_in(
            (hub.url or "").rstrip("/") + ROUNDS_PATH,
            way,
            body,
            # From which a hub tells whether both clocks agree: else it gives no round up.
            headers={**HEADERS, "Date": formatdate(self._wall(), usegmt=True)},
            ca_file=hub.ca_file or config.settings.ca_file,
            bearer=credential.strip(),
            most_bytes=MOST_ANSWER_BYTES,
            seconds=SECONDS_FOR_ONE,
        )
        if hub != self._hub:
            return self._is("")  # it was another's
        return self._answered(answer, batch)

    def _answered(self, answer: Answered | FetchTrouble, batch: Batch) -> float:
        if isinstance(answer, FetchTrouble):
            if answer is FetchTrouble.TIMEOUT:
                # On a line that is slowed down fewer of them may come through.
                self._most = min(self._most, max(FEW_ROUNDS, len(batch.lines) // 2))
            return self._is(answer.value)
        if answer.status == 413:
            return self._smaller(batch)
        if answer.status != 200:
            reason = REFUSED if answer.status == 400 else _WORDS.get(answer.status, STATUS)
            self._is(reason)
            return answer.wait_seconds
        try:
            receipt = read_json(answer.body, Receipt)
        except ValueError:
            # A captive portal's page, say: nothing is at the hub.
            return self._is(NOT_A_HUB)
        if self._passed_over:
            self._is(OK)
            self._too_large, self._most = self._first_refused, 1
            return 0.0
        self._taken += receipt.taken + receipt.known
        self._left_out += receipt.left_out
        self._most = min(ROUNDS_AT_ONCE, 2 * self._most)
        self._keep(batch.number)
        return self._is(OK)

    def _smaller(self, batch: Batch) -> float:
        """Half of it next time. A single round is passed over, until it is known to be its size."""
        if len(batch.lines) > 1:
            self._most = max(1, len(batch.lines) // 2)
        elif batch.number == self._too_large and not self._passed_over:
            self._left_out += 1
            self._keep(batch.number)
        elif not batch.more or self._passed_over >= MOST_PASSED_OVER:
            return self._is(TOO_LARGE)
        else:
            self._first_refused = self._first_refused if self._passed_over else batch.number
            self._passed_over, self._tried = self._passed_over + 1, batch.number
        self._too_large = None
        self._waiting += 1
        self._results[TOO_LARGE] += 1
        self._trouble = ""
        return 0.0

    def _is(self, result: str) -> float:
        """How it ended: told once, until it is another."""
        trouble = "" if result == OK else result
        self._passed_over, self._too_large = 0, None
        if result:
            self._results[result] += 1
        if trouble and trouble != self._trouble:
            log.warning("rounds wait in the history for the hub", extra={"reason": trouble})
        elif self._trouble and not trouble:
            log.info("rounds are sent to the hub again")
        self._trouble = trouble
        return 0.0

    def _begin(self) -> bool:
        """Take up what an earlier run left; of a hub that is new to us nothing was sent, and what
        is in the history by now stays here. Whether that is known."""
        url = self._hub.url or ""
        left = self._cell.take()
        if left is not None:
            self._sent = left
        if self._sent is None or self._sent.hub != url:
            last = self._last_written()
            if last is None:
                return False
            self._sent = SentRounds(hub=url, number=last)
            self._cell.put(self._sent, now=True)
        return True

    def _forget(self) -> None:
        if self._cell.take() is not None or self._sent is not None:
            self._sent = None
            self._cell.put(SentRounds(hub="", number=0), now=True)

    def _last_written(self) -> int | None:
        """0: there is no file yet."""
        path = self._store.path
        if path is None:
            return None
        if not path.exists():
            return 0
        try:
            with History(path) as history:
                return history.last_written()
        except HistoryError:
            return None

    def _batch(self) -> Batch:
        """The next rounds, scrubbed as an export is. Raises ``HistoryError``."""
        assert self._store.path is not None
        assert self._sent is not None
        number = self._tried if self._passed_over else self._sent.number
        with History(self._store.path) as history:
            if history.last_written() < number:
                number = 0  # the file was begun anew
            most_age = MOST_AGE_SECONDS - _MARGIN_SECONDS
            rows = history.written_after(number, self._most + 1, most_age=most_age)
        lines: list[bytes] = []
        size = done = 0
        for id, stored in rows[: self._most]:
            if stored is not None:
                (line,) = jsonl_lines([stored], self._scrub())
                if lines and size + len(line) > MOST_PLAIN_BYTES // 2:
                    break
                lines.append(line)
                size += len(line)
            number, done = id, done + 1
        return Batch(lines=tuple(lines), number=number, more=len(rows) - done)

    def _scrub(self) -> Scrubber:
        """One for each day: what it remembers of addresses grows."""
        day = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%d")
        if day != self._day:
            self._day, self._scrubber = day, Scrubber(Named.of(self._config))
        return self._scrubber

    def _keep(self, number: int) -> None:
        if self._sent is not None and number != self._sent.number:
            self._sent = SentRounds(hub=self._sent.hub, number=number)
            self._cell.put(self._sent)

    async def _changed(self, seconds: float | None) -> bool:
        """Wait; whether the configuration of the hub became another meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self._another.wait()
        except TimeoutError:
            return False
        self._another.clear()
        return True

    @property
    def _hub(self) -> HubConfig:
        return self._config.settings.hub
