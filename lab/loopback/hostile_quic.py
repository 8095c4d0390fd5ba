"""Far ends over QUIC that mean harm: each visitor gets a script, drawn from a number of its own."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from functools import cache
from random import Random
from typing import Any, cast

import trustme
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN
from aioquic.quic import connection as aioquic_connection
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, QuicEvent, StreamDataReceived
from aioquic.quic.packet import QuicPacketType, encode_quic_version_negotiation
from aioquic.tls import CipherSuite
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from lab.loopback.hostile import large_certificate, mutated
from lab.loopback.hostile_datagrams import (
    ENOUGH_BYTES,
    LARGE,
    flood,
    for_ever,
    frames,
    packets,
    pinged,
)
from lab.loopback.sealing import SHORT, VERSION_1, Keys, Opening, changed_inside, opening, var
from lab.loopback.servers import certificate

Address = tuple[str, int]


class Far(QuicConnectionProtocol):
    """A server of one visitor, which says nothing of its own after the handshake. ``asked``: the
    client wants something; ``gone``: it has closed."""

    def __init__(self, seen: Opening, leaf: str, keys: Keys, random: Random) -> None:
        configuration = configured(leaf, random)
        configuration.secrets_log_file = keys.log
        super().__init__(
            QuicConnection(
                configuration=configuration,
                original_destination_connection_id=seen.server_id,
            )
        )
        self.asked = asyncio.Event()
        self.gone = False

    def quic_event_received(self, event: QuicEvent) -> None:
        """The first bytes on a stream of the client's that wants an answer are a question."""
        if isinstance(event, StreamDataReceived) and not event.stream_id % 4:
            self.asked.set()
        elif isinstance(event, ConnectionTerminated):
            self.gone = True

    def say(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Bytes on a stream."""
        self._quic.send_stream_data(stream, data, end_stream=end)
        self.transmit()

    def own_stream(self) -> int:
        """A stream that only the server sends on."""
        return self._quic.get_next_available_stream_id(is_unidirectional=True)


@cache
def _shown(leaf: str) -> tuple[Any, list[Any], Any]:
    found: trustme.LeafCert = certificate() if leaf == "small" else large_certificate(int(leaf))
    pem = b"".join(one.bytes() for one in found.cert_chain_pems)
    chain = load_pem_x509_certificates(pem)
    return chain[0], chain[1:], load_pem_private_key(found.private_key_pem.bytes(), None)


def configured(leaf: str, random: Random) -> QuicConfiguration:
    """A server's settings: now and then no honest one."""
    odd = random.random() < 0.2
    made = QuicConfiguration(
        is_client=False,
        alpn_protocols=["other"] if odd and random.random() < 0.2 else list(H3_ALPN),
        connection_id_length=random.choice((1, 5, 20)) if odd else 8,
        idle_timeout=random.choice((0.01, 1e6)) if odd else 5.0,
        max_data=random.choice((0, 10, 1 << 40)) if odd else 1 << 20,
        max_stream_data=random.choice((0, 10, 1 << 40)) if odd else 1 << 20,
    )
    made.certificate, made.certificate_chain, made.private_key = _shown(leaf)
    made.cipher_suites = [CipherSuite.AES_128_GCM_SHA256]
    return made


Script = Callable[["Visitor"], Awaitable[None]]


class Visitor:
    """One client's port, and what is done to it: ``script``, once the client has asked for
    something, or without one changes to what an honest server sends."""

    def __init__(
        self, seen: Opening, door: Door, address: Address, script: Script | None, random: Random
    ) -> None:
        self.random = random
        self.seen = seen
        self.keys = Keys(seen)
        self._door, self._address = door, address
        self._numbers = iter(range(1_000_000, 1 << 31))
        self._how = random.randrange(8) if script is None else -1
        self.far = Far(seen, door.leaf, self.keys, random)
        self.far.connection_made(cast(asyncio.DatagramTransport, self))
        if script is not None:
            door.begin(self._after_the_question(script))

    async def _after_the_question(self, script: Script) -> None:
        await self.far.asked.wait()
        await script(self)

    def sendto(self, data: bytes, address: Address) -> None:
        """As the transport of the honest server."""
        for one in self.tampered(data):
            self.send(one)

    def tampered(self, data: bytes) -> list[bytes]:
        """What is sent in place of one honest datagram."""
        random, how = self.random, self._how
        if how == 0:
            return [mutated(data, random)]
        if how == 1:
            return [data] * random.randint(2, 60)
        if how == 2:
            return [data] if random.random() < 0.5 else []
        if how == 3:
            return [data[: random.randrange(len(data))]]
        if how in (4, 5, 6) and random.random() < 0.5:
            return [changed_inside(data, self.keys, random)]
        if how == 7:
            return [data, random.randbytes(len(data)), data[::-1], data[:1]]
        return [data]

    def send(self, data: bytes) -> None:
        """A datagram to the client."""
        self._door.send(data, self._address)

    def sealed(self, payload: bytes) -> bytes:
        """A packet of the connection with any frames, rightly sealed; empty without keys."""
        keys = self.keys.of(QuicPacketType.ONE_RTT)
        if keys is None:
            return b""
        number = next(self._numbers)
        head = bytes([SHORT]) + self.seen.client_id + struct.pack(">I", number)
        return keys.encrypt_packet(head, payload.ljust(4, b"\0"), number)

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Nothing is known of it."""
        return default

    def close(self) -> None:
        """It is the door's."""

    def is_closing(self) -> bool:
        """Never."""
        return False


async def connected(visitor: Visitor) -> None:
    """Frames that no honest server sends, in the midst of a connection; a reset; a new key."""
    random = visitor.random
    how = random.randrange(8)

    def one() -> bytes:
        return visitor.sealed(frames(random))

    if how < 3:
        for _ in range(random.randint(1, 5)):
            visitor.send(one())
    elif how == 3:
        await flood(visitor.send, for_ever(one))
    elif how == 4:
        same = random.getrandbits(32)
        await flood(visitor.send, for_ever(lambda: visitor.sealed(frames(Random(same)))))
    elif how == 5:  # every second byte of the answer, for ever
        some = (
            b"".join(b"\x0e\0" + var(2 * (150 * n + i)) + b"\x01x" for i in range(150))
            for n in range(3_000)
        )
        await flood(visitor.send, map(visitor.sealed, some))
    elif how == 6:
        await flood(visitor.send, for_ever(lambda: visitor.sealed(b"\x01")))
    else:
        tail = random.randbytes(16)
        visitor.send(bytes([SHORT]) + random.randbytes(random.randint(4, 60)) + tail)


def h3_frame(kind: int, payload: bytes, *, length: int | None = None) -> bytes:
    """An HTTP/3 frame; ``length`` may lie."""
    return var(kind) + var(len(payload) if length is None else length) + payload


HEAD = b"\0\0\xd9"
"""QPACK: status 200, from the table that everybody has."""


def fields(random: Random) -> bytes:
    """A block of QPACK: right, a bomb, a reference to what is not there, or rubbish."""
    how = random.randrange(7)
    if how == 0:
        return HEAD
    if how == 1:  # the longest entry of the common table, again and again
        return HEAD + b"\xff\x22" * random.choice((10, 1_000, 30_000))
    if how == 2:
        return b"\xff\xff\x40\0" + b"\x80" * 50  # waits for entries that never come
    if how == 3:
        return b"\0\0" + b"\x27\xff\xff\xff\xff\x7f" + b"x" * 100
    if how == 4:
        word = random.choice((b"", b"-1", b"abc", b"99999", b"103", b"\xff\xfe", b"2" * 4_000))
        return b"\0\0\x5f\x09" + (b"\x7f" + var(len(word))[-1:] if len(word) > 126 else
                                  bytes([len(word)])) + word  # fmt: skip
    if how == 5:
        name = random.choice((b":status", b":path", b"Upper", b"a\0b", b"content-length"))
        text = random.choice((b"200", b"9" * 100, b"-5", b"\xff"))
        return HEAD + bytes([0x27, len(name) - 7]) + name + bytes([len(text)]) + text
    return random.randbytes(random.randint(1, 3_000))


async def http3(visitor: Visitor) -> None:
    """Over a right connection: streams without end, frames that lie, bombs, floods of what says
    nothing."""
    random, far = visitor.random, visitor.far
    how = random.randrange(16)
    control = far.own_stream()
    if how != 0:
        far.say(control, b"\0" + h3_frame(4, b""))

    async def on(data: bytes, stream: int = 0) -> None:
        for _ in range(ENOUGH_BYTES // len(data)):
            if far.gone:
                return
            far.say(stream, data)
            await asyncio.sleep(0.001)

    if how == 0:
        far.say(control, b"\0" + random.randbytes(random.randint(1, 200)))
    elif how == 1:
        pairs = b"".join(var(random.choice((1, 6, 7, n))) + var(LARGE) for n in range(500))
        far.say(control, h3_frame(4, pairs))
    elif how == 2:
        await on(h3_frame(0x21, b"x" * 100) * 100, control)
    elif how == 3:
        await on(h3_frame(random.choice((3, 7, 13)), var(0)) * 500, control)
    elif how == 4:
        await on(h3_frame(1, fields(random)))
    elif how == 5:
        far.say(0, h3_frame(1, HEAD))
        await on(h3_frame(0, b"") * 5_000)
    elif how == 6:
        far.say(0, h3_frame(1, HEAD))
        await on(h3_frame(0, b"x") * 3_000)
    elif how == 7:
        far.say(0, h3_frame(1, HEAD))
        await on(h3_frame(0, b"x" * 9_000))
    elif how == 8:
        far.say(0, h3_frame(1, HEAD) + h3_frame(0, b"x" * 100, length=LARGE))
        await on(b"x" * 9_000)
    elif how == 9:
        far.say(0, h3_frame(random.choice((1, 5, 0x21)), b"x" * 100, length=LARGE))
        await on(b"x" * 9_000)
    elif how == 10:  # it only informs, for ever
        await on(h3_frame(1, b"\0\0\xd8") * 500)
    elif how == 11:
        far.say(0, h3_frame(0, b"before any head") + h3_frame(1, HEAD))
    elif how == 12:
        encoder = far.own_stream()
        entry = b"\x43abc" + b"\x7f\xa1\x1e" + b"b" * 4_000
        far.say(encoder, b"\x02" + b"\x3f\xe1\x1f" + entry)
        if random.random() < 0.5:  # each reference of a byte is 4,000
            many = random.choice((10, 1_000, 100_000, 250_000))
            far.say(0, h3_frame(1, b"\x02\0" + HEAD[2:] + b"\x80" * many))
        else:
            await on(random.choice((b"\x00", b"\x3f\xe1\x1f", entry, b"\xff")) * 500, encoder)
    elif how == 13:
        for _ in range(100):
            far.say(
                far.own_stream(),
                random.choice((b"\0", b"\x01", b"\x02", b"\x03", b"\x21", b"\x40")),
            )
    elif how == 14:
        honest = h3_frame(1, HEAD) + h3_frame(0, b"x" * 5_000)
        far.say(0, mutated(honest, random), end=random.random() < 0.5)
    else:
        far.say(0, h3_frame(1, HEAD))
        while not far.gone:
            far.say(0, h3_frame(0, b"x"))
            await asyncio.sleep(0.01)


class Door(asyncio.DatagramProtocol):
    """A port at which every client is met by a script of its own. ``kind``: of ``KINDS``.
    ``script``: this one for all, and an honest answer to what says no name."""

    def __init__(self, kind: str, seed: str, *, script: Script | None = None) -> None:
        self._kind, self._seed, self._script = kind, seed, script
        # Room for what the server says in its handshake: aioquic's own is for honest certificates.
        aioquic_connection.CRYPTO_BUFFER_SIZE = 1 << 20
        self.leaf = kind.split()[-2].replace(",", "") if kind.endswith("names") else "small"
        self._met: dict[Address, bytes] = {}
        self._visitors: dict[Address, Visitor] = {}
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def send(self, data: bytes, address: Address) -> None:
        """A datagram to whom ever."""
        self._transport.sendto(data, address)

    def begin(self, script: Awaitable[None]) -> None:
        """Let a script run."""

        async def run() -> None:
            with contextlib.suppress(ConnectionError, ValueError, AssertionError):
                await script

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A client's packet. A port may be another client's by now."""
        seen = opening(data)
        if seen is not None and self._met.get(addr) != seen.client_id:
            self._met[addr] = seen.client_id
            self._visitors.pop(addr, None)
            self._meet(seen, data, addr)
        visitor = self._visitors.get(addr)
        if visitor is not None:
            with contextlib.suppress(ConnectionError, ValueError, AssertionError):
                visitor.far.datagram_received(data, addr)

    def _meet(self, seen: Opening, data: bytes, addr: Address) -> None:
        random = Random(f"{self._seed}/{self._number}")
        self._number += 1

        def send(data: bytes) -> None:
            self.send(data, addr)

        if seen.nameless and self._script is not None:
            send(encode_quic_version_negotiation(seen.server_id, seen.client_id, [VERSION_1]))
        elif seen.nameless:
            self.begin(pinged(seen, data, send, random))
        elif self._kind == "quic packets":
            self.begin(packets(seen, data, send, random))
        else:
            script = self._script or SCRIPTS.get(self._kind, honest)
            self._visitors[addr] = Visitor(seen, self, addr, script, random)


async def honest(visitor: Visitor) -> None:
    """What was asked for."""
    visitor.far.say(visitor.far.own_stream(), b"\0" + h3_frame(4, b""))
    visitor.far.say(0, h3_frame(1, HEAD) + h3_frame(0, b"x" * 65_536), end=True)


SCRIPTS: dict[str, Script | None] = {
    "quic handshake": None,
    "quic frames": connected,
    "http/3": http3,
}
KINDS = (
    "quic packets",
    *SCRIPTS,
    "quic certificate of 100 names",
    "quic certificate of 6,000 names",
)
"""What can be met over QUIC."""
