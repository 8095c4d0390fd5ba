"""One value that outlives a restart, with its type: what is kept, under which name, in which form.

The history's file may be in trouble when the daemon starts. Then a value is begun anew, and what an
earlier run left is found later, perhaps after something newer was saved: weeks against minutes. So
it is never read, only *taken up*, once, whenever it is there; the owner joins both. A value that
cannot be read, or that another version wrote, is as good as none, and ``unreadable`` says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import msgspec

from probe.store.codec import pack_value, unpack_value

T = TypeVar("T")


class Keeps(Protocol):
    """The part of the store that a cell needs."""

    def load(self, key: str) -> bytes | None: ...

    def take(self, key: str) -> bytes | None: ...

    def save(self, key: str, blob: bytes, *, now: bool = False) -> None: ...


class Cell(Generic[T]):
    """The value under ``key``. ``pack`` makes bytes of it; ``unpack`` gives it back, or raises
    ``ValueError``, ``zlib.error`` or ``msgspec.MsgspecError``."""

    def __init__(
        self, store: Keeps, key: str, *, pack: Callable[[T], bytes], unpack: Callable[[bytes], T]
    ) -> None:
        self._store = store
        self._key = key
        self._pack = pack
        self._unpack = unpack
        self._asked = False
        # Whether what was taken up last is no such value.
        self.unreadable = False

    def take(self) -> T | None:
        """What an earlier run left, once, as soon as the file can be read; ``None``: nothing new.
        Cheap enough to be asked before each use. The first time it is also what an earlier owner
        of the same run has put."""
        blob = self._store.take(self._key)
        if blob is None and not self._asked:
            blob = self._store.load(self._key)
        self._asked, self.unreadable = True, False
        if blob is None:
            return None
        try:
            return self._unpack(blob)
        except (ValueError, zlib.error, msgspec.MsgspecError):
            self.unreadable = True
            return None

    def put(self, value: T, *, now: bool = False) -> None:
        """Keep ``value`` from now on. ``now``: it must not wait for the history's next batch."""
        self._store.save(self._key, self._pack(value), now=now)


def json_cell(store: Keeps, key: str, type: type[T]) -> Cell[T]:
    """A small value, kept as JSON."""
    return Cell(
        store,
        key,
        pack=msgspec.json.encode,
        unpack=lambda blob: msgspec.json.decode(blob, type=type),
    )


def packed_cell(store: Keeps, key: str, type: type[T]) -> Cell[T]:
    """A large value, kept as the codec packs it."""
    return Cell(store, key, pack=pack_value, unpack=lambda blob: unpack_value(blob, type))


def word_cell(store: Keeps, key: str) -> Cell[str]:
    """Letters and digits, kept as they are."""
    return Cell(store, key, pack=str.encode, unpack=_word)


def count_cell(store: Keeps, key: str) -> Cell[int]:
    """A number that is not negative, kept as digits."""
    return Cell(
        store, key, pack=lambda number: b"%d" % number, unpack=lambda blob: int(_word(blob))
    )


def _word(blob: bytes) -> str:
    text = blob.decode("ascii")
    if not text.isalnum():
        raise ValueError("neither letters nor digits")
    return text
