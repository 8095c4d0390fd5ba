"""Rounds as compact blobs.

A round is MessagePack (without loss: what comes back is equal), deflated with an earlier round of
the same vantage, platform and kind as preset dictionary. Names, URLs and certificates repeat from
round to round, so only the numbers cost: `benchmarks/store.py` prints bytes per round. A dictionary
is named by its digest, and is stored in the same transaction as the first round that needs it.
"""

from __future__ import annotations

import zlib
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from probe.model.stored import StoredRound

PLAIN = 0
"""The dictionary of what was deflated without one."""
_LEVEL = 6
_WINDOW = 32_768
# A dictionary that saves less than this share has had its day: the configuration has changed.
_WORTH = 0.8

T = TypeVar("T")


class Dictionary(Struct, frozen=True, kw_only=True):
    """``topic`` is what it is for; ``body`` the bytes that deflate starts from."""

    id: int
    topic: str
    body: bytes


class Packed(Struct, frozen=True, kw_only=True):
    """A blob, and the dictionary that it needs (``None``: none)."""

    dictionary: Dictionary | None
    body: bytes


class Packer:
    """Packs rounds, and learns a dictionary for each vantage, platform and kind."""

    def __init__(self) -> None:
        self._newest: dict[str, Dictionary] = {}
        # What became of a byte of that topic without a dictionary, when it was last tried.
        self._plain: dict[str, float] = {}

    def learn(self, dictionary: Dictionary) -> None:
        """Go on with a dictionary from an earlier run."""
        self._newest[dictionary.topic] = dictionary

    def pack(self, stored: StoredRound) -> Packed:
        """The round as a blob. A first round of its kind becomes the dictionary of the next."""
        raw = msgspec.msgpack.encode(stored)
        topic = f"{stored.observed.vantage}/{stored.observed.platform}/{stored.observed.kind}"
        known = self._newest.get(topic)
        small = None if known is None else deflate(raw, known.body)
        if small is not None and len(small) < _WORTH * self._plain.get(topic, 0.0) * len(raw):
            return Packed(dictionary=known, body=small)
        plain = deflate(raw)
        self._plain[topic] = len(plain) / len(raw)
        if small is not None and len(small) < _WORTH * len(plain):
            return Packed(dictionary=known, body=small)
        body = raw[:_WINDOW]
        self._newest[topic] = Dictionary(id=_digest(body), topic=topic, body=body)
        return Packed(dictionary=None, body=plain)


def unpack(body: bytes, dictionary: bytes = b"") -> StoredRound:
    """The round again. Raises ``zlib.error`` or ``msgspec.DecodeError`` for a broken one."""
    return msgspec.msgpack.decode(inflate(body, dictionary), type=StoredRound)


def pack_value(value: Any) -> bytes:
    """A struct of the model as a blob."""
    return deflate(msgspec.msgpack.encode(value))


def unpack_value(body: bytes, kind: type[T]) -> T:
    """What ``pack_value`` packed."""
    return msgspec.msgpack.decode(inflate(body), type=kind)


def deflate(raw: bytes, dictionary: bytes = b"") -> bytes:
    """zlib, with a preset dictionary if there is one."""
    if not dictionary:
        return zlib.compress(raw, _LEVEL)
    compressor = zlib.compressobj(_LEVEL, zdict=dictionary)
    return compressor.compress(raw) + compressor.flush()


def inflate(body: bytes, dictionary: bytes = b"") -> bytes:
    """What ``deflate`` was given. Raises ``zlib.error``: cut, or another dictionary."""
    decompressor = zlib.decompressobj(zdict=dictionary) if dictionary else zlib.decompressobj()
    raw = decompressor.decompress(body) + decompressor.flush()
    if not decompressor.eof:
        raise zlib.error("the blob is cut")
    return raw


def _digest(body: bytes) -> int:
    # SQLite's integers are signed, and 0 means none.
    return int.from_bytes(blake2b(body, digest_size=8).digest(), "big") >> 1 or 1
