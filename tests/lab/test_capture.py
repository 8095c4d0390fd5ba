"""Captures are read rightly: streams put in order, names found in ClientHellos. Needs no root."""

from __future__ import annotations

import ssl
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.capture import ACK, SYN, TCP, ByPort, Connection, Packet, Stream, server_name

START = 0xFFFF_FFF0  # sequence numbers pass 2**32 soon


def packet(at: int, sequence: int, payload: bytes, flags: int = ACK) -> Packet:
    return Packet(
        at=at,
        protocol=TCP,
        source=("192.0.2.1", 40_000),
        destination=("192.0.2.2", 443),
        flags=flags,
        sequence=sequence & 0xFFFF_FFFF,
        payload=payload,
        wire_bytes=40 + len(payload),
    )


@st.composite
def segments(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Bytes, and segments (place, payload) that cover them: cut anywhere, some sent again."""
    data = draw(st.binary(min_size=1, max_size=200))
    cuts = sorted(draw(st.sets(st.integers(1, len(data)), max_size=10)) | {0, len(data)})
    pieces = [(a, data[a:b]) for a, b in pairwise(cuts)]
    again = draw(st.lists(st.sampled_from(pieces), max_size=4))
    return data, draw(st.permutations(pieces + again))


@given(segments())
def test_segments_in_any_order_and_twice_make_the_stream(
    sent: tuple[bytes, list[tuple[int, bytes]]],
) -> None:
    data, order = sent
    stream = Stream()
    stream.add(packet(0, START, b"", SYN))
    for at, (place, payload) in enumerate(order, 1):
        stream.add(packet(at, START + 1 + place, payload))
    pieces = list(stream.pieces())
    assert b"".join(piece for _, piece in pieces) == data
    times = [at for at, _ in pieces]
    assert times == sorted(times)
    # Nothing can be read before everything up to it has come for the first time.
    firsts = {place: at for at, (place, _) in reversed(list(enumerate(order, 1)))}
    assert times[-1] == max(firsts.values())


def test_what_follows_a_gap_is_not_there_yet() -> None:
    stream = Stream()
    stream.add(packet(0, START, b"", SYN))
    stream.add(packet(1, START + 1, b"abc"))
    stream.add(packet(2, START + 7, b"ghi"))
    assert list(stream.pieces()) == [(1, b"abc")]


def test_a_port_that_comes_again_is_another_connection() -> None:
    def opened(seconds: int, port: int) -> Connection:
        return Connection(("192.0.2.1", port), ("192.0.2.2", 443), syn=seconds * 10**9)

    first, other, second = opened(10, 40_000), opened(20, 40_002), opened(90, 40_000)
    made = ByPort([first, other, second])
    assert made.at(40_000, 10.2) is first
    assert made.at(40_000, 89.9) is first
    assert made.at(40_002, 99.0) is other
    assert made.at(40_000, 90.2) is second
    for port, seconds in ((40_000, 9.9), (40_004, 99.0)):
        with pytest.raises(LookupError, match=str(port)):
            made.at(port, seconds)


def test_records_know_their_first_and_last_byte() -> None:
    wire = b"\x17\x03\x03\x00\x04abcd" + b"\x16\x03\x03\x00\x02ef" + b"\x17\x03"
    stream = Stream()
    stream.add(packet(0, START, b"", SYN))
    for at, (start, end) in enumerate(((0, 3), (3, 10), (10, len(wire))), 1):
        stream.add(packet(at, START + 1 + start, wire[start:end]))
    seen = [(r.type, r.bytes, r.begun, r.ended) for r in stream.records()]
    assert seen == [(0x17, 9, 1, 2), (0x16, 7, 2, 3)]


def hello(name: str | None) -> bytes:
    """A real ClientHello."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def test_the_name_in_a_client_hello_is_found() -> None:
    assert server_name(hello("x.com")) == "x.com"
    assert server_name(hello("x.com") + b"more of the stream") == "x.com"
    assert server_name(hello(None)) is None
    assert server_name(hello("x.com")[:100]) is None
    assert server_name(Random(1).randbytes(300)) is None
    assert server_name(b"") is None
