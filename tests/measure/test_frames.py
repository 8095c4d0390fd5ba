"""Merging DATA frames: h2 sees the same exchange, and less of it."""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.http.frames import MOST_PAYLOAD_BYTES, Frames

HEAD = 9
WINDOW = 2**24


def client() -> h2.connection.H2Connection:
    """A client that has asked on stream 1 and leaves the far end much room."""
    made = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
    made.initiate_connection()
    made.increment_flow_control_window(WINDOW)
    request = [(":method", "GET"), (":authority", "x"), (":scheme", "https"), (":path", "/")]
    made.send_headers(1, request, end_stream=True)
    made.increment_flow_control_window(WINDOW, stream_id=1)
    return made


def answer(sizes: list[int], *, ends: bool = True, padded: bool = False) -> list[bytes]:
    """The frames of an answer with DATA frames of these sizes, a PING after each third."""
    asked = client()
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(asked.data_to_send())
    server.send_headers(1, [(":status", "200")])
    frames = [server.data_to_send()]
    for number, size in enumerate(sizes):
        data = bytes([number % 251]) * (min(size, MOST_PAYLOAD_BYTES - 4) if padded else size)
        server.send_data(1, data, pad_length=3 if padded else None)
        if number % 3 == 2:
            server.ping(bytes(8))
        frames.append(server.data_to_send())
    if ends:
        server.end_stream(1)
        frames.append(server.data_to_send())
    return frames


def seen(pieces: list[bytes]) -> tuple[bytes, int, list[str]]:
    """What a client sees: the body, how much of it counts for flow control, and all else."""
    connection, body, controlled, others = client(), b"", 0, []
    for piece in pieces:
        for event in connection.receive_data(piece) if piece else ():
            if isinstance(event, h2.events.DataReceived):
                assert event.data is not None
                assert event.flow_controlled_length is not None
                body += event.data
                controlled += event.flow_controlled_length
            else:
                others.append(repr(event))
    return body, controlled, others


def cut(stream: bytes, sizes: list[int]) -> list[bytes]:
    made, start = [], 0
    for size in sizes:
        made.append(stream[start : start + size])
        start += size
    return [*made, stream[start:]]


def merged(pieces: list[bytes]) -> list[bytes]:
    frames, made = Frames(), []
    for piece in pieces:
        made.append(frames.feed(piece))
        while frames.more:
            made.append(frames.feed(b""))
    return made


SIZES = st.lists(st.sampled_from([0, 1, 500, 1_400, 9_000, MOST_PAYLOAD_BYTES]), max_size=12)
CUTS = st.lists(st.integers(1, 20_000), max_size=20)


@given(SIZES, CUTS, st.booleans(), st.booleans())
def test_h2_sees_the_same_however_the_stream_is_cut(
    sizes: list[int], cuts: list[int], ends: bool, padded: bool
) -> None:
    stream = b"".join(answer(sizes, ends=ends, padded=padded))
    pieces = cut(stream, cuts)
    assert seen(merged(pieces)) == seen([stream])


def test_neighbours_become_one_frame_that_is_not_too_long() -> None:
    def frame(size: int, stream: int = 1, flags: int = 0) -> bytes:
        head = size.to_bytes(3) + bytes([0, flags]) + stream.to_bytes(4)
        return head + bytes([stream]) * size

    assert Frames().feed(frame(1_000) * 3) == frame(3_000)
    assert Frames().feed(frame(1_000) + frame(7, stream=3)) == frame(1_000) + frame(7, stream=3)
    assert Frames().feed(frame(1_000) + frame(9, flags=1)) == frame(1_000) + frame(9, flags=1)
    whole = frame(MOST_PAYLOAD_BYTES)
    assert Frames().feed(frame(1) + whole) == frame(1) + whole


def test_a_frame_is_held_until_it_is_whole() -> None:
    frames, frame = Frames(), (4).to_bytes(3) + bytes([0, 0, 0, 0, 0, 1]) + b"body"
    assert [frames.feed(frame[i : i + 1]) for i in range(len(frame))] == [b""] * 12 + [frame]


def test_too_long_a_frame_is_left_to_h2_and_so_is_all_that_follows() -> None:
    junk = (MOST_PAYLOAD_BYTES + 1).to_bytes(3) + bytes([0, 0, 0, 0, 0, 1])
    frames = Frames()
    assert frames.feed(junk) == junk
    assert frames.feed(b"more") == b"more"
    connection = client()
    with pytest.raises(h2.exceptions.FrameTooLargeError):
        connection.receive_data(junk + bytes(MOST_PAYLOAD_BYTES + 1))
