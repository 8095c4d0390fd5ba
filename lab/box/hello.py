"""What a TLS ClientHello says in the clear: the server's name, and the client's fingerprint.

RFC 8446 section 4.1.2 and 5.1, RFC 6066 section 3. A box reads it as censors do: from the first
bytes of the stream, however they are cut into segments and records, and never further than
``LIMIT_BYTES``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

LIMIT_BYTES = 16_384
HANDSHAKE_RECORD = 22
CLIENT_HELLO = 1
SERVER_NAME, GROUPS, POINT_FORMATS, ALPN = 0, 10, 11, 16
HOST_NAME = 0
# Out-of-order pieces kept for the start of one stream.
MOST_PIECES = 32


class Unread(Enum):
    """Why there is no hello: more bytes are needed, or it is none and never will be."""

    MORE = "more"
    OTHER = "other"


class Hello(Struct, frozen=True, kw_only=True):
    """``server_name`` is lower case and empty without the extension; ``fingerprint`` is JA3."""

    server_name: str
    alpn: tuple[str, ...]
    fingerprint: str


class Beginning:
    """The first bytes of a stream, put together from pieces in any order; the first copy wins."""

    def __init__(self) -> None:
        self.data = b""
        self._pieces: dict[int, bytes] = {}

    def add(self, offset: int, piece: bytes) -> bool:
        """Whether the contiguous ``data`` has grown."""
        if offset + len(piece) <= len(self.data) or not 0 <= offset < LIMIT_BYTES:
            return False
        if offset in self._pieces or len(self._pieces) < MOST_PIECES:
            self._pieces[offset] = max(self._pieces.get(offset, b""), piece, key=len)
        before = len(self.data)
        while True:
            joined = [o for o in self._pieces if o <= len(self.data)]
            if not joined:
                break
            for start in sorted(joined):
                self.data += self._pieces.pop(start)[len(self.data) - start :]
        self.data = self.data[:LIMIT_BYTES]
        return len(self.data) > before


def read_stream(data: bytes) -> Hello | Unread:
    """The hello at the beginning of a TLS stream."""
    message = b""
    at = 0
    while at < len(data):
        if data[at] != HANDSHAKE_RECORD:
            return Unread.OTHER
        if at + 5 > len(data):
            break
        if data[at + 1] != 3:
            return Unread.OTHER
        end = at + 5 + int.from_bytes(data[at + 3 : at + 5], "big")
        message += data[at + 5 : end]
        at = end
        found = read_message(message)
        if found is not Unread.MORE:
            return found
    return Unread.OTHER if len(data) >= LIMIT_BYTES else Unread.MORE


def read_message(message: bytes) -> Hello | Unread:
    """The hello in a handshake message (what the records of a stream, or QUIC's frames, carry)."""
    if message and message[0] != CLIENT_HELLO:
        return Unread.OTHER
    if len(message) < 4:
        return Unread.MORE
    length = int.from_bytes(message[1:4], "big")
    if length > LIMIT_BYTES:
        return Unread.OTHER
    if len(message) < 4 + length:
        return Unread.MORE
    try:
        return _hello(_Reader(message[4 : 4 + length]))
    except _TooShortError:
        return Unread.OTHER


class _TooShortError(Exception):
    """A length in the hello points past its end."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise _TooShortError
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> _Reader:
        """What follows a length of ``width`` bytes."""
        return _Reader(self.take(self.number(width)))

    def numbers(self, width: int) -> Iterator[int]:
        while self:
            yield self.number(width)


def _hello(reader: _Reader) -> Hello:
    version = reader.number(2)
    reader.take(32)
    reader.vector(1)
    ciphers = list(reader.vector(2).numbers(2))
    reader.vector(1)
    extensions: dict[int, bytes] = {}
    if reader:
        block = reader.vector(2)
        while block:
            kind = block.number(2)
            extensions[kind] = block.take(block.number(2))
    groups: list[int] = []
    formats: list[int] = []
    if GROUPS in extensions:
        groups = list(_Reader(extensions[GROUPS]).vector(2).numbers(2))
    if POINT_FORMATS in extensions:
        formats = list(_Reader(extensions[POINT_FORMATS]).vector(1).numbers(1))
    return Hello(
        server_name=_server_name(extensions.get(SERVER_NAME, b"")),
        alpn=tuple(_alpn(extensions.get(ALPN, b""))),
        fingerprint=ja3(version, ciphers, list(extensions), groups, formats),
    )


def _server_name(extension: bytes) -> str:
    if not extension:
        return ""
    names = _Reader(extension).vector(2)
    while names:
        kind, name = names.number(1), names.take(names.number(2))
        if kind == HOST_NAME:
            return name.decode("ascii", "replace").lower().rstrip(".")
    return ""


def _alpn(extension: bytes) -> Iterator[str]:
    if extension:
        names = _Reader(extension).vector(2)
        while names:
            yield names.take(names.number(1)).decode("ascii", "replace")


def _is_grease(value: int) -> bool:
    """RFC 8701: values that clients put in at random."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def ja3(
    version: int, ciphers: list[int], extensions: list[int], groups: list[int], formats: list[int]
) -> str:
    """The JA3 fingerprint (Salesforce, 2017): MD5 over the lists in the order they were sent."""
    lists = (
        "-".join(str(value) for value in values if not _is_grease(value))
        for values in (ciphers, extensions, groups, formats)
    )
    text = ",".join((str(version), *lists))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
