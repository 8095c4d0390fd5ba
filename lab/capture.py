"""What the packets say: a capture read into connections, DNS exchanges and contacted hosts.

The kernel stamps each packet (in nanoseconds) as the interface sends or receives it, so a capture
on the client's interface is the truth that the client's own clock is held against.
"""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import signal
import ssl
import struct
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message

from lab.net import CLIENT_INTERFACE, WORLD_ADDRESS, Namespace

SYN, FIN, RST, ACK = 0x02, 0x01, 0x04, 0x10
TCP, UDP = 6, 17
DNS_PORT = 53
# The discard service: the last packet of a capture goes there.
MARK_PORT = 9
MARK_SECONDS = 5.0
RECORD_HEAD_BYTES = 5
_NANOSECOND_MAGIC = 0xA1B23C4D
_ETHERTYPES = {0x0800, 0x86DD}


@dataclass(frozen=True, slots=True)
class Packet:
    """One TCP or UDP packet, ``at`` in Unix nanoseconds. ``wire_bytes`` include the IP header."""

    at: int
    protocol: int
    source: tuple[str, int]
    destination: tuple[str, int]
    flags: int
    sequence: int
    payload: bytes
    wire_bytes: int


def packets(path: Path) -> Iterator[Packet]:
    """The TCP and UDP packets of a nanosecond pcap file of an Ethernet interface."""
    data = path.read_bytes()
    if struct.unpack_from("<I", data)[0] != _NANOSECOND_MAGIC:
        raise ValueError(f"{path.name} is not a nanosecond capture of this machine")
    offset = 24
    while offset + 16 <= len(data):
        seconds, nanoseconds, kept, _ = struct.unpack_from("<IIII", data, offset)
        frame = data[offset + 16 : offset + 16 + kept]
        offset += 16 + kept
        if (packet := _packet(seconds * 1_000_000_000 + nanoseconds, frame)) is not None:
            yield packet


def _packet(at: int, frame: bytes) -> Packet | None:
    if len(frame) < 34 or struct.unpack_from("!H", frame, 12)[0] not in _ETHERTYPES:
        return None
    ip = frame[14:]
    if ip[0] >> 4 == 4:
        head, total, protocol = (ip[0] & 15) * 4, struct.unpack_from("!H", ip, 2)[0], ip[9]
        source, destination = ip[12:16], ip[16:20]
    else:
        head, total, protocol = 40, 40 + struct.unpack_from("!H", ip, 4)[0], ip[6]
        source, destination = ip[8:24], ip[24:40]
    segment = ip[head:total]
    if protocol not in (TCP, UDP) or len(segment) < 8:
        return None
    ports = struct.unpack_from("!HH", segment)
    start = (segment[12] >> 4) * 4 if protocol == TCP else 8
    return Packet(
        at=at,
        protocol=protocol,
        source=(str(ipaddress.ip_address(source)), ports[0]),
        destination=(str(ipaddress.ip_address(destination)), ports[1]),
        flags=segment[13] if protocol == TCP else 0,
        sequence=struct.unpack_from("!I", segment, 4)[0] if protocol == TCP else 0,
        payload=segment[start:],
        wire_bytes=total,
    )


@dataclass(frozen=True, slots=True)
class TlsRecord:
    """A TLS record by its plain head, and when its first and last byte was there."""

    type: int
    bytes: int
    begun: int
    ended: int


@dataclass(slots=True)
class Stream:
    """One direction of a connection, its segments put in order."""

    first: int | None = None
    segments: list[tuple[int, int, bytes]] = field(default_factory=list)

    def add(self, packet: Packet) -> None:
        """Take a segment; ``first`` is the sequence number of the first byte."""
        if packet.flags & SYN:
            self.first = packet.sequence + 1
        elif packet.payload and self.first is not None:
            place = (packet.sequence - self.first) & 0xFFFFFFFF
            self.segments.append((place, packet.at, packet.payload))

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """The bytes in order, with the time at which each piece could first be read."""
        reached, latest = 0, 0
        for place, at, payload in sorted(self.segments):
            if place > reached:
                return
            if place + len(payload) <= reached:
                continue
            latest = max(latest, at)
            yield latest, payload[reached - place :]
            reached = place + len(payload)

    def records(self) -> list[TlsRecord]:
        """The TLS records that came whole."""
        made: list[TlsRecord] = []
        buffer, begun = bytearray(), 0
        for at, piece in self.pieces():
            begun = begun or at
            buffer += piece
            while len(buffer) >= RECORD_HEAD_BYTES:
                length = RECORD_HEAD_BYTES + int.from_bytes(buffer[3:5])
                if len(buffer) < length:
                    break
                made.append(TlsRecord(type=buffer[0], bytes=length, begun=begun, ended=at))
                del buffer[:length]
                begun = at if buffer else 0
        return made


@dataclass(slots=True)
class Connection:
    """A TCP connection that the client opened. Times are Unix nanoseconds, ``None``: never."""

    client: tuple[str, int]
    server: tuple[str, int]
    syn: int | None = None
    syn_count: int = 0
    syn_ack: int | None = None
    sent: Stream = field(default_factory=Stream)
    received: Stream = field(default_factory=Stream)
    last_received: int | None = None
    reset: bool = False
    wire_bytes_sent: int = 0
    wire_bytes_received: int = 0

    @property
    def client_hello(self) -> int | None:
        """When the first data left."""
        return self.sent.segments[0][1] if self.sent.segments else None

    @property
    def first_data(self) -> int | None:
        """When the first data arrived."""
        return self.received.segments[0][1] if self.received.segments else None

    def sni(self) -> str | None:
        """The name in the ClientHello, as OpenSSL reads it."""
        return server_name(b"".join(piece for _, piece in self.sent.pieces()))


@dataclass(frozen=True, slots=True)
class Exchange:
    """A DNS query over UDP and when its answers came. Times are Unix nanoseconds."""

    resolver: str
    client_port: int
    id: int
    name: str
    type: str
    sent: int
    answers: tuple[int, ...]


def connections(path: Path) -> list[Connection]:
    """Every connection of a capture taken where the client's packets leave, in order."""
    made: list[Connection] = []
    known: dict[tuple[tuple[str, int], tuple[str, int]], Connection] = {}
    for packet in packets(path):
        if packet.protocol != TCP:
            continue
        if packet.flags & (SYN | ACK) == SYN:
            key = (packet.source, packet.destination)
            if key not in known or known[key].sent.first != packet.sequence + 1:
                known[key] = Connection(client=packet.source, server=packet.destination)
                known[key].syn = packet.at
                made.append(known[key])
            known[key].syn_count += 1
        if (connection := known.get((packet.source, packet.destination))) is not None:
            connection.sent.add(packet)
            connection.wire_bytes_sent += packet.wire_bytes
        elif (connection := known.get((packet.destination, packet.source))) is not None:
            _receive(connection, packet)
    return made


class ByPort:
    """Connections by the client's port. A port comes again after a minute or so, sooner than one
    would think: of 2,000 connections every twentieth has that of an earlier one."""

    def __init__(self, made: Iterable[Connection]) -> None:
        self._made: dict[int, list[Connection]] = {}
        for connection in made:
            self._made.setdefault(connection.client[1], []).append(connection)

    def at(self, port: int, seconds: float) -> Connection:
        """The one that had ``port`` at that time (Unix seconds). Raises ``LookupError``."""
        begun = [c for c in self._made.get(port, []) if (c.syn or 0) <= seconds * 1e9]
        if not begun:
            raise LookupError(f"no connection from port {port} by {seconds}")
        return begun[-1]


def _receive(connection: Connection, packet: Packet) -> None:
    if packet.flags & SYN and connection.syn_ack is None:
        connection.syn_ack = packet.at
    connection.reset |= bool(packet.flags & RST)
    connection.received.add(packet)
    connection.wire_bytes_received += packet.wire_bytes
    if packet.payload:
        connection.last_received = packet.at


def dns_exchanges(path: Path) -> list[Exchange]:
    """Every DNS query that left over UDP, with the answers to it."""
    queries: list[tuple[Packet, dns.message.Message]] = []
    answers: dict[tuple[tuple[str, int], tuple[str, int], int], list[int]] = {}
    for packet in packets(path):
        if packet.protocol != UDP or DNS_PORT not in (packet.source[1], packet.destination[1]):
            continue
        with contextlib.suppress(dns.exception.DNSException):
            message = dns.message.from_wire(packet.payload)
            if packet.destination[1] == DNS_PORT:
                queries.append((packet, message))
            else:
                answers.setdefault((packet.destination, packet.source, message.id), []).append(
                    packet.at
                )
    return [
        Exchange(
            resolver=packet.destination[0],
            client_port=packet.source[1],
            id=message.id,
            name=message.question[0].name.to_text(omit_final_dot=True).lower(),
            type=dns.rdatatype.to_text(message.question[0].rdtype),
            sent=packet.at,
            answers=tuple(answers.get((packet.source, packet.destination, message.id), ())),
        )
        for packet, message in queries
    ]


def contacted(path: Path) -> dict[str, set[str]]:
    """What was contacted: ``dns`` names asked for, ``sni`` names said, ``addresses`` sent to."""
    made = connections(path)
    asked = {exchange.name for exchange in dns_exchanges(path)}
    clients = {connection.client[0] for connection in made}
    reached = {p.destination[0] for p in packets(path) if p.destination[1] != MARK_PORT} - clients
    named = {name for connection in made if (name := connection.sni()) is not None}
    return {"dns": asked, "sni": named, "addresses": reached}


def server_name(stream: bytes) -> str | None:
    """The SNI of the ClientHello that ``stream`` begins with, if there is a whole one."""
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _, name, __: names.append(name)
    incoming = ssl.MemoryBIO()
    incoming.write(stream)
    server = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    # There is no certificate to answer with, and no need for one.
    with contextlib.suppress(ssl.SSLError):
        server.do_handshake()
    return names[0] if names else None


class Capture:
    """tcpdump in a namespace, as a context manager; afterwards the file is whole."""

    def __init__(
        self, namespace: Namespace, path: Path, *, interface: str = CLIENT_INTERFACE
    ) -> None:
        self.path = path
        self._argv = ["tcpdump", "-i", interface, "-w", str(path), "-U", "-Z", "root"]
        self._argv += ["--time-stamp-precision=nano", "--immediate-mode", "-s", "0", "-B", "16384"]
        self._namespace = namespace
        self._process: subprocess.Popen[str] | None = None
        self.dropped = 0

    def __enter__(self) -> Capture:
        self._process = self._namespace.spawn(self._argv, stderr=subprocess.PIPE, own_session=True)
        assert self._process.stderr is not None
        said = []
        while "listening on" not in (line := self._process.stderr.readline()):
            said.append(line)
            if not line:
                raise RuntimeError(f"tcpdump did not start: {''.join(said)}")
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process is not None
        self._wait_for_last_packet()
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=10)
        lost = [line.split()[0] for line in said.splitlines() if "dropped by kernel" in line]
        self.dropped = int(lost[0]) if lost else 0

    def _wait_for_last_packet(self) -> None:
        """tcpdump forgets what it has not read when it is told to stop: send a packet, see it."""
        mark = f"end {secrets.token_hex(16)}"
        send = f"echo {mark} > /dev/udp/{WORLD_ADDRESS}/{MARK_PORT}"
        self._namespace.run(["bash", "-c", send])
        deadline = time.monotonic() + MARK_SECONDS
        while time.monotonic() < deadline and mark.encode() not in self.path.read_bytes():
            time.sleep(0.01)
