"""Cutting a stream into TLS records, and knowing when each came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe.measure.clock import Arrival
from probe.measure.tls import Record, Records


def record(size: int) -> bytes:
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(i % 251 for i in range(size))


def pieces(stream: bytes, sizes: list[int]) -> list[bytes]:
    cut, start = [], 0
    for size in sizes:
        cut.append(stream[start : start + size])
        start += size
    return [piece for piece in [*cut, stream[start:]] if piece]


def run(parts: list[bytes]) -> tuple[list[Record], bytes]:
    """Records with arrivals whose ``loop_ns`` is the number of the piece."""
    records, taken, received = Records(), [], 0
    for number, piece in enumerate(parts):
        received += len(piece)
        records.feed(piece, Arrival(received, number, None))
        while (one := records.take()) is not None:
            taken.append(one)
    return taken, records.rest()


SIZES = st.lists(st.integers(0, 600), max_size=8)


@given(SIZES, st.lists(st.integers(1, 900), max_size=30))
def test_however_the_stream_is_cut_the_records_are_the_same(
    sizes: list[int], cuts: list[int]
) -> None:
    whole = [record(size) for size in sizes]
    taken, rest = run(pieces(b"".join(whole), cuts))
    assert [one.data for one in taken] == whole
    assert rest == b""


@given(SIZES, st.lists(st.integers(1, 900), max_size=30))
def test_a_record_came_with_the_pieces_that_hold_its_ends(
    sizes: list[int], cuts: list[int]
) -> None:
    whole = [record(size) for size in sizes]
    parts = pieces(b"".join(whole), cuts)
    owner = [number for number, part in enumerate(parts) for _ in part]
    start = 0
    for one in run(parts)[0]:
        end = start + len(one.data)
        assert one.first.loop_ns == owner[start]
        assert one.last.loop_ns == owner[end - 1]
        start = end


@given(st.integers(1, 600), st.data())
def test_an_unfinished_record_is_the_rest(size: int, data: st.DataObject) -> None:
    whole = record(size)
    cut = data.draw(st.integers(1, len(whole) - 1))
    assert run([whole[:cut]]) == ([], whole[:cut])


def test_a_length_that_no_record_has_is_left_to_openssl() -> None:
    junk = b"HTTP/1.1 400 Bad Request"
    taken, rest = run([junk])
    assert [one.data for one in taken] == [junk]
    assert rest == b""
