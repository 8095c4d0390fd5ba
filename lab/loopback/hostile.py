"""Far ends that mean harm: each kind makes scripts, every script from a random number of its own.

Nothing here is meant to be answered well. A leg must end in time, read little, remember less, and
say what happened in a word of the closed set.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import cast

import trustme

from lab.loopback.servers import NAME, Script, Visit, authority, certificate, server_context
from lab.loopback.turns import drop_all

Make = Callable[[Random], Script]
ENDLESS = 4_000_000
"""Bytes of what never ends: far beyond every limit, so that a limit must be what ends it."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(
    kind: int, flags: int, stream: int, payload: bytes, *, length: int | None = None
) -> bytes:
    """An HTTP/2 frame; ``length`` may lie."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


async def flood(visit: Visit, piece: bytes, total: int = ENDLESS) -> None:
    """``piece`` again and again, as fast as it is taken, while nobody closes."""
    some = piece * max(1, 16_384 // max(1, len(piece)))
    with contextlib.suppress(ConnectionError):
        for _ in range(max(1, total // len(some))):
            await visit.send(some)


async def drip(visit: Visit, data: bytes, seconds: float = 0.01) -> None:
    """One byte at a time."""
    with contextlib.suppress(ConnectionError):
        for i in range(len(data)):
            await visit.send(data[i : i + 1])
            await asyncio.sleep(seconds)


def mutated(data: bytes, random: Random) -> bytes:
    """``data`` with a few bytes changed, cut out, doubled or put in."""
    found = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if not found:
            break
        at = random.randrange(len(found))
        how = random.randrange(5)
        if how == 0:
            found[at] = random.randrange(256)
        elif how == 1:
            del found[at : at + random.randint(1, 40)]
        elif how == 2:
            found[at:at] = random.randbytes(random.randint(1, 40))
        elif how == 3:
            found[at:at] = found[at : at + random.randint(1, 200)]
        else:
            found[at] = random.choice((0x00, 0xFF, 0x7F, 0x80))
    return bytes(found)


def _server_flight(hello: bytes, leaf: trustme.LeafCert) -> bytes:
    """What an honest server answers to this ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = server_context(leaf).wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(hello)
    with contextlib.suppress(ssl.SSLError):
        session.do_handshake()
    return outgoing.read()


def tls_bytes(random: Random) -> Script:
    """In place of TLS: rubbish, records with wrong lengths or without end, a broken flight."""
    how = random.randrange(7)

    async def script(visit: Visit) -> None:
        hello = await visit.reader.read(4_096)
        if how == 0:
            await visit.send(random.randbytes(random.randint(1, 3_000)))
        elif how == 1:
            size = random.choice((0, 1, 16_384, 18_432, 18_433, 65_535))
            kind = random.randrange(20, 25)
            await visit.send(struct.pack(">BHH", kind, 0x0303, size) + random.randbytes(500))
        elif how == 2:
            await flood(visit, struct.pack(">BHH", random.choice((20, 21, 22)), 0x0303, 1) + b"\1")
        elif how == 3:
            await flood(visit, struct.pack(">BHH", 22, 0x0303, 16_384) + random.randbytes(16_384))
        elif how == 4:
            await drip(visit, _server_flight(hello, certificate()))
        elif how == 5:
            flight = mutated(_server_flight(hello, certificate()), random)
            await visit.send(flight)
        else:
            flight = _server_flight(hello, certificate())
            await visit.send(flight[: random.randrange(len(flight) or 1)])
        if random.random() < 0.3:
            await visit.stall()

    return script


@functools.cache
def large_certificate(names: int) -> trustme.LeafCert:
    """A right certificate with so many names."""
    many = (f"name-{i}.of-a-very-large-certificate.example" for i in range(names))
    return authority().issue_cert(NAME, *many)


STATUS_LINES = (
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 206 Partial Content",
    b"HTTP/1.1 200",
    b"HTTP/9.9 200 OK",
    b"HTTP/1.1 99999 X",
    b"HTTP/1.1 -1 X",
    b"HTTP/1.1 103 Early",
    b"HTTP/1.1 429 Slow",
    b"HTTP/1.1 302 Found",
    b"HTTP/1.1 308 Found",
    b"ICY 200 OK",
    b"\x00\x01\x02",
)
FIELDS = (
    b"Content-Length: 65536",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: -1",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Content-Encoding: gzip",
    b"Retry-After: 99999999999",
    b"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT",
    b"Location: https://[::1",
    b"Location: /again",
    b"Location: https://www.example.com:99999/",
    b"X: \xff\xfe\x00",
    b" folded: yes",
    b"No colon here",
    b"Connection: upgrade\r\nUpgrade: h2c",
)


def http1(random: Random) -> Script:
    """Over TLS: heads without end, wrong lengths, chunks, floods of 1xx, bytes one by one, lines
    that are no fields, answers without end after a good one."""
    how = random.randrange(12)

    async def script(visit: Visit) -> None:
        await visit.head()
        line = random.choice(STATUS_LINES)
        fields = [random.choice(FIELDS) for _ in range(random.randint(0, 4))]
        head = b"\r\n".join((line, *fields)) + b"\r\n"
        if how == 0:
            await visit.send(b"HTTP/1.1 200 OK\r\nX: ")
            await flood(visit, b"a")
        elif how == 1:
            await visit.send(b"HTTP/1.1 200 OK\r\n")
            await flood(visit, b"X-Header: value\r\n")
        elif how == 2:
            await flood(visit, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        elif how == 3:
            await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await flood(visit, random.choice((b"1\r\na\r\n", b"1;" + b"x" * 4_000, b"f" * 400)))
        elif how == 4:
            await visit.send(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
            )
            await flood(visit, b"Trailer: value\r\n")
        elif how == 5:
            await drip(visit, head + b"\r\n" + b"x" * 200)
        elif how == 6:
            await visit.send(mutated(head + b"\r\n" + b"x" * 2_000, random))
        elif how == 7:
            await visit.send(head + b"\r\n")
            await flood(visit, random.randbytes(1_000), 200_000)
        elif how == 8:
            await visit.send(random.randbytes(random.randint(1, 5_000)))
        elif how == 9:
            odd = b"".join(random.randbytes(random.randint(0, 40)) + b"\r\n" for _ in range(50))
            await visit.send(b"HTTP/1.1 200 OK\r\n" + odd + b"Content-Length: 5\r\n\r\nhello")
        elif how == 10:
            await visit.send(b"HTTP/1.1 200 OK\r\n" + b"no field\r\n" * 9_000 + b"\r\n")
            await flood(visit, b"x")
        else:
            some = b"HTTP/1.1 102 Wait\r\n\r\n" * random.choice((1, 100, 101, 5_000))
            await visit.send(some + b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n")
            await flood(visit, b"x", 65_536)
        if random.random() < 0.2:
            visit.reset()

    return script


def _headers(random: Random) -> bytes:
    """A header block: right, or a bomb of references, or rubbish."""
    how = random.randrange(5)
    if how == 0:
        return b"\x88"
    if how == 1:
        # One entry of 4,000 bytes in the table, then references to it: 1 byte is 4,000.
        entry = b"\x40\x01a\x7f" + bytes([0xA0 - 127 + 0x80 & 0xFF, 0x1E]) + b"b" * 4_000
        return b"\x88" + entry + b"\xbe" * random.randint(10, 4_000)
    if how == 2:
        return b"\x88" + b"\x3f\xff\xff\xff\xff\x7f" * random.randint(1, 10)
    if how == 3:
        return b"\x88" + b"\x00\x7f\xff\xff\xff\xff\xff\x7f" + random.randbytes(100)
    return random.randbytes(random.randint(1, 2_000))


def http2(random: Random) -> Script:
    """Over TLS with h2 agreed: floods of frames, CONTINUATION without end, HPACK bombs, lies,
    farewells."""
    how = random.randrange(17)

    async def script(visit: Visit) -> None:
        await visit.reader.read(4_096)
        settings = frame(4, 0, 0, b"")
        await visit.send(settings)
        if how == 0:
            await flood(visit, frame(6, 0, 0, b"8 bytes."))
        elif how == 1:
            await flood(visit, frame(4, 0, 0, struct.pack(">HI", random.randrange(1, 7), 16_384)))
        elif how == 2:
            await visit.send(frame(1, 0, 1, b"\x88"))
            await flood(visit, frame(9, 0, 1, b"\x40\x01a\x01b" * 100))
        elif how == 3:
            await visit.send(frame(1, 4, 1, _headers(random)))
            await flood(visit, frame(0, 0, 1, b""))
        elif how == 4:
            await visit.send(frame(1, 4, 1, b"\x88"))
            await flood(visit, frame(0, 8, 1, b"\xff" + bytes(255)))
        elif how == 5:
            await flood(visit, frame(8, 0, 0, struct.pack(">I", 0x7FFF_FFFF)))
        elif how == 6:
            await flood(visit, frame(5, 4, 1, struct.pack(">I", 2) + b"\x82"))
        elif how == 7:
            await visit.send(frame(random.randrange(12), 0xFF, 1, b"x" * 9, length=0xFF_FFFF))
            await flood(visit, bytes(1_000))
        elif how == 8:
            await visit.send(frame(random.choice((3, 7)), 0, random.choice((0, 1)), bytes(8)))
        elif how == 9:
            await flood(visit, frame(0x7F, 0, 0, bytes(100)))
        elif how == 10:
            await flood(visit, frame(1, 4, 1, _headers(random)))
        elif how == 11:
            await flood(visit, frame(1, 4, 1, b"\x08\x03103"))
        elif how == 12:
            last, code = random.choice((0, 1, 2**31 - 1)), random.choice((0, 0, 2, 99))
            await flood(visit, frame(7, 0, 0, struct.pack(">II", last, code)), 200_000)
        elif how == 13:
            await visit.send(frame(1, 4, 1, b"\x88") + frame(0, 0, 1, b"x" * 5_000))
            await visit.send(frame(7, 0, 0, struct.pack(">II", 1, 0)))
            await flood(visit, frame(6, 0, 0, bytes(8)))
        elif how == 14:
            await visit.send(frame(1, 4, 1, b"\x88"))
            await flood(visit, frame(0, 0, 1, b"x") + frame(6, 0, 0, bytes(8)))
        elif how == 15:
            await visit.send(frame(1, 4, 1, b"\x88"))
            await flood(visit, frame(0, 0, 1, b"x"))
        else:
            honest = frame(1, 4, 1, b"\x88") + frame(0, 0, 1, b"x" * 5_000) + frame(0, 1, 1, b"y")
            await visit.send(mutated(honest, random))
        if random.random() < 0.3:
            await visit.stall()

    return script


def deafen(visit: Visit) -> None:
    """From here on nothing that the client sends is acknowledged."""
    with socket.socket(fileno=os.dup(visit.writer.get_extra_info("socket").fileno())) as sock:
        drop_all(sock)


def deaf(random: Random) -> Script:
    """Over TLS: acknowledges nothing from some moment on, and may go on to send."""
    how = random.randrange(4)

    async def script(visit: Visit) -> None:
        if how == 0:
            deafen(visit)
        await visit.head()
        deafen(visit)
        if how == 1:
            await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + b"x" * 9_000)
        if how == 2:
            await drip(visit, b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + b"x" * 99)
        await visit.stall()

    return script


def proxy(random: Random) -> Script:
    """In place of a SOCKS5 proxy (or, a client being what it is, of an HTTP one): rubbish, half of
    an answer, names of 255 letters, answers without end, silence."""
    how = random.randrange(8)

    async def script(visit: Visit) -> None:
        first = await visit.reader.read(4_096)
        if how == 0:
            await visit.send(random.randbytes(random.randint(1, 400)))
        elif how == 1:
            await flood(visit, random.randbytes(1))
        elif how == 2:
            await flood(visit, b"HTTP/1.1 103 Early Hints\r\n\r\n")
        elif how == 3:
            await visit.send(b"HTTP/1.1 200 OK\r\nX: ")
            await flood(visit, b"a")
        elif how == 4:
            await visit.send(b"\5\0" if first[:1] == b"\5" else b"HTTP/1.1 200 OK\r\n\r\n")
            await visit.reader.read(4_096)
            await visit.send(b"\5\0\0\3\xff" + random.randbytes(random.choice((255, 257, 9_000))))
        elif how == 5:
            await drip(visit, b"\5\0\5\0\0\1\x7f\0\0\1\0\x50")
        elif how == 6:
            await visit.send(mutated(b"\5\0\5\0\0\1\x7f\0\0\1\0\x50", random))
        else:
            deafen(visit)
        if random.random() < 0.3:
            await visit.stall()

    return script


_HOSTS = ("abs.twimg.com", "evil.test", "[::1", "\u00e9.cdn.test", "-.cdn.test", "a." * 200, "")
_PORTS = ("", ":", ":443", ":0", ":65536", ":port", ":" + "9" * 400, ":-1", ":\u0661")
_PATHS = ("/main.1f.js", "/a b", "/\x00", "//", "?" * 5_000, "/" + "%" * 9_000, "/\ud800", "\\")


def link(random: Random) -> str:
    """What a page may give as a link."""
    scheme = random.choice(("https://", "http://", "//", "", "javascript:", "HTTPS://", "https:/"))
    user = random.choice(("", "", "me@", "me:secret@", "@", ":@"))
    made = scheme + user + random.choice(_HOSTS) + random.choice(_PORTS) + random.choice(_PATHS)
    if random.random() < 0.3:
        made = mutated(made.encode("utf-8", "surrogatepass"), random).decode("utf-8", "replace")
    return made


PAGES = (
    (r"(?:a+a+)+b", b"a" * 60),
    (r"(?:a|aa|aaa)+!", b"a" * 200),
    (r"[^!]+!", b"a" * 1_000_000),
    (r"(?:(?:(a)|b)(?:(c)|d)?)*e", b"a" * 1_000_000),
    (r"\S", bytes(range(33, 127)) * 10_000),
    (r"\w+", b"a " * 500_000),
)
"""Patterns, and pages on which they take for ever, or find very much."""


def _large(random: Random) -> Script:
    async def script(visit: Visit) -> None:
        await visit.answer(b"x" * 2_000)

    return script


def contexts() -> Mapping[str, tuple[Make, ssl.SSLContext | None]]:
    """Each kind: what makes its scripts, and the TLS that they are spoken over, if any."""
    leaf = certificate()
    return {
        "tls": (tls_bytes, None),
        "http/1.1": (http1, server_context(leaf)),
        "http/2": (http2, server_context(leaf, alpn=("h2",))),
        "deaf": (deaf, server_context(leaf, tls12=True)),
        "proxy": (proxy, None),
        "certificate of 1,000 names": (_large, server_context(large_certificate(1_000))),
        "certificate of 6,000 names": (_large, server_context(large_certificate(6_000))),
    }


def scripted(make: Make, seed: str) -> Script:
    """A script that makes a new one for each visit, from ``seed`` and the visit's number."""
    number = iter(range(10**9))

    def begin(visit: Visit) -> Awaitable[None]:
        return make(Random(f"{seed}/{next(number)}"))(visit)

    return begin


class Resolver(asyncio.DatagramProtocol):
    """A resolver that answers with whatever a broken or forging one could send."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not of the class that the documentation names: asyncio's own is only shaped like it.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in answers_to(data, self._random):
            self._transport.sendto(answer, addr)


def answers_to(query: bytes, random: Random) -> list[bytes]:
    """Messages for a query: rubbish, lies about counts, loops of names, floods, huge ones."""
    head = query[:2] + b"\x81\x80" + query[4:6]
    question = query[12 : query.index(b"\0", 12) + 5]
    a_record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"
    honest = head + struct.pack(">HHH", 1, 0, 0) + question + a_record
    how = random.randrange(8)
    if how == 0:
        return [random.randbytes(random.randint(0, 1_500))]
    if how == 1:
        return [head + struct.pack(">HHH", 0xFFFF, 0xFFFF, 0xFFFF) + question + a_record]
    if how == 2:
        loop = (
            b"\xc0"
            + bytes([12 + len(question)])
            + b"\x00\x05\x00\x01"
            + bytes(4)
            + b"\x00\x02\xc0\x0c"
        )
        return [head + struct.pack(">HHH", 2, 0, 0) + question + loop * 2]
    if how == 3:
        return [mutated(honest, random) for _ in range(random.randint(1, 5))]
    if how == 4:
        return [honest] * 200
    if how == 5:
        return [head + struct.pack(">HHH", 4_000, 0, 0) + question + a_record * 4_000]
    if how == 6:
        return [honest[: random.randrange(len(honest))]]
    return [random.randbytes(2) + honest[2:] for _ in range(100)]
