"""What ``/metrics`` showed at each point of a grid, kept until it was forwarded.

A frame is every series' value at one point. It is deflated from an earlier frame (its ``base``),
so only values that changed cost. ``seq`` counts frames in the order in which they were recorded,
which is that of their times unless the clock was set.
"""

from __future__ import annotations

import sqlite3
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from probe.store.codec import deflate, inflate
from probe.store.database import open_reader
from probe.store.records import Tables

Labels = tuple[tuple[str, str], ...]
"""Name and value of every label, in order, the metric's name as ``__name__``."""

GRID_SECONDS = 60
# So many frames share a base; more would save little and make losing one dearer.
_BASE_FRAMES = 60
_WINDOW = 32_768

_T = TypeVar("_T")


class SamplesError(Exception):
    """What was recorded cannot be read just now; the text says why."""


class Frame(Struct, frozen=True, kw_only=True):
    """``values`` are those of every series at ``at`` (Unix seconds, a point of the grid), by their
    labels: numbers of series mean something in one file only, which may be another one by now.
    ``followed``: whether there is also a frame at the next point."""

    seq: int
    at: int
    values: Mapping[Labels, float]
    followed: bool


class Recorder:
    """Makes records of frames. Used by the writer's thread alone."""

    def __init__(self) -> None:
        self._series: dict[Labels, int] = {}
        self._next_series = 1
        self._next_seq = 1
        self._base: tuple[int, bytes] | None = None

    def resume(self, last_seq: int, series: Mapping[int, str]) -> None:
        """Go on after what the file has."""
        self._next_seq = max(self._next_seq, last_seq + 1)
        for number, labels in series.items():
            self._series.setdefault(_labels_of(labels), number)
            self._next_series = max(self._next_series, number + 1)

    def record(self, at: int, values: Mapping[Labels, float], reckoned: float) -> SampleRecord:
        """The frame of ``at``, which is ``reckoned`` by the history's own clock, as a record."""
        numbered = {self._number(labels): value for labels, value in values.items()}
        ids = sorted(numbered)
        raw = _pack(ids, [numbered[number] for number in ids])
        seq = self._next_seq
        self._next_seq += 1
        if self._base is None or seq - self._base[0] >= _BASE_FRAMES:
            self._base = (seq, raw)
        labels = {self._series[name]: name for name in values}
        return SampleRecord(
            seq=seq, at=at, reckoned=reckoned, raw=raw, base=self._base, labels=labels
        )

    def _number(self, labels: Labels) -> int:
        number = self._series.get(labels)
        if number is None:
            number = self._series[labels] = self._next_series
            self._next_series += 1
        return number


class SampleRecord:
    """One frame that waits to be written."""

    def __init__(
        self,
        *,
        seq: int,
        at: int,
        reckoned: float,
        raw: bytes,
        base: tuple[int, bytes],
        labels: Mapping[int, Labels],
    ) -> None:
        self._seq = seq
        self._at = at
        self._reckoned = reckoned
        self._base_seq, self._base = base
        self._raw = raw
        self._labels = labels

    @property
    def bytes(self) -> int:
        return len(self._raw) + 512

    def write(self, connection: sqlite3.Connection, tables: Tables) -> None:
        new = [number for number in self._labels if number not in tables.series]
        connection.executemany(
            "INSERT OR IGNORE INTO series (id, labels) VALUES (?, ?)",
            [(number, msgspec.json.encode(self._labels[number]).decode()) for number in new],
        )
        tables.series.update(new)
        # Where the file lacks the base, this frame stands alone.
        alone = self._base_seq not in tables.frames
        base = self._seq if alone else self._base_seq
        body = deflate(self._raw) if alone else deflate(self._raw, self._base[-_WINDOW:])
        # A second frame at a point (the clock was set back) says nothing new: the first stays.
        connection.execute(
            "INSERT OR IGNORE INTO samples (seq, at, base, body, reckoned) VALUES (?, ?, ?, ?, ?)",
            (self._seq, self._at, base, body, self._reckoned),
        )
        if alone and connection.execute("SELECT changes()").fetchone()[0]:
            tables.frames.add(self._seq)


class Samples:
    """Reads what was recorded, for the one that forwards it. Opens anew after an error.

    Reading happens in threads that outlive the task that waits for them, so closing waits for a
    read that is under way: SQLite crashes when a connection is closed under a statement.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._place = (0, 0)
        self._series: dict[int, Labels] = {}
        self._bases: dict[int, bytes] = {}

    def frames(self, after: int, most: int) -> list[Frame]:
        """Up to ``most`` frames recorded after ``after``, in order. Raises ``SamplesError``."""
        return self._try(lambda connection: self._frames(connection, "seq > ?", after, most))

    def frame(self, seq: int) -> Frame | None:
        """The frame of that number, if it is still there."""
        found = self._try(lambda connection: self._frames(connection, "seq = ?", seq, 1))
        return found[0] if found else None

    def waiting(self, after: int) -> tuple[int, int] | None:
        """How many frames wait after ``after``, and the time of the first; ``None``: none."""

        def look(connection: sqlite3.Connection) -> tuple[int, int] | None:
            count, first = connection.execute(
                "SELECT count(*), min(at) FROM samples WHERE seq > ?", (after,)
            ).fetchone()
            return (count, first) if count else None

        return self._try(look)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._series.clear()
            self._bases.clear()

    def _try(self, read: Callable[[sqlite3.Connection], _T]) -> _T:
        with self._lock:
            try:
                place = self._path.stat()
                if self._place != (place.st_dev, place.st_ino):
                    # The writer has set a broken file aside: what is open is not the history.
                    self.close()
                if self._connection is None:
                    self._connection = open_reader(self._path)
                    self._place = place.st_dev, place.st_ino
                return read(self._connection)
            except Exception as error:
                self.close()
                raise SamplesError(str(error)) from error

    def _frames(
        self, connection: sqlite3.Connection, where: str, value: int, most: int
    ) -> list[Frame]:
        rows = connection.execute(
            "SELECT seq, at, base, body, EXISTS (SELECT 1 FROM samples AS next "
            f"WHERE next.at = samples.at + {GRID_SECONDS}) FROM samples "
            f"WHERE {where} ORDER BY seq LIMIT ?",
            (value, most),
        ).fetchall()
        frames = []
        for seq, at, base, body, followed in rows:
            raw = inflate(body) if base == seq else inflate(body, self._base(connection, base))
            numbered = _unpack(raw)
            self._know(connection, numbered)
            values = {self._series[number]: value for number, value in numbered.items()}
            frames.append(Frame(seq=seq, at=at, values=values, followed=bool(followed)))
        return frames

    def _base(self, connection: sqlite3.Connection, seq: int) -> bytes:
        if seq not in self._bases:
            (body,) = connection.execute(
                "SELECT body FROM samples WHERE seq = ?", (seq,)
            ).fetchone()
            self._bases = {seq: inflate(body)[-_WINDOW:]}
        return self._bases[seq]

    def _know(self, connection: sqlite3.Connection, values: Mapping[int, float]) -> None:
        if values.keys() <= self._series.keys():
            return
        for number, labels in connection.execute("SELECT id, labels FROM series"):
            self._series[number] = _labels_of(labels)


def _pack(ids: list[int], values: list[float]) -> bytes:
    return struct.pack(f"<I{len(ids)}I{len(ids)}d", len(ids), *ids, *values)


def _unpack(raw: bytes) -> dict[int, float]:
    (count,) = struct.unpack_from("<I", raw)
    numbers = struct.unpack_from(f"<{count}I", raw, 4)
    values = struct.unpack_from(f"<{count}d", raw, 4 + 4 * count)
    return dict(zip(numbers, values, strict=True))


def _labels_of(text: str) -> Labels:
    return msgspec.json.decode(text, type=Labels)
