"""Frames that tests write: packets of a connection, and this machine's own ClientHello."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass

from lab.box.forge import packed, tcp_frame, udp_frame
from lab.box.packet import ACK, PSH, SYN, Packet, parse
from lab.box.rules import Way

MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
ETHERNET = {4: MACS + b"\x08\x00", 16: MACS + b"\x86\xdd"}
# Sequence number of the client's first byte.
FIRST = 1_000


def read(frame: bytes) -> Packet:
    packet = parse(frame)
    assert packet is not None
    return packet


def real_hello(name: str, **options: str) -> bytes:
    """The ClientHello of this machine's TLS, in one record."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    if "ciphers" in options:
        context.set_ciphers(options["ciphers"])
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


@dataclass(frozen=True)
class Ends:
    """A connection, or a pair of UDP sockets, whose packets a test writes."""

    port: int = 40_000
    client: str = "100.64.0.2"
    server: str = "192.0.2.1"
    server_port: int = 443

    def _ends(self, way: Way) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        ends = (packed(self.client), self.port), (packed(self.server), self.server_port)
        return ends if way is Way.UP else (ends[1], ends[0])

    def tcp(
        self, way: Way, data: bytes = b"", *, flags: int = ACK, seq: int = FIRST, ack: int = 7
    ) -> bytes:
        source, destination = self._ends(way)
        return tcp_frame(
            ETHERNET[len(source[0])], source, destination,
            sequence=seq, acknowledgement=ack, flags=flags, data=data,
        )  # fmt: skip

    def udp(self, way: Way, data: bytes = b"") -> bytes:
        source, destination = self._ends(way)
        return udp_frame(ETHERNET[len(source[0])], source, destination, data)

    def syn(self, seq: int = FIRST - 1) -> bytes:
        return self.tcp(Way.UP, flags=SYN, seq=seq)

    def opening(self, hello: bytes) -> tuple[bytes, bytes]:
        """SYN and ClientHello."""
        return self.syn(), self.tcp(Way.UP, hello, flags=ACK | PSH)
