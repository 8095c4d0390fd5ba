"""The ClientHello in the first packets of a QUIC version 1 connection (RFC 9000, RFC 9001).

These packets are encrypted with keys that follow from their own header (RFC 9001, 5.2), so
whoever stands in the middle can read them; censors do.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from msgspec import Struct

from lab.box.hello import Beginning

VERSION_1 = 1
SALT_1 = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
# Header form and fixed bit; the packet type behind them is 0 for Initial.
LONG_HEADER = 0xC0
LONG_HEADER_TYPE = 0xF0
PADDING, PING, ACK, ACK_ECN, CRYPTO = 0x00, 0x01, 0x02, 0x03, 0x06
SAMPLE_BYTES = 16
# A hello spans two or three datagrams; after so many there is none.
MOST_DATAGRAMS = 10


class Keys(Struct, frozen=True, kw_only=True):
    """What protects a client's Initial packets."""

    key: bytes
    iv: bytes
    header: bytes


def client_keys(destination_id: bytes) -> Keys:
    """The keys of a client's Initial packets, from the connection id of the first (5.2)."""
    initial = hmac.digest(SALT_1, destination_id, hashlib.sha256)
    client = _expand(initial, b"client in", 32)
    return Keys(
        key=_expand(client, b"quic key", 16),
        iv=_expand(client, b"quic iv", 12),
        header=_expand(client, b"quic hp", 16),
    )


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446, 7.1) without context."""
    full = b"tls13 " + label
    info = struct.pack("!HB", length, len(full)) + full + b"\0"
    return HKDFExpand(SHA256(), length, info).derive(secret)


def header_mask(keys: Keys, sample: bytes) -> bytes:
    """What hides the first byte and the packet number (5.4.3)."""
    # One block, as the RFC asks: nothing is encrypted with it.
    encryptor = Cipher(algorithms.AES(keys.header), modes.ECB()).encryptor()
    return encryptor.update(sample)[:5]


def nonce(keys: Keys, number: int) -> bytes:
    """The packet number on the initialisation vector (5.3)."""
    return (int.from_bytes(keys.iv, "big") ^ number).to_bytes(len(keys.iv), "big")


class _Cursor:
    """Reads on in a datagram; ``IndexError`` past its end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise IndexError
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def varint(self) -> int:
        """RFC 9000, 16."""
        width = 1 << (self.data[self.at] >> 6)
        return int.from_bytes(self.take(width), "big") & ((1 << (8 * width - 2)) - 1)


class Initials:
    """Reads the Initial packets of one client."""

    def __init__(self) -> None:
        self._beginning = Beginning()
        self._keys: Keys | None = None
        self._left = MOST_DATAGRAMS

    @property
    def data(self) -> bytes:
        """The handshake messages as far as they are known without a gap."""
        return self._beginning.data

    @property
    def exhausted(self) -> bool:
        return self._left == 0

    def add(self, datagram: bytes) -> bool:
        """Whether ``data`` has grown by what a datagram carries."""
        before = len(self.data)
        self._left = max(self._left - 1, 0)
        try:
            cursor = _Cursor(datagram)
            while self._packet(cursor):
                pass
        except IndexError:
            # Cut short, or the padding behind the last packet.
            pass
        return len(self.data) > before

    def _packet(self, cursor: _Cursor) -> bool:
        """Read one packet of a datagram; whether another may follow."""
        data, begin = cursor.data, cursor.at
        first = cursor.take(1)[0]
        version = int.from_bytes(cursor.take(4), "big")
        if first & LONG_HEADER_TYPE != LONG_HEADER or version != VERSION_1:
            return False
        destination_id = cursor.take(cursor.take(1)[0])
        cursor.take(cursor.take(1)[0])
        cursor.take(cursor.varint())
        length = cursor.varint()
        number_at = cursor.at
        cursor.take(length)
        # The keys stay those of the first packet, unless a Retry has changed the id.
        for keys in (self._keys, client_keys(destination_id)):
            if keys is None:
                continue
            frames = unprotected(data[begin : cursor.at], number_at - begin, keys)
            if frames is not None:
                self._keys = keys
                self._read(_Cursor(frames))
                break
        return cursor.at < len(data)

    def _read(self, frames: _Cursor) -> None:
        while frames.at < len(frames.data):
            kind = frames.varint()
            if kind == CRYPTO:
                offset = frames.varint()
                self._beginning.add(offset, frames.take(frames.varint()))
            elif kind in (ACK, ACK_ECN):
                _skip_ack(frames, kind)
            elif kind not in (PADDING, PING):
                return


def _skip_ack(frames: _Cursor, kind: int) -> None:
    """RFC 9000, 19.3."""
    frames.varint()
    frames.varint()
    ranges = frames.varint()
    for _ in range(1 + 2 * ranges + (3 if kind == ACK_ECN else 0)):
        frames.varint()


def unprotected(packet: bytes, number_at: int, keys: Keys) -> bytes | None:
    """The frames in an Initial packet; ``None`` when the keys are not its own."""
    sample = packet[number_at + 4 : number_at + 4 + SAMPLE_BYTES]
    if len(sample) < SAMPLE_BYTES:
        return None
    mask = header_mask(keys, sample)
    first = packet[0] ^ (mask[0] & 0x0F)
    width = (first & 0x03) + 1
    hidden = packet[number_at : number_at + width]
    number = bytes(a ^ b for a, b in zip(hidden, mask[1:], strict=False))
    header = bytes([first]) + packet[1:number_at] + number
    try:
        return AESGCM(keys.key).decrypt(
            nonce(keys, int.from_bytes(number, "big")), packet[number_at + width :], header
        )
    except InvalidTag:
        return None
