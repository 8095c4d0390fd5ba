"""What waits to be written. Each record knows its size in memory and how it is written.

A record has its number before it is first tried, so a second try after an error, of which nobody
knows whether it reached the disk, changes nothing.
"""

from __future__ import annotations

import sqlite3
from typing import Protocol

from probe.model.finding import Finding, Incident
from probe.store.codec import PLAIN, Packed, pack_value
from probe.store.summaries import PackedSummary, write_summary


class Tables:
    """What the open file is known to have; forgotten when a transaction fails."""

    def __init__(self) -> None:
        self._slots: dict[tuple[str, str], int] = {}
        self._dictionaries: set[int] = set()
        self.series: set[int] = set()
        self.frames: set[int] = set()

    def forget(self) -> None:
        """Nothing is known any more."""
        self._slots.clear()
        self._dictionaries.clear()
        self.series.clear()
        self.frames.clear()

    def slot(self, connection: sqlite3.Connection, vantage: str, platform: str) -> int:
        """The number of a vantage and platform."""
        key = (vantage, platform)
        if key not in self._slots:
            connection.execute("INSERT OR IGNORE INTO slots (vantage, platform) VALUES (?, ?)", key)
            (number,) = connection.execute(
                "SELECT id FROM slots WHERE vantage = ? AND platform = ?", key
            ).fetchone()
            self._slots[key] = number
        return self._slots[key]

    def dictionary(self, connection: sqlite3.Connection, packed: Packed, at: float) -> int:
        """The number of the dictionary that ``packed`` needs, once it is in the file."""
        needed = packed.dictionary
        if needed is None:
            return PLAIN
        if needed.id not in self._dictionaries:
            connection.execute(
                "INSERT OR IGNORE INTO dictionaries (id, topic, made_at, body) VALUES (?, ?, ?, ?)",
                (needed.id, needed.topic, at, needed.body),
            )
            self._dictionaries.add(needed.id)
        return needed.id


class Queued(Protocol):
    """``bytes`` is about what it takes in memory."""

    @property
    def bytes(self) -> int: ...

    def write(self, connection: sqlite3.Connection, tables: Tables) -> None:
        """Within a transaction. Raises ``sqlite3.Error``."""


class RoundRecord:
    """A round with its verdict. ``uid`` is the observation's; ``reckoned`` its time by the
    history's own clock; ``ailing_beside`` is the verdict's."""

    def __init__(
        self,
        *,
        number: int,
        uid: str,
        at: float,
        reckoned: float,
        slot: tuple[str, str],
        kind: str,
        state: str,
        ailing_beside: bool,
        packed: Packed,
        summary: PackedSummary,
    ) -> None:
        self.number = number
        self.uid = uid
        self.reckoned = reckoned
        self._at = at
        self._slot = slot
        self._kind = kind
        self._state = state
        self._ailing_beside = ailing_beside
        self._packed = packed
        self._summary = summary

    @property
    def bytes(self) -> int:
        return len(self._packed.body) + self._summary.bytes + 512

    def write(self, connection: sqlite3.Connection, tables: Tables) -> None:
        slot = tables.slot(connection, *self._slot)
        dictionary = tables.dictionary(connection, self._packed, self._at)
        connection.execute(
            "INSERT OR REPLACE INTO rounds (id, at, slot, kind, state, reckoned, ailing_beside) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self.number,
                self._at,
                slot,
                self._kind,
                self._state,
                self.reckoned,
                self._ailing_beside,
            ),
        )
        connection.execute(
            "INSERT OR REPLACE INTO bodies (round, dictionary, body) VALUES (?, ?, ?)",
            (self.number, dictionary, self._packed.body),
        )
        write_summary(connection, self.number, self._summary)


class FindingRecord:
    """A finding that differs from the one before it."""

    def __init__(self, finding: Finding) -> None:
        self._finding = finding
        self._body = pack_value(finding)

    @property
    def bytes(self) -> int:
        return len(self._body) + 512

    def write(self, connection: sqlite3.Connection, tables: Tables) -> None:
        of = self._finding
        # The columns are a key, and nobody asks for a kind: what is so over another transport at
        # the same step is a row of its own.
        kind = f"{of.kind.value}, {of.transport}" if of.transport else of.kind.value
        connection.execute(
            "INSERT OR REPLACE INTO findings (at, country, platform, kind, drill, body) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (of.at, of.country, of.platform, kind, of.drill, self._body),
        )


class IncidentRecord:
    """An incident as it is now; it takes the place of what was known of it."""

    def __init__(self, incident: Incident) -> None:
        self._incident = incident
        self._body = pack_value(incident)

    @property
    def bytes(self) -> int:
        return len(self._body) + 512

    def write(self, connection: sqlite3.Connection, tables: Tables) -> None:
        of = self._incident
        connection.execute(
            "INSERT OR REPLACE INTO incidents "
            "(id, since, updated_at, country, platform, kind, drill, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                of.id,
                of.since,
                of.updated_at,
                of.country,
                of.platform,
                of.kind.value,
                of.drill,
                self._body,
            ),
        )
