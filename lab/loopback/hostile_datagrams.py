"""What a far end over QUIC that means harm sends: frames, packets, floods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from random import Random

from aioquic.quic.packet import encode_quic_retry, encode_quic_version_negotiation

from lab.loopback.hostile import mutated
from lab.loopback.sealing import INITIAL, SHORT, VERSION_1, Opening, initial, var

Send = Callable[[bytes], None]
PIECES_AT_ONCE = 16
ENOUGH_BYTES, ENOUGH_PIECES = 500_000, 1_000
"""Of what never ends: beyond every limit of a leg."""
LARGE = (1 << 62) - 1


async def flood(send: Send, pieces: Iterator[bytes]) -> None:
    """So many of ``pieces`` that a limit must have ended it, a few at a time."""
    sent = 0
    for number, piece in enumerate(pieces):
        send(piece)
        sent += len(piece) + 28
        if sent > ENOUGH_BYTES or number > ENOUGH_PIECES:
            return
        if number % PIECES_AT_ONCE == 0:
            await asyncio.sleep(0)


def for_ever(make: Callable[[], bytes]) -> Iterator[bytes]:
    """``make`` again and again."""
    while True:
        yield make()


def frames(random: Random) -> bytes:
    """Frames that are wrong, too large, too many, or of no known type; a datagram's worth."""
    how = random.randrange(22)
    some = random.choice((0, 1, 63, 64, 16_384, 1 << 32, LARGE))
    if how == 0:
        return random.randbytes(random.randint(1, 1_100))
    if how == 1:  # an acknowledgement of much that never was
        ranges = random.choice((0, 1, 500, 10_000, LARGE))
        return b"\x02" + var(LARGE) + var(some) + var(ranges) + b"\0" * 1_000
    if how == 2:
        return b"\x03" + var(5) + var(LARGE) + var(0) + var(0) + var(some) * 3
    if how == 3:  # crypto far ahead
        return b"\x06" + var(random.choice((600_000, LARGE - 10))) + var(10) + b"x" * 10
    if how == 4:  # crypto whose message has no end
        return b"\x06" + var(0) + var(1_000) + b"\x02\xff\xff\xff" + b"x" * 996
    if how == 5:
        message = random.choice((2, 4, 8, 11, 13, 15, 20, 24, 254))
        body = random.randbytes(random.randint(0, 900))
        hello = bytes([message]) + len(body).to_bytes(3, "big") + body
        return b"\x06" + var(0) + var(len(hello)) + hello
    if how == 6:
        return b"\x01" * 1_100
    if how == 7:
        return b"\0" * 1_100
    if how == 8:
        return b"\x18" + var(some) + var(some) + bytes([random.randrange(256)]) + bytes(40)
    if how == 9:
        ids = range(random.randrange(100), 1_000_000)
        return b"".join(
            b"\x18" + var(n) + var(n) + b"\x08" + random.randbytes(24) for n in ids[:30]
        )
    if how == 10:
        return (b"\x1a" + random.randbytes(8)) * 120
    if how == 11:
        return b"\x1b" + random.randbytes(8)
    if how == 12:
        return b"\x07" + var(some % 2_000) + random.randbytes(600)
    if how == 13:  # a close with words of every kind
        words = random.choice((b"", b"\xff\xfe" * 400, b"hostname", b"issuer", b"version"))
        code = random.choice((0, 1, 10, 0x12A, 0x130, LARGE))
        kind = random.choice((b"\x1c" + var(code) + var(some), b"\x1d" + var(code)))
        return kind + var(random.choice((len(words), 5_000))) + words
    if how == 14:
        return b"\x1e" * random.randint(1, 1_000)
    if how == 15:
        return random.choice((b"\x04", b"\x05")) + var(some) + var(some) + var(some)
    if how == 16:
        return b"".join(bytes([n]) + var(some) for n in (0x10, 0x12, 0x13, 0x14, 0x16, 0x17))
    if how == 17:
        return b"\x11" + var(some) + var(some) + b"\x15" + var(some) + var(some)
    if how == 18:
        return var(random.choice((0x20, 0x2F, 0x32, 0x4000, LARGE))) + random.randbytes(100)
    if how == 19:  # bytes of a stream, with gaps: every second one
        start = random.randrange(0, 400_000, 2)
        return b"".join(b"\x0e" + var(0) + var(start + 2 * n) + b"\x01x" for n in range(150))
    if how == 20:  # streams of the server's own
        first = random.choice((1, 3)) + 4 * random.randrange(120)
        return b"".join(b"\x0a" + var(first + 4 * n) + b"\x01\x21" for n in range(60))
    return random.choice((b"\x30", b"\x31" + var(some))) + b"x" * 100


def gaps(start: int, count: int = 160) -> bytes:
    """CRYPTO of every second byte, from ``start`` on."""
    return b"".join(b"\x06" + var(start + 2 * n) + b"\x01x" for n in range(count))


async def packets(seen: Opening, first: bytes, send: Send, random: Random) -> None:
    """Before there is a connection: rubbish, single bytes, versions, Retries, resets, floods, and
    first packets with the right keys and wrong things in them."""
    how = random.randrange(17)
    numbers = iter(range(1 << 20))

    def sealed() -> bytes:
        size = random.choice((0, 1, 8, 20))
        source = b"s" * size if how == 9 else b"serverid"
        return initial(seen, frames(random), next(numbers), source=source)

    def retry(token: int) -> bytes:
        source = random.randbytes(random.randrange(21))
        return encode_quic_retry(
            VERSION_1, source, seen.client_id, seen.server_id, random.randbytes(token)
        )

    def versions() -> bytes:
        some = random.choice(([], [1], [1, 2], [0x0A0A0A0A] * 290, [0x6B3343CF], [0xFF00001D]))
        made = encode_quic_version_negotiation(seen.server_id, seen.client_id, some)
        return made + random.choice((b"", b"", b"\0\0\0"))

    if how == 0:
        send(random.randbytes(random.randrange(1_500)))
    elif how == 1:
        await flood(send, for_ever(lambda: random.randbytes(random.randrange(2))))
    elif how == 2:
        send(versions())
    elif how == 3:
        await flood(send, for_ever(versions))
    elif how == 4:
        send(retry(random.choice((0, 1, 100, 900, 1_000, 1_100, 1_150, 1_200, 8_000))))
    elif how == 5:
        await flood(send, for_ever(lambda: retry(random.randrange(100))))
    elif how == 6:
        shape = bytes([SHORT]) + seen.client_id
        await flood(send, for_ever(lambda: shape + random.randbytes(random.randint(5, 40))))
    elif how == 7:
        for _ in range(random.randint(1, 20)):
            send(random.randbytes(random.randint(9_000, 65_000)))
    elif how == 8:
        await flood(send, for_ever(lambda: first))
    elif how in (9, 10):
        send(sealed())
    elif how == 11:
        await flood(send, for_ever(sealed))
    elif how == 12:
        await flood(send, (initial(seen, gaps(2 + 320 * n), n) for n in range(1_000)))
    elif how == 13:  # many packets in one datagram
        for _ in range(5):
            send(b"".join(initial(seen, b"\x01", next(numbers)) for _ in range(800)))
    elif how == 14:  # one datagram, as large as one can be
        send(initial(seen, b"".join(gaps(2 + 320 * n) for n in range(56)), 0))
    elif how == 15:
        for size in (21, 255):
            bad = bytes([INITIAL]) + VERSION_1.to_bytes(4, "big") + bytes([size])
            send(bad + random.randbytes(1_000))
    else:
        await flood(send, for_ever(lambda: mutated(initial(seen, b"\x01" * 1_100, 0), random)))


async def pinged(seen: Opening, first: bytes, send: Send, random: Random) -> None:
    """In answer to the packet without a name: mostly what is right, else a flood or rubbish."""
    how = random.randrange(8)
    right = encode_quic_version_negotiation(seen.server_id, seen.client_id, [1])
    wrong = encode_quic_version_negotiation(seen.client_id, seen.server_id, [1])
    if how == 0:
        await flood(send, for_ever(lambda: wrong))
    elif how == 1:
        await flood(send, for_ever(lambda: random.randbytes(random.randrange(3))))
    elif how == 2:
        for _ in range(10):
            send(random.randbytes(random.choice((1, 7, 1_200, 60_000))))
    elif how == 3:
        await flood(send, for_ever(lambda: first))
    else:
        send(right)
