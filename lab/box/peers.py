"""Plain clients and servers at the two ends of a box, for tests of what the box does."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import dns.message
import dns.rrset
from msgspec import Struct

from lab.box.censor import RuleCount
from lab.box.control import BoxControl
from lab.box.inside import inside
from lab.box.line import BITS
from lab.box.rules import (
    Action,
    Match,
    Memory,
    Reach,
    Rule,
    Scope,
)
from lab.net import Topology
from lab.pki import Authority
from probe.measure.connection import tcp_info
from probe.model.observation import TcpInfo

PLATFORM, PLATFORM6 = "203.0.113.10", "2001:db8:10::1"
NEUTRAL = "198.51.100.10"
FAKE, FAKE6 = "192.0.2.66", "2001:db8:66::1"
RESOLVER, RESOLVER6 = "192.0.2.53", "2001:db8:53::1"
ADDRESSES = (PLATFORM, PLATFORM6, NEUTRAL, FAKE, FAKE6, RESOLVER, RESOLVER6)
NAME, OTHER = "x.com", "example.org"
RECORD_BYTES = 1_300
# How long a client waits that will wait in vain.
VAIN_SECONDS = 0.4
PATIENT_SECONDS = 10.0
MATCH = Match(names=(NAME,))
T = TypeVar("T")


class World:
    """Servers of the world in threads of this process: TLS that sends as many bytes as it is asked
    for, DNS that tells the truth, UDP that echoes."""

    def __init__(self, topology: Topology, authority: Authority, folder: Path) -> None:
        self._sockets: list[socket.socket] = []
        # What went wrong with each connection, from the server's side.
        self.said: list[str] = []
        topology.give_world(ADDRESSES)
        with inside(topology.world):
            for address in (PLATFORM, PLATFORM6, NEUTRAL):
                self._serve_tls(address, self._context(authority, folder, [NAME, OTHER]))
            for address in (FAKE, FAKE6):
                self._serve_tls(address, self._context(authority, folder, ["block.example"]))
            for address in (RESOLVER, RESOLVER6):
                self._serve_udp(address, 53, truth)
            self._serve_udp(PLATFORM, 443, bytes)

    def close(self) -> None:
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    @staticmethod
    def _context(authority: Authority, folder: Path, names: list[str]) -> ssl.SSLContext:
        file = folder / f"{names[0]}.pem"
        file.write_bytes(authority.issue(names))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _serve_tls(self, address: str, context: ssl.SSLContext) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, 443), family=family, backlog=64)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets.append(listener)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(
                        target=self._answer, args=(connection, context), daemon=True
                    ).start()

        threading.Thread(target=accept, daemon=True).start()

    def _answer(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        connection.settimeout(PATIENT_SECONDS)
        # Not an SSLSocket: one made of a connection that has just been reset is never closed.
        encrypted, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(encrypted, to_send, server_side=True)

        def do(step: Callable[[], T]) -> T:
            while True:
                try:
                    done = step()
                except ssl.SSLWantReadError:
                    connection.sendall(to_send.read())
                    got = connection.recv(65_536)
                    encrypted.write(got) if got else encrypted.write_eof()
                else:
                    connection.sendall(to_send.read())
                    return done

        with connection:
            try:
                do(tls.do_handshake)
                wanted = int(do(lambda: tls.read(100)))
                for at in range(0, wanted, RECORD_BYTES):
                    do(partial(tls.write, bytes(min(RECORD_BYTES, wanted - at))))
            except (OSError, ValueError) as error:
                self.said.append(type(error).__name__)

    def _serve_udp(self, address: str, port: int, answer: Callable[[bytes], bytes]) -> None:
        server = socket.socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM
        )
        server.bind((address, port))
        self._sockets.append(server)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    data, peer = server.recvfrom(4096)
                    # That is how a socket that was shut down returns.
                    if peer is None:
                        return
                    server.sendto(answer(data), peer)

        threading.Thread(target=serve, daemon=True).start()


def truth(question: bytes) -> bytes:
    query = dns.message.from_wire(question)
    answer = dns.message.make_response(query)
    name = query.question[0].name
    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", PLATFORM))
    return answer.to_wire()


class Fetched(Struct, frozen=True, kw_only=True):
    """What a client got: bytes and seconds of the body, or how it ended; and what its kernel
    counted (``None``: it ended early)."""

    bytes: int
    seconds: float
    handshake_seconds: float
    failure: str = ""
    tcp: TcpInfo | None = None

    @property
    def rate_bits_per_second(self) -> float:
        return self.bytes * BITS / self.seconds


class Lab:
    """The client's side of everything."""

    def __init__(
        self, topology: Topology, world: World, box: BoxControl, trust: ssl.SSLContext
    ) -> None:
        self.topology = topology
        self.world = world
        self.box = box
        self.trust = trust
        self._rules = 0

    def rule(
        self,
        action: Action,
        match: Match = MATCH,
        *,
        reach: Reach = Reach.BOTH,
        scope: Scope = Scope.FLOW,
        memory: Memory = Memory.FLOW,
    ) -> None:
        """The only rule from now on."""
        self._rules += 1
        name = str(self._rules)
        self.box.set_rules(
            [Rule(name=name, action=action, match=match, reach=reach, scope=scope, memory=memory)]
        )

    def count(self) -> RuleCount:
        """What that rule has done."""
        return self.box.stats().rules[str(self._rules)]

    def connect(
        self, address: str, timeout: float = PATIENT_SECONDS, source: str | None = None
    ) -> socket.socket:
        bound = (source, 0) if source else None
        with inside(self.topology.client):
            return socket.create_connection((address, 443), timeout, source_address=bound)

    def fetch(
        self,
        name: str = NAME,
        address: str = PLATFORM,
        *,
        size: int = 20_000,
        timeout: float = PATIENT_SECONDS,
        trust: ssl.SSLContext | None = None,
        source: str | None = None,
    ) -> Fetched:
        """Fetch ``size`` bytes under a name."""
        got, begin, shaken = 0, time.monotonic(), 0.0
        failure, counted = "", None
        try:
            connection = self.connect(address, timeout, source)
            shaking = time.monotonic()
            with (trust or self.trust).wrap_socket(connection, server_hostname=name) as tls:
                begin = time.monotonic()
                shaken = begin - shaking
                tls.sendall(b"%d" % size)
                while got < size and (data := tls.recv(65_536)):
                    got += len(data)
                counted = tcp_info.read(tls)
        except OSError as error:
            failure = type(error).__name__
        seconds = time.monotonic() - begin
        return Fetched(
            bytes=got,
            seconds=seconds,
            handshake_seconds=shaken,
            failure=failure,
            tcp=None if counted is None else counted.tcp,
        )

    def ask(self, resolver: str, name: str = NAME, kind: str = "A") -> list[dns.message.Message]:
        """All answers to a question that come within a while."""
        family = socket.AF_INET6 if ":" in resolver else socket.AF_INET
        with inside(self.topology.client):
            asking = socket.socket(family, socket.SOCK_DGRAM)
        answers = []
        with asking:
            asking.settimeout(VAIN_SECONDS)
            query = dns.message.make_query(name, kind)
            asking.sendto(query.to_wire(), (resolver, 53))
            with contextlib.suppress(TimeoutError):
                while True:
                    answers.append(dns.message.from_wire(asking.recv(4096)))
        assert all(query.is_response(answer) for answer in answers)
        return answers
