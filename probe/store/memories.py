"""What the verdict remembers of each vantage, kept over restarts.

A level moves slowly, so it is written every quarter of an hour; what a suspicion or a restriction
rests on is written as soon as it changes. A memory that another version wrote, or that cannot be
read, is forgotten: what is normal is learnt anew.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from probe.store.codec import pack_value, unpack_value
from probe.verdict.memory import MEMORY_VERSION, Memory

log = logging.getLogger(__name__)

EVERY_SECONDS = 900.0


class Keeps(Protocol):
    """The part of the store that is needed here."""

    def load(self, key: str) -> bytes | None: ...

    def found(self, key: str) -> bytes | None: ...

    def save(self, key: str, blob: bytes, *, now: bool = False) -> None: ...


class Memories:
    """The memory of each vantage, by name."""

    def __init__(self, store: Keeps, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._known: dict[str, Memory] = {}
        self._saved_at: dict[str, float] = {}

    def of(self, vantage: str) -> Memory:
        """What is remembered of ``vantage``; nothing at first."""
        late = self._store.found(_key(vantage))
        if late is not None:
            # The disk was in trouble at the start: weeks are worth more than the rounds since.
            self._known[vantage] = _read(late)
        elif vantage not in self._known:
            self._known[vantage] = _read(self._store.load(_key(vantage)))
        return self._known[vantage]

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
        self._store.save(_key(vantage), pack_value(self._known[vantage]))


def _read(blob: bytes | None) -> Memory:
    if blob is None:
        return Memory()
    try:
        memory = unpack_value(blob, Memory)
    except (zlib.error, msgspec.MsgspecError) as error:
        log.warning("what was normal is learnt anew", extra={"error": error})
        return Memory()
    return memory if memory.version == MEMORY_VERSION else Memory()


def _key(vantage: str) -> str:
    return f"verdict-memory/{vantage}"


def _holds(memory: Memory) -> object:
    return {name: (known.episode, known.proven) for name, known in memory.platforms.items()}
