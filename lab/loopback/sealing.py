"""QUIC packets of a server's, rightly sealed, whatever is in them.

The keys of the first packets follow from the client's own header (RFC 9001, 5.2); those of a
connection are what aioquic's server logs for a packet capture. So rubbish can be sealed as rightly
as an answer, and gets as far.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from random import Random
from typing import NamedTuple

from aioquic.buffer import Buffer, encode_uint_var  # type: ignore[attr-defined]
from aioquic.quic.crypto import CryptoContext, CryptoPair
from aioquic.quic.packet import QuicPacketType, pull_quic_header
from aioquic.tls import CipherSuite

VERSION_1 = 1
NAMELESS = bytes.fromhex("0a0a0a0a")
INITIAL, SHORT = 0xC1, 0x43
"""First bytes: an Initial packet with a number of two bytes, a packet of the connection with one of
four."""
SECRETS = {
    QuicPacketType.HANDSHAKE: "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    QuicPacketType.ONE_RTT: "SERVER_TRAFFIC_SECRET_0",
}


class Opening(NamedTuple):
    """What a client's first packet says: where it wants to be answered, and the id it made up for
    the server, from which the keys follow."""

    client_id: bytes
    server_id: bytes
    nameless: bool


def opening(datagram: bytes) -> Opening | None:
    """Of a datagram; ``None``: it begins no connection."""
    try:
        header = pull_quic_header(Buffer(data=datagram), host_cid_length=8)
    except ValueError:
        return None
    if header.version is None:
        return None
    return Opening(header.source_cid, header.destination_cid, datagram[1:5] == NAMELESS)


def var(value: int) -> bytes:
    """A number as QUIC writes it."""
    return encode_uint_var(value)


@lru_cache(64)
def initial_keys(server_id: bytes) -> CryptoPair:
    """A server's keys of the first packets."""
    keys = CryptoPair()
    keys.setup_initial(cid=server_id, is_client=False, version=VERSION_1)
    return keys


def initial(seen: Opening, payload: bytes, number: int, *, source: bytes = b"serverid") -> bytes:
    """A server's Initial packet with the right keys; of any size."""
    payload = payload.ljust(4, b"\0")
    head = bytes([INITIAL]) + VERSION_1.to_bytes(4, "big")
    head += bytes([len(seen.client_id)]) + seen.client_id + bytes([len(source)]) + source + b"\0"
    head += struct.pack(">IH", 0x8000_0000 | (2 + len(payload) + 16), number & 0xFFFF)
    return initial_keys(seen.server_id).encrypt_packet(head, payload, number)


class Keys:
    """The server's keys of a connection, from what aioquic logs of them."""

    def __init__(self, seen: Opening) -> None:
        self.log = io.StringIO()
        self._initial = initial_keys(seen.server_id)
        self._agreed: dict[str, CryptoContext] = {}

    def of(self, kind: QuicPacketType) -> CryptoContext | None:
        """What seals packets of a kind; ``None``: not agreed yet."""
        if kind is QuicPacketType.INITIAL:
            return self._initial.send
        label = SECRETS.get(kind, "")
        for line in self.log.getvalue().splitlines() if label not in self._agreed else ():
            name, _, secret = line.split()
            if name == label:
                self._agreed[label] = CryptoContext()
                self._agreed[label].setup(
                    cipher_suite=CipherSuite.AES_128_GCM_SHA256,
                    secret=bytes.fromhex(secret),
                    version=VERSION_1,
                )
        return self._agreed.get(label)


def changed_inside(datagram: bytes, keys: Keys, random: Random) -> bytes:
    """A server's datagram with some bytes of its first packet's plain text changed, and sealed
    again. As it was if its keys are not known."""
    try:
        buffer = Buffer(data=datagram)
        header = pull_quic_header(buffer, host_cid_length=8)
        encrypted, size = buffer.tell(), header.packet_length
        sealer = keys.of(header.packet_type)
        if sealer is None:
            return datagram
        head, plain, number, _ = sealer.decrypt_packet(datagram[:size], encrypted, 0)
    except Exception:  # not the first packet under these keys, or no packet
        return datagram
    wrong = bytearray(plain)
    for _ in range(random.randint(1, 4)):
        wrong[random.randrange(len(wrong))] = random.choice(
            (0, 1, 0x40, 0xFF, random.randrange(256))
        )
    return sealer.encrypt_packet(head, bytes(wrong), number) + datagram[size:]
