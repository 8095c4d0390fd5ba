"""What the verdict remembers of each vantage, kept over restarts.

A level moves slowly, so it is written every quarter of an hour; what a suspicion or a restriction
rests on is written as soon as it changes. A memory that another version wrote, or that cannot be
read, is forgotten: what is normal is learnt anew.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable

import msgspec

from probe.store.cells import Cell, Keeps, packed_cell
from probe.store.codec import unpack_value
from probe.store.history import History
from probe.verdict.remembered.memory import MEMORY_VERSION, Memory

log = logging.getLogger(__name__)

EVERY_SECONDS = 900.0


def read_memory(history: History, vantage: str) -> Memory | None:
    """What the daemon that writes ``history`` remembers of ``vantage``, some minutes old at most;
    ``None``: nothing that this version can read. Raises ``HistoryError``."""
    blob = history.load(_key(vantage))
    try:
        memory = None if blob is None else unpack_value(blob, Memory)
    except (ValueError, zlib.error, msgspec.MsgspecError):
        return None
    return memory if memory is not None and memory.version == MEMORY_VERSION else None


class Memories:
    """The memory of each vantage, by name."""

    def __init__(self, store: Keeps, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._cells: dict[str, Cell[Memory]] = {}
        self._known: dict[str, Memory] = {}
        self._saved_at: dict[str, float] = {}

    def of(self, vantage: str) -> Memory:
        """What is remembered of ``vantage``; nothing at first."""
        cell = self._cell(vantage)
        left = cell.take()
        if cell.unreadable:
            log.warning("what was normal is learnt anew", extra={"vantage": vantage})
        if left is not None and left.version == MEMORY_VERSION:
            # Found late, if the disk was in trouble: weeks are worth more than the rounds since.
            self._known[vantage] = left
        return self._known.setdefault(vantage, Memory())

    def put(self, vantage: str, memory: Memory) -> None:
        """Replace what is remembered, and write it when it is time."""
        before, self._known[vantage] = self._known.get(vantage, Memory()), memory
        due = self._monotonic() - self._saved_at.get(vantage, float("-inf")) >= EVERY_SECONDS
        if due or _holds(before) != _holds(memory):
            self._save(vantage)

    def flush(self) -> None:
        """Write everything: the daemon stops."""
        for vantage in self._known:
            self._save(vantage)

    def _save(self, vantage: str) -> None:
        self._saved_at[vantage] = self._monotonic()
        self._cell(vantage).put(self._known[vantage])

    def _cell(self, vantage: str) -> Cell[Memory]:
        if vantage not in self._cells:
            self._cells[vantage] = packed_cell(self._store, _key(vantage), Memory)
        return self._cells[vantage]


def _holds(memory: Memory) -> object:
    return {name: (known.episode, known.proven) for name, known in memory.platforms.items()}


def _key(vantage: str) -> str:
    return f"verdict-memory/{vantage}"
