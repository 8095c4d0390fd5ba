"""Summaries of rounds in the file: written with their rounds, and made later for older ones.

A row has a summary's numbers. Words that many rounds have (traits, names of controls, sentences
without a number) are rows of another table, each once, named by their digests as dictionaries are:
so a row can be made without knowing what the file has. They are few, and stay.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from probe.model.curtain import Curtain
from probe.model.law import Law
from probe.model.round_summary import (
    SUMMARY_FORM,
    PlottedSeries,
    RoundSummary,
    RoundTraits,
    TransportSummary,
)
from probe.model.stored import StoredRound
from probe.model.verdict import LookingBack
from probe.observe.summed import summary_of
from probe.store.codec import unpack
from probe.store.rows import readable

# The number of a row of words; or a sentence, if it has a number, which hardly another round has.
_Told = int | str


class _Row(Struct, frozen=True, array_like=True):
    """A row, field by field a summary's. Whoever changes it raises ``SUMMARY_FORM``."""

    traits: int
    controls: int
    at: float
    since: float
    holds_seconds: float
    tested_bytes: int | None
    legs: int
    swaps: int
    wire_bytes: int
    factor: float | None
    e_value: float | None
    numbers: tuple[tuple[int, float], ...]
    may_claim: tuple[_Told, ...] = ()
    may_not_claim: tuple[_Told, ...] = ()
    back: LookingBack | None = None
    curtains: tuple[Curtain, ...] = ()
    over: tuple[TransportSummary, ...] = ()
    law: int | None = None


class PackedSummary(Struct, frozen=True):
    """A row, and the rows of words that it needs, by number."""

    row: bytes
    words: dict[int, bytes]

    @property
    def bytes(self) -> int:
        """What it takes in memory, about."""
        return len(self.row) + sum(map(len, self.words.values()))


_decode = msgspec.msgpack.Decoder(_Row).decode


def packed(stored: StoredRound) -> PackedSummary:
    """The summary of ``stored`` as it is kept; when it began is known from the round's own row."""
    summary = summary_of(stored)
    words: dict[int, bytes] = {}

    def number_of(value: object) -> int:
        body = msgspec.msgpack.encode(value)
        # SQLite's integers are signed.
        number = int.from_bytes(blake2b(body, digest_size=8).digest(), "big") >> 1
        words[number] = body
        return number

    def told(sentences: Iterable[str]) -> tuple[_Told, ...]:
        return tuple(
            one if any(letter.isdigit() for letter in one) else number_of(one) for one in sentences
        )

    row = _Row(
        traits=number_of(summary.traits),
        controls=number_of(summary.controls),
        at=summary.at,
        since=summary.since,
        holds_seconds=summary.holds_seconds,
        tested_bytes=summary.tested_bytes,
        legs=summary.legs,
        swaps=summary.swaps,
        wire_bytes=summary.wire_bytes,
        factor=summary.factor,
        e_value=summary.e_value,
        numbers=summary.numbers,
        may_claim=told(summary.may_claim),
        may_not_claim=told(summary.may_not_claim),
        back=summary.back,
        curtains=summary.curtains,
        over=summary.over,
        law=None if summary.law is None else number_of(summary.law),
    )
    return PackedSummary(msgspec.msgpack.encode(row), words)


class KeptSummaries:
    """Reads summaries. Words are read once each, and series become the same objects, as they are
    compared a million times in a year's report."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[int, Any] = {}
        self._series: dict[PlottedSeries, PlottedSeries] = {}

    def read(self, started_at: float, body: bytes) -> RoundSummary | None:
        """The summary of a row; ``None`` if it, or words of it, are damaged. Raises
        ``sqlite3.Error``."""
        return readable("a summary", self._read, started_at, body)

    def _read(self, started_at: float, body: bytes) -> RoundSummary:
        row = _decode(body)
        return RoundSummary(
            traits=self._traits(row.traits),
            started_at=started_at,
            at=row.at,
            since=row.since,
            holds_seconds=row.holds_seconds,
            tested_bytes=row.tested_bytes,
            legs=row.legs,
            swaps=row.swaps,
            wire_bytes=row.wire_bytes,
            factor=row.factor,
            e_value=row.e_value,
            numbers=row.numbers,
            controls=self._words(row.controls, tuple[str, ...]),
            may_claim=self._sentences(row.may_claim),
            may_not_claim=self._sentences(row.may_not_claim),
            back=row.back,
            curtains=row.curtains,
            over=row.over,
            law=None if row.law is None else self._words(row.law, Law),
        )

    def _traits(self, number: int) -> RoundTraits:
        if number not in self._known:
            traits = msgspec.msgpack.decode(self._body(number), type=RoundTraits)
            series = tuple(self._series.setdefault(one, one) for one in traits.series)
            self._known[number] = replace(traits, series=series)
        return self._known[number]  # type: ignore[no-any-return]

    def _words(self, number: int, kind: Any) -> Any:
        if number not in self._known:
            self._known[number] = msgspec.msgpack.decode(self._body(number), type=kind)
        return self._known[number]

    def _sentences(self, told: tuple[_Told, ...]) -> tuple[str, ...]:
        if not told:
            return ()
        return tuple(one if isinstance(one, str) else self._words(one, str) for one in told)

    def _body(self, number: int) -> bytes:
        found = self._connection.execute(
            "SELECT body FROM words WHERE id = ?", (number,)
        ).fetchone()
        if found is None:
            raise ValueError("its words are missing")
        return bytes(found[0])


def write_summary(connection: sqlite3.Connection, number: int, summary: PackedSummary) -> None:
    """Within a transaction, of the round with that number. Raises ``sqlite3.Error``."""
    connection.executemany(
        "INSERT OR IGNORE INTO words (id, body) VALUES (?, ?)", summary.words.items()
    )
    connection.execute(
        "INSERT OR REPLACE INTO summaries (round, form, body) VALUES (?, ?, ?)",
        (number, SUMMARY_FORM, summary.row),
    )


def make_up(connection: sqlite3.Connection, before: int, most: int) -> int:
    """Write summaries that rounds with lower numbers than ``before`` lack, newest first, ``most``
    of them at once; the number of the last round that was looked at (0: all were). Raises
    ``sqlite3.Error``."""
    rows = connection.execute(
        "SELECT rounds.id, bodies.body, dictionaries.body FROM rounds "
        "JOIN bodies ON bodies.round = rounds.id "
        "LEFT JOIN dictionaries ON dictionaries.id = bodies.dictionary "
        "LEFT JOIN summaries ON summaries.round = rounds.id AND form = ? "
        "WHERE rounds.id < ? AND summaries.round IS NULL ORDER BY rounds.id DESC LIMIT ?",
        (SUMMARY_FORM, before, most),
    )
    made: list[tuple[int, PackedSummary]] = []
    looked_at = [before]
    for number, body, dictionary in rows:
        looked_at.append(number)
        stored = readable("a round", unpack, body, dictionary or b"")
        if stored is not None:
            made.append((number, packed(stored)))
    if made:
        connection.execute("BEGIN IMMEDIATE")
        for number, summary in made:
            write_summary(connection, number, summary)
        connection.execute("COMMIT")
    return looked_at[-1] if len(looked_at) > most else 0
