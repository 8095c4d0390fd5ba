"""The history as it is read: by commands, exports, reports, pages. Nothing here writes.

It opens while the daemon writes. Rounds are read in small pages, each a short transaction, so that
reading a year neither takes memory nor keeps the daemon's log from being carried into the file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from probe.config.schema import StoreConfig
from probe.model.finding import Finding, Incident
from probe.model.observation import RoundObservation
from probe.model.round_summary import SUMMARY_FORM, RoundSummary, SummedRound
from probe.model.stored import StoredRound, VerdictSpan
from probe.observe.summed import summed
from probe.store import files
from probe.store.codec import PLAIN, unpack, unpack_value
from probe.store.database import open_reader, trouble_of
from probe.store.health import WORDS
from probe.store.migrations import SUMMED_SINCE, version
from probe.store.rows import SPAN_COLUMNS, readable, readable_span
from probe.store.summaries import KeptSummaries

_PAGE = 256
_PAGE_OF_SUMMARIES = 2_048


class HistoryError(Exception):
    """The history cannot be read; the text says why, for a person."""


class History:
    """Reads one file. Times are Unix seconds: ``since`` is included, ``until`` is not.

    ``unreadable`` counts the rounds that were passed over because their blob is damaged.
    """

    def __init__(self, path: Path) -> None:
        """Raises ``HistoryError``."""
        self.path = path
        self.unreadable = 0
        self._dictionaries: dict[int, bytes] = {PLAIN: b""}
        self._connection = open_for_people(path)

    @classmethod
    def open(cls, config: StoreConfig, *, environ: Mapping[str, str] = os.environ) -> History:
        """The history that a daemon with this configuration writes. Raises ``HistoryError``."""
        return cls(path_of(config, environ))

    def __enter__(self) -> History:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def rounds(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        vantage: str | None = None,
        as_judged: bool = False,
    ) -> Iterator[StoredRound]:
        """Rounds that started in that time, earliest first, in constant memory. ``as_judged``: in
        the order in which they were judged and stored, which is another where rounds of several
        platforms overlapped, or the clock was set."""
        where, values = _where("rounds.at", since, until, platform, vantage)
        # Rows are numbered as they are written, by one writer.
        order = "rounds.id" if as_judged else "rounds.at, rounds.id"
        after = "?" if as_judged else "?, ?"
        last: tuple[float, ...] = (0,) if as_judged else (float("-inf"), 0)
        while True:
            rows = self._all(
                "SELECT rounds.at, rounds.id, dictionary, body FROM rounds "
                "JOIN slots ON slots.id = rounds.slot JOIN bodies ON bodies.round = rounds.id "
                f"WHERE {where} AND ({order}) > ({after}) ORDER BY {order} LIMIT {_PAGE}",
                (*values, *last),
            )
            for at, number, dictionary, body in rows:
                last = (number,) if as_judged else (at, number)
                stored = self._unpacked(dictionary, body)
                if stored is not None:
                    yield stored
            if len(rows) < _PAGE:
                return

    def written_after(
        self, number: int, most: int, *, most_age: float
    ) -> list[tuple[int, StoredRound | None]]:
        """The next ``most`` rounds that were written after the one of that number, with theirs, as
        far as they are no older than the newest by so many seconds, by the history's own clock
        (``reckoning.py``: the wall clock may be wrong). ``None``: its blob is damaged."""
        rows = self._all(
            # By number: the index by time would have all of a month sorted.
            "SELECT rounds.id, dictionary, body FROM rounds "
            "JOIN bodies ON bodies.round = rounds.id "
            "WHERE rounds.id > ? AND +rounds.reckoned >= "
            "(SELECT reckoned FROM rounds ORDER BY id DESC LIMIT 1) - ? ORDER BY rounds.id LIMIT ?",
            (number, most_age, most),
        )
        return [(id, self._unpacked(dictionary, body)) for id, dictionary, body in rows]

    def last_written(self) -> int:
        """The number of the round that was written last; 0: none was."""
        ((last,),) = self._all("SELECT max(id) FROM rounds", ())
        return last or 0

    def summaries(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        vantage: str | None = None,
    ) -> Iterator[SummedRound]:
        """The summaries of the same rounds, in the same order. Where one is not kept (an older
        version wrote the round), the round is read and it is made."""
        where, values = _where("rounds.at", since, until, platform, vantage)
        kept = (
            "LEFT JOIN summaries ON summaries.round = rounds.id "
            f"AND summaries.form = {SUMMARY_FORM}"
        )
        column = "summaries.body"
        if version(self._connection) < SUMMED_SINCE:
            kept, column = "", "NULL"
        summaries = KeptSummaries(self._connection)
        last = (float("-inf"), 0)
        while True:
            rows = self._all(
                f"SELECT rounds.at, rounds.id, {column} FROM rounds "
                f"JOIN slots ON slots.id = rounds.slot {kept} WHERE {where} "
                "AND (rounds.at, rounds.id) > (?, ?) "
                f"ORDER BY rounds.at, rounds.id LIMIT {_PAGE_OF_SUMMARIES}",
                (*values, *last),
            )
            for at, number, body in rows:
                last = (at, number)
                summary = None if body is None else self._summary(summaries, at, body)
                if summary is not None:
                    yield SummedRound(summary, partial(self._observed, number))
                elif (stored := self._round(number)) is not None:
                    yield from summed([stored])
            if len(rows) < _PAGE_OF_SUMMARIES:
                return

    def verdict_spans(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        vantage: str | None = None,
    ) -> Iterator[VerdictSpan]:
        """Spans that reach into that time, by their start."""
        where, values = _where("spans.started_at", None, until, platform, vantage)
        if since is not None:
            where, values = f"{where} AND spans.ended_at >= ?", (*values, since)
        rows = self._all(
            f"SELECT {SPAN_COLUMNS} FROM spans JOIN slots ON slots.id = spans.slot "
            f"WHERE {where} ORDER BY spans.started_at, spans.id",
            values,
        )
        yield from (span for row in rows if (span := readable_span(row)) is not None)

    def findings(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        country: str | None = None,
    ) -> Iterator[Finding]:
        """Changes of findings in that time, earliest first."""
        where, values = _all_of(
            ("at >= ?", since),
            ("at < ?", until),
            ("platform = ?", platform),
            ("country = ?", country),
        )
        for (body,) in self._all(
            f"SELECT body FROM findings WHERE {where} ORDER BY at, country, platform, kind", values
        ):
            if (finding := readable("a finding", unpack_value, body, Finding)) is not None:
                yield finding

    def incidents(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        country: str | None = None,
    ) -> Iterator[Incident]:
        """Incidents that reach into that time, by their onset."""
        where, values = _all_of(
            ("updated_at >= ?", since),
            ("since < ?", until),
            ("platform = ?", platform),
            ("country = ?", country),
        )
        for (body,) in self._all(
            f"SELECT body FROM incidents WHERE {where} ORDER BY since, id", values
        ):
            if (incident := readable("an incident", unpack_value, body, Incident)) is not None:
                yield incident

    def bounds(self) -> tuple[float, float] | None:
        """The starts of the first and the last round; ``None`` if there is none."""
        ((first, last),) = self._all("SELECT min(at), max(at) FROM rounds", ())
        return None if first is None else (first, last)

    def vantages(self) -> frozenset[str]:
        """The names of the vantages that rounds are from."""
        rows = self._all(
            "SELECT DISTINCT vantage FROM slots "
            "WHERE EXISTS (SELECT 1 FROM rounds WHERE rounds.slot = slots.id)",
            (),
        )
        return frozenset(name for (name,) in rows)

    def slots(self) -> frozenset[tuple[str, str]]:
        """Every vantage and platform of which something was ever kept."""
        return frozenset(self._all("SELECT vantage, platform FROM slots", ()))

    def load(self, key: str) -> bytes | None:
        """What the daemon last saved under ``key``."""
        rows = self._all("SELECT body FROM state WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def _summary(self, summaries: KeptSummaries, at: float, body: bytes) -> RoundSummary | None:
        try:
            return summaries.read(at, body)
        except sqlite3.Error as error:
            raise for_people(self.path, error) from error

    def _round(self, number: int) -> StoredRound | None:
        rows = self._all("SELECT dictionary, body FROM bodies WHERE round = ?", (number,))
        return self._unpacked(*rows[0]) if rows else None

    def _observed(self, number: int) -> RoundObservation | None:
        stored = self._round(number)
        return None if stored is None else stored.observed

    def _unpacked(self, dictionary: int, body: bytes) -> StoredRound | None:
        stored = readable("a round", self._unpack, dictionary, body)
        self.unreadable += stored is None
        return stored

    def _unpack(self, dictionary: int, body: bytes) -> StoredRound:
        return unpack(body, self._dictionary(dictionary))

    def _dictionary(self, number: int) -> bytes:
        if number not in self._dictionaries:
            rows = self._all("SELECT body FROM dictionaries WHERE id = ?", (number,))
            if not rows:
                raise ValueError("its dictionary is missing")
            self._dictionaries[number] = rows[0][0]
        return self._dictionaries[number]

    def _all(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise for_people(self.path, error) from error


def _where(
    time: str,
    since: float | None,
    until: float | None,
    platform: str | None,
    vantage: str | None,
) -> tuple[str, tuple[Any, ...]]:
    return _all_of(
        (f"{time} >= ?", since),
        (f"{time} < ?", until),
        ("slots.platform = ?", platform),
        ("slots.vantage = ?", vantage),
    )


def _all_of(*clauses: tuple[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The clauses that have a value, and the values."""
    wanted = [(clause, value) for clause, value in clauses if value is not None]
    return " AND ".join(["1", *(clause for clause, _ in wanted)]), tuple(v for _, v in wanted)


def path_of(config: StoreConfig, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the history of a daemon with this configuration is. Raises ``HistoryError`` if there is
    none, or if it may be where this user cannot look."""
    path = files.readable_path(config.path, environ)
    if path is None:
        raise HistoryError("the configuration turns the history off (store.path: null)")
    closed = files.closed_path(config.path, environ)
    if closed is not None and (closed == path or not path.exists()):
        raise not_yours(closed)
    return path


def not_yours(path: Path) -> HistoryError:
    """What is there may be read by another user: who, and how."""
    owner = files.owner_of(path)
    whose = f"is {owner}'s" if owner else "is another user's"
    return HistoryError(
        f"cannot read {path}: it {whose} and not this user's. Put `sudo -u {owner or 'USER'}` "
        "before the command, with the whole path of the configuration (-c)"
    )


def open_for_people(path: Path) -> sqlite3.Connection:
    """A connection to the history at ``path`` that only reads. Raises ``HistoryError``."""
    try:
        return open_reader(path)
    except PermissionError as error:
        raise not_yours(path) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise HistoryError(f"there is no history at {path}: nothing was measured yet") from error
    except Exception as error:
        raise for_people(path, error) from error


def for_people(path: Path, error: Exception) -> HistoryError:
    """Why the file at ``path`` cannot be read, in a sentence."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR_SHMSIZE:
        return HistoryError(
            f"cannot read {path}: its disk is full, and to read it takes 32 KiB beside it. Make "
            f"room, or copy it with {path.name}-wal to another disk and give that with --history"
        )
    return HistoryError(f"cannot read {path}: {WORDS[trouble_of(error)]} ({error})")
