"""The open file in the writer's hands: what it left, transactions, and what is done in trouble."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from probe.config.schema import StoreConfig
from probe.model.identity import VantagePlatform
from probe.store import files, heap
from probe.store.codec import Dictionary
from probe.store.database import Trouble, is_sound, open_reader, open_writer, trouble_of
from probe.store.file_identity import HeldFile
from probe.store.health import WORDS
from probe.store.reckoning import Mark
from probe.store.records import Queued, Tables
from probe.store.retention import MOST_AT_ONCE, prune
from probe.store.rows import SPAN_COLUMNS, readable_span
from probe.store.spans import Numbered, Spans, write_span
from probe.store.summaries import make_up

log = logging.getLogger(__name__)

# So many older rounds get their summaries in one pass, so many at once: a second of a small
# processor each, in the thread that writes.
_SUMMED = (10, 100)
# No round has a higher number.
_EVERY_ROUND = 2**63 - 1
_CURED_BY_SETTING_ASIDE = ("corrupt", "newer")
_CHANGED = {
    "gone": "it was removed, moved or replaced; what is there now is used, or a new one begun",
    "companions": "SQLite's log or index was removed; it is opened anew",
    "written": "another program wrote into it; it is looked through",
}


class Left(Struct, frozen=True, kw_only=True):
    """What an earlier run left in the file."""

    state: dict[str, bytes] = {}
    last_round: int = 0
    last_seq: int = 0
    series: dict[int, str] = {}
    newest: Mark | None = None
    spans: dict[VantagePlatform, Numbered] = {}
    last_span: int = 0
    dictionaries: tuple[Dictionary, ...] = ()


class Keeper:
    """Opens the file when it can, commits, and sets a broken file aside. Used by one thread.

    ``unread``: what is in the file that is open was not read yet by ``resume``.
    """

    def __init__(self, path: Path, *, wall: Callable[[], float]) -> None:
        self.path = path
        self.spans = Spans()
        self.trouble: Trouble | None = None
        self.last_commit_at: float | None = None
        self.set_aside = 0
        self.lost = 0
        self.unread = True
        self.bytes = files.size(path)
        self._wall = wall
        self._thinned_until = 0.0
        self._unsummed_before = _EVERY_ROUND
        self._held = HeldFile(path)
        self._read: object = None
        self._tables = Tables()
        self._connection: sqlite3.Connection | None = None
        # As long as it is open, SQLite neither carries its log into the file nor removes it when
        # the one that writes is closed: not into a file that is somebody else's by now.
        self._guardian: sqlite3.Connection | None = None

    def resume(self) -> Left | None:
        """Open the file and read what the last run left; ``None`` if it is in trouble."""
        try:
            left = self._left(self._open())
        except Exception as error:
            self._troubled(error)
            return None
        self._read, self.unread = self._held.identity, False
        self.trouble = None
        return left

    def ready(self) -> bool:
        """Open the file if need be; whether that is done."""
        try:
            self._open()
        except Exception as error:
            self._troubled(error)
            return False
        return True

    def look(self) -> bool:
        """Whether the file is still the one that was opened, and nobody else wrote to it. If not,
        it is let go of, and all that can be done for it is done."""
        change = self._held.change() if self._connection is not None else None
        if change is None:
            return True
        log.error("the history's file: %s", _CHANGED[change])
        if change == "written":
            self._let_go()
            self._read = None
            self._examine()
            return False
        try:
            # A file that was moved is whole only with the log, which did not move with it.
            self._carry()
        except sqlite3.Error as error:
            log.debug("the log could not be carried into the file", extra={"error": error})
        self._let_go()
        if change == "gone":
            self.trouble = "gone"
            self._forsake()
        return False

    def commit(self, records: Sequence[Queued], state: Mapping[str, bytes]) -> bool:
        """Write all of it in one transaction; whether the disk has it."""
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            for record in records:
                record.write(connection, self._tables)
            for numbered in self.spans.unsaved:
                span = numbered.span
                slot = self._tables.slot(connection, span.vantage, span.platform)
                write_span(connection, slot, numbered)
            at = self._wall()
            connection.executemany(
                "INSERT OR REPLACE INTO state (key, saved_at, body) VALUES (?, ?, ?)",
                [(key, at, blob) for key, blob in state.items()],
            )
            connection.execute("COMMIT")
            self._held.wrote()
        except Exception as error:
            self._troubled(error)
            return False
        if self._held.change() == "gone":
            # Nobody will find what was written just now: it is written again, to the next file.
            self.look()
            return False
        self.spans.saved()
        self.trouble = None
        self.last_commit_at = at
        self.bytes = files.size(self._held.real)
        # What the rounds since the last commit took, those that waited and those under way.
        heap.give_back()
        return True

    def prune(
        self, config: StoreConfig, now: float, forwarded: int, keep_samples_seconds: float
    ) -> None:
        """Forget what is due at ``now``, by the history's own clock."""
        cut = now - float(config.full_detail)
        try:
            gone = prune(
                self._open(),
                config,
                now=now,
                forwarded=forwarded,
                keep_samples_seconds=keep_samples_seconds,
                thinned_until=self._thinned_until if self._thinned_until <= cut else 0.0,
            )
            self._make_up()
            # What looking through the file has brought into SQLite's cache is not needed again.
            self._open().execute("PRAGMA shrink_memory")
            self._held.wrote()
        except Exception as error:
            self._troubled(error)
            return
        heap.give_back()
        self._thinned_until = cut if gone < MOST_AT_ONCE else 0.0
        # A base may be gone, and a frame must not be written as a difference to nothing.
        self._tables.frames.clear()
        if gone:
            log.debug("old rounds were forgotten", extra={"rounds": gone})

    def _make_up(self) -> None:
        """Give older rounds the summaries that they lack: an older version wrote them."""
        portions, size = _SUMMED
        for _ in range(portions):
            if self._unsummed_before == 0:
                break
            self._unsummed_before = make_up(self._open(), self._unsummed_before, size)

    def close(self) -> None:
        """Carry the log into the file, and let go of both."""
        if self._connection is not None and self.look():
            try:
                self._carry()
            except sqlite3.Error:
                pass  # the log stays beside the file and is read with it
            self._close(self._guardian)
            self._guardian = None
        self._let_go()
        self._held.release()

    def _forsake(self) -> None:
        """The name leads to another file, or to none."""
        self.lost += 1
        self._read = None  # a new file may get the number that this one had
        try:
            self._held.drop_companions()
        except OSError as error:
            log.debug("SQLite's log is left", extra={"error": error})
        self._held.release()

    def _carry(self) -> None:
        if self._connection is not None:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._held.change() == "gone":
                self._forsake()
            real = self._held.take()
            self._connection = open_writer(real)
            self._guardian = open_reader(real)
            self._unsummed_before = _EVERY_ROUND
            self._held.opened()
            self.unread = self._read != self._held.identity
        return self._connection

    def _let_go(self) -> None:
        """Close the file and leave it, and its log, as they are."""
        self._tables.forget()
        self._close(self._connection)
        self._close(self._guardian)
        self._connection = self._guardian = None

    def _close(self, connection: sqlite3.Connection | None) -> None:
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error:
                pass

    def _examine(self) -> None:
        """Another program wrote into the file: set aside what does not belong together."""
        real = self._held.real
        if is_sound(real, with_log=True):
            return
        without_log = is_sound(real, with_log=False)
        self._set_aside(log_only=without_log)

    def _troubled(self, error: Exception) -> None:
        self.trouble = trouble_of(error)
        if self.trouble == "io" and files.takes_no_more(self._held.real):
            self.trouble = "full"  # to SQLite that is a file that cannot be opened
        log.debug("the history's file failed", extra={"error": error})
        damaged = self.trouble in _CURED_BY_SETTING_ASIDE
        if not damaged:
            self._held.wrote()  # as far as it came
        if not self.look():
            return  # what was done to the file is why
        if self.trouble == "full" and self._rolled_back():
            # Should the file be moved before there is room, its log can still follow it.
            return
        self._let_go()
        if damaged and self._held.change() != "gone":
            self._set_aside()

    def _rolled_back(self) -> bool:
        self._tables.forget()
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return False
        return self._connection is not None

    def _set_aside(self, *, log_only: bool = False) -> None:
        why = self.trouble if self.trouble in _CURED_BY_SETTING_ASIDE else "corrupt"
        try:
            files.set_aside(self._held.real, why, self._wall(), log_only=log_only)
        except OSError as failed:
            self.trouble = trouble_of(failed)
            return
        self._held.release()
        self._read = None
        self.set_aside += 1
        log.error(
            "%s: it was set aside, and a new history is begun",
            "the log that was not carried into the file" if log_only else WORDS[why],
        )

    def _left(self, connection: sqlite3.Connection) -> Left:
        state = dict(connection.execute("SELECT key, body FROM state").fetchall())
        (last_round,) = connection.execute("SELECT coalesce(max(id), 0) FROM rounds").fetchone()
        (last_span,) = connection.execute("SELECT coalesce(max(id), 0) FROM spans").fetchone()
        dictionaries = tuple(
            Dictionary(id=number, topic=topic, body=body)
            for number, topic, body in connection.execute(
                "SELECT id, topic, body FROM dictionaries ORDER BY made_at"
            )
        )
        newest = connection.execute(
            "SELECT at, reckoned FROM (SELECT at, reckoned FROM rounds ORDER BY id DESC LIMIT 1) "
            "UNION ALL SELECT * FROM (SELECT at, reckoned FROM samples ORDER BY seq DESC LIMIT 1)"
        ).fetchone()
        (last_seq,) = connection.execute("SELECT coalesce(max(seq), 0) FROM samples").fetchone()
        series = dict(connection.execute("SELECT id, labels FROM series").fetchall())
        return Left(
            state=state,
            last_round=last_round,
            last_seq=last_seq,
            series=series,
            newest=newest and Mark(wall=newest[0], monotonic=None, at=newest[1]),
            spans=self._last_spans(connection),
            last_span=last_span,
            dictionaries=dictionaries,
        )

    def _last_spans(self, connection: sqlite3.Connection) -> dict[VantagePlatform, Numbered]:
        found: dict[VantagePlatform, Numbered] = {}
        for number, begin, end, *columns in connection.execute(
            f"SELECT spans.id, reckoned_from, reckoned_until, {SPAN_COLUMNS} FROM spans "
            "JOIN slots ON slots.id = spans.slot "
            "WHERE spans.id IN (SELECT max(id) FROM spans GROUP BY slot)"
        ):
            span = readable_span(columns)
            if span is not None:
                found[span.vantage, span.platform] = Numbered(
                    number=number, span=span, reckoned_from=begin, reckoned_until=end
                )
        return found
