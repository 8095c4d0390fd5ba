"""Is anybody there over QUIC? One packet that says no name, and the answer that every server owes.

A packet of a version that nobody speaks is answered with the versions that the server does speak
(RFC 9000, 6.1; versions of the form 0x?a?a?a?a are kept for that, 15). It has no ClientHello, so
nobody on the way can read a name in it: what it meets is what UDP to port 443 of this address
meets. The answer repeats both connection IDs, which were drawn, so whoever did not see the packet
cannot make it.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from typing import NamedTuple

from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic.packet import QuicPacketType, pull_quic_header

from probe.config.schema import VantageConfig
from probe.measure.connection import kernel_stamps, tcp
from probe.measure.connection.family import SOCKET_FAMILIES, family_of

PING_BYTES = 1_200
"""A server may leave shorter ones unanswered (RFC 9000, 14.1)."""
SENT_AGAIN_SECONDS = 0.4
PING_SECONDS = 1.2
"""So long an answer is waited for, over both packets: a satellite's round trip is 0.6 s."""
_ID_BYTES = 8
_LONG_HEADER = 0xC0
_NOBODY_SPEAKS = 0x0A0A0A0A
# A number in two bytes (RFC 9000, 16).
_TWO_BYTES = 0x4000
MOST_NOT_ANSWERS = 64
"""After so many datagrams that are no answer nothing more is read: somebody floods the port."""
_AT_ONCE = 16
_MOST_DATAGRAM_BYTES = 2_048


class _Sent(NamedTuple):
    their_id: bytes
    own_id: bytes
    at_ns: int


class Ping:
    """The packet to one address, and once more if nothing comes, from a port of its own.

    ``seconds``: the round trip of the packet that was answered (``None``: none was).
    ``bytes_*`` of UDP datagrams, and ``packets_*`` how many of them, count also while it is under
    way.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.bytes_sent = self.bytes_came = self.packets_came = 0
        self._sent: list[_Sent] = []
        self._offset_ns = kernel_stamps.wall_offset_ns()

    @property
    def packets_sent(self) -> int:
        """How many left."""
        return len(self._sent)

    async def run(self, address: str, port: int, via: VantageConfig) -> None:
        """Wait for the answer. Raises what the socket does."""
        family = SOCKET_FAMILIES[family_of(address)]
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            kernel_stamps.enable_stamps(sock)
            tcp.bind(sock, via.source_address, via.interface)
            sock.connect((address, port))
            for waits in (SENT_AGAIN_SECONDS, PING_SECONDS - SENT_AGAIN_SECONDS):
                self._send(sock)
                self.seconds = await self._answered(sock, waits)
                if self.seconds is not None or self._flooded:
                    return

    def _send(self, sock: socket.socket) -> None:
        one = _Sent(
            secrets.token_bytes(_ID_BYTES), secrets.token_bytes(_ID_BYTES), time.monotonic_ns()
        )
        try:
            sock.send(nameless(one.their_id, one.own_id))
        except BlockingIOError:
            return  # as if lost on the way
        self._sent.append(one)
        self.bytes_sent += PING_BYTES

    @property
    def _flooded(self) -> bool:
        return self.packets_came >= MOST_NOT_ANSWERS

    async def _answered(self, sock: socket.socket, seconds: float) -> float | None:
        try:
            async with asyncio.timeout(seconds):
                while not self._flooded:
                    await readable(sock)
                    if (found := self._read(sock)) is not None:
                        return found
        except TimeoutError:
            pass
        return None

    def _read(self, sock: socket.socket) -> float | None:
        """The round trip that what has come tells; ``None``: there is no answer among it."""
        for _ in range(_AT_ONCE):
            try:
                data, ancillary, _, _ = sock.recvmsg(
                    _MOST_DATAGRAM_BYTES, kernel_stamps.ANCILLARY_BYTES
                )
            except (BlockingIOError, InterruptedError):
                return None
            now_ns, stamp = time.monotonic_ns(), kernel_stamps.stamp_ns(ancillary)
            self.bytes_came += len(data)
            self.packets_came += 1
            sent = next(
                (one for one in self._sent if answers(data, one.their_id, one.own_id)), None
            )
            if sent is None:
                continue
            came_ns = now_ns if stamp is None else stamp - self._offset_ns
            if not sent.at_ns <= came_ns <= now_ns:
                came_ns = now_ns  # the wall clock was set meanwhile
            return (came_ns - sent.at_ns) / kernel_stamps.NANOSECONDS
        return None


def nameless(their_id: bytes, own_id: bytes) -> bytes:
    """The packet: a long header of a version that nobody speaks, and noise. What follows the
    connection IDs is that version's own affair, but there are servers which read on before they
    look at the version, so it has the form of version 1: no token, and a length."""
    head = bytes([_LONG_HEADER | secrets.randbelow(16)]) + _NOBODY_SPEAKS.to_bytes(4, "big")
    head += bytes([len(their_id)]) + their_id + bytes([len(own_id)]) + own_id + b"\0"
    noise = PING_BYTES - len(head) - 2
    return head + (_TWO_BYTES | noise).to_bytes(2, "big") + secrets.token_bytes(noise)


def answers(datagram: bytes, their_id: bytes, own_id: bytes) -> bool:
    """Whether ``datagram`` is the answer to the packet with these connection IDs."""
    try:
        header = pull_quic_header(Buffer(data=datagram), host_cid_length=_ID_BYTES)
    except ValueError:  # aioquic's BufferReadError is one
        return False
    return (
        header.packet_type is QuicPacketType.VERSION_NEGOTIATION
        and header.destination_cid == own_id
        and header.source_cid == their_id
    )


async def readable(sock: socket.socket) -> None:
    """Until something can be read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sock)
