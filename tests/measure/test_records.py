"""Cutting a stream into TLS records, and knowing when each came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe.measure.connection.kernel_stamps import Arrival
from probe.measure.tls.tls import Records, Whole


def record(size: int) -> bytes:
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(i % 251 for i in range(size))


def pieces(stream: bytes, sizes: list[int]) -> list[bytes]:
    cut, start = [], 0
    for size in sizes:
        cut.append(stream[start : start + size])
        start += size
    return [piece for piece in [*cut, stream[start:]] if piece]


def run(parts: list[bytes]) -> tuple[list[Whole], bytes]:
    """What is taken after each piece; the ``loop_ns`` of an arrival is the number of the piece."""
    records, taken, received = Records(), [], 0
    for number, piece in enumerate(parts):
        received += len(piece)
        records.feed(piece, Arrival(received, number, None))
        if (whole := records.take()) is not None:
            taken.append(whole)
        assert records.take() is None
    return taken, records.rest()


def test_what_is_wanted_next_ends_with_a_header() -> None:
    sizes, records, received = [0, 1, 300, 20, 16_384 + 2_048, 3], Records(), 0
    stream = b"".join(map(record, sizes))
    taken: list[bytes] = []
    begins = 0
    while received < len(stream):
        piece = stream[received : received + records.wanted]
        received += len(piece)
        records.feed(piece, Arrival(received, received, None))
        if (whole := records.take()) is not None:
            taken.append(whole.data)
            # Where the header ended a read did too.
            assert whole.first.received == begins + 5
            begins += len(whole.data)
    assert taken == [record(size) for size in sizes]


SIZES = st.lists(st.integers(0, 600), max_size=8)


@given(SIZES, st.lists(st.integers(1, 900), max_size=30))
def test_however_the_stream_is_cut_only_whole_records_are_taken_and_each_as_soon_as_it_is_there(
    sizes: list[int], cuts: list[int]
) -> None:
    stream = b"".join(map(record, sizes))
    parts = pieces(stream, cuts)
    ends = [sum(len(record(size)) for size in sizes[:count]) for count in range(len(sizes) + 1)]
    taken, rest = run(parts)
    assert b"".join(whole.data for whole in taken) == stream
    assert rest == b""
    reached = 0
    for whole in taken:
        reached += len(whole.data)
        there = sum(len(part) for part in parts[: whole.last.loop_ns + 1])
        assert reached == max(end for end in ends if end <= there)


@given(SIZES, st.lists(st.integers(1, 900), max_size=30))
def test_records_came_with_the_pieces_that_hold_their_ends(
    sizes: list[int], cuts: list[int]
) -> None:
    parts = pieces(b"".join(map(record, sizes)), cuts)
    owner = [number for number, part in enumerate(parts) for _ in part]
    start = 0
    for whole in run(parts)[0]:
        end = start + len(whole.data)
        assert whole.first.loop_ns == owner[start]
        assert whole.last.loop_ns == owner[end - 1]
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
