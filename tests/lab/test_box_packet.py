"""Frames read and forged; hellos read as censors read them."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.box.forge import (
    checksum,
    datagram_back,
    packed,
    readdressed,
    reset_back,
    reset_on,
    tcp_frame,
    udp_frame,
)
from lab.box.frames import ETHERNET, MACS, read, real_hello
from lab.box.hello import Beginning, Hello, Unread, ja3, read_message, read_stream
from lab.box.packet import (
    ACK,
    FRAGMENT,
    PSH,
    RST,
    SYN,
    TCP,
    UDP,
    Packet,
    is_discovery,
    parse,
)

addresses = st.sampled_from(
    ((packed("192.0.2.1"), packed("198.51.100.9")), (packed("2001:db8::1"), packed("2001:db8::9")))
)
ports = st.integers(1, 65_535)
numbers = st.integers(0, 2**32 - 1)


def is_sound(packet: Packet) -> bool:
    """Whether a receiver's kernel would take it: the checksums add up to nothing."""
    content = packet.frame[packet.begin : packet.end]
    pseudo = packet.source + packet.destination
    pseudo += len(content).to_bytes(4, "big") + packet.protocol.to_bytes(4, "big")
    header = packet.frame[14 : packet.begin]
    return checksum(pseudo + content) == 0 and (len(packet.source) == 16 or checksum(header) == 0)


@st.composite
def segments(draw: st.DrawFn) -> bytes:
    source, destination = draw(addresses)
    return tcp_frame(
        ETHERNET[len(source)],
        (source, draw(ports)),
        (destination, draw(ports)),
        sequence=draw(numbers),
        acknowledgement=draw(numbers),
        flags=draw(st.sampled_from((SYN, SYN | ACK, ACK, ACK | PSH))),
        data=draw(st.binary(max_size=40)),
    )


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    source, destination = draw(addresses)
    return udp_frame(
        ETHERNET[len(source)],
        (source, draw(ports)),
        (destination, draw(ports)),
        draw(st.binary(max_size=40)),
    )


@given(addresses, ports, ports, numbers, numbers, st.binary(max_size=100), st.binary(max_size=9))
def test_a_segment_is_read_as_it_was_built_whatever_pads_it(
    ends: tuple[bytes, bytes], a: int, b: int, seq: int, ack: int, data: bytes, padding: bytes
) -> None:
    source, destination = ends
    frame = tcp_frame(
        ETHERNET[len(source)], (source, a), (destination, b),
        sequence=seq, acknowledgement=ack, flags=ACK | PSH, data=data,
    )  # fmt: skip
    packet = read(frame + padding)
    assert (packet.source, packet.source_port) == (source, a)
    assert (packet.destination, packet.destination_port) == (destination, b)
    assert (packet.sequence, packet.acknowledgement, packet.flags) == (seq, ack, ACK | PSH)
    assert packet.data == data
    assert packet.protocol == TCP
    assert is_sound(packet)


@given(segments() | datagrams(), st.integers(0, 120))
def test_a_frame_that_is_cut_short_is_no_packet(frame: bytes, length: int) -> None:
    cut = frame[: min(length, len(frame) - 1)]
    assert parse(cut) is None


@given(st.sampled_from(list(ETHERNET.values())), st.binary(max_size=100))
def test_junk_is_read_without_complaint(ethernet: bytes, junk: bytes) -> None:
    packet = parse(ethernet + junk)
    assert packet is None or packet.payload <= packet.end <= len(packet.frame)
    is_discovery(ethernet + junk)


@given(segments())
def test_a_reset_comes_from_the_peer_with_the_number_that_is_expected(frame: bytes) -> None:
    packet = read(frame)
    reset = read(reset_back(packet))
    assert is_sound(reset)
    assert (reset.source, reset.source_port) == (packet.destination, packet.destination_port)
    assert (reset.destination, reset.destination_port) == (packet.source, packet.source_port)
    assert reset.frame[:12] == packet.frame[6:12] + packet.frame[:6]
    assert reset.flags & RST
    if packet.flags & ACK:
        assert reset.sequence == packet.acknowledgement
    else:
        assert reset.acknowledgement == (packet.sequence + packet.sequence_bytes) % 2**32
        assert reset.flags & ACK


@given(segments(), numbers)
def test_a_reset_goes_on_in_the_sender_name(frame: bytes, sequence: int) -> None:
    packet = read(frame)
    reset = read(reset_on(packet, sequence))
    assert is_sound(reset)
    assert (reset.source, reset.destination) == (packet.source, packet.destination)
    assert reset.sequence == sequence
    assert reset.flags & RST


@given(datagrams(), st.binary(max_size=60))
def test_a_forged_answer_comes_from_whom_was_asked(frame: bytes, answer: bytes) -> None:
    packet = read(frame)
    back = read(datagram_back(packet, answer))
    assert is_sound(back)
    assert back.protocol == UDP
    assert (back.source, back.source_port) == (packet.destination, packet.destination_port)
    assert (back.destination, back.destination_port) == (packet.source, packet.source_port)
    assert back.data == answer


def test_a_checksum_of_nothing_is_sent_as_all_ones() -> None:
    ends = (packed("192.0.2.1"), 1), (packed("192.0.2.2"), 2)
    value = udp_frame(ETHERNET[4], *ends, b"\0\0")[40:42]
    # With its own checksum as the data the sum is that of nothing, which in UDP means "none".
    frame = udp_frame(ETHERNET[4], *ends, value)
    assert frame[40:42] == b"\xff\xff"
    assert is_sound(read(frame))


@given(segments() | datagrams())
def test_another_address_changes_nothing_else(frame: bytes) -> None:
    packet = read(frame)
    elsewhere = bytes(reversed(packet.destination))
    moved = read(readdressed(packet, destination=elsewhere))
    assert is_sound(moved)
    assert moved.destination == elsewhere
    assert (moved.source, moved.data) == (packet.source, packet.data)
    assert readdressed(moved, destination=packet.destination) == frame


def test_an_address_of_the_other_family_is_refused() -> None:
    source, destination = packed("192.0.2.1"), packed("192.0.2.2")
    packet = read(udp_frame(ETHERNET[4], (source, 1), (destination, 2), b""))
    with pytest.raises(ValueError, match="own family"):
        readdressed(packet, source=packed("2001:db8::1"))


def test_a_fragment_has_addresses_but_no_ports() -> None:
    source, destination = packed("192.0.2.1"), packed("192.0.2.2")
    whole = udp_frame(ETHERNET[4], (source, 53), (destination, 53), b"xx")
    fragment = read(whole[:20] + b"\x20\x00" + whole[22:])
    assert (fragment.protocol, fragment.source_port) == (FRAGMENT, 0)
    assert fragment.destination == destination


def test_extension_headers_are_skipped() -> None:
    source, destination = packed("2001:db8::1"), packed("2001:db8::2")
    plain = udp_frame(ETHERNET[16], (source, 5), (destination, 6), b"data")
    length = int.from_bytes(plain[18:20], "big") + 8
    options = bytes([UDP, 0, 1, 4, 0, 0, 0, 0])
    frame = plain[:18] + length.to_bytes(2, "big") + b"\x00" + plain[21:54] + options + plain[54:]
    packet = read(frame)
    assert (packet.protocol, packet.source_port, packet.data) == (UDP, 5, b"data")


@pytest.mark.parametrize(
    ("frame", "passes_by"),
    [
        (MACS + b"\x08\x06" + bytes(28), True),  # ARP
        (ETHERNET[16] + b"\x60" + bytes(5) + b"\x3a" + bytes(33) + b"\x87" + bytes(23), True),
        (ETHERNET[16] + b"\x60" + bytes(5) + b"\x3a" + bytes(33) + b"\x80" + bytes(23), False),
        (udp_frame(ETHERNET[4], (bytes(4), 1), (bytes(4), 2), b""), False),
    ],
    ids=["arp", "neighbour solicitation", "echo request", "datagram"],
)
def test_only_neighbour_discovery_is_discovery(frame: bytes, passes_by: bool) -> None:
    assert is_discovery(frame) is passes_by


def in_records(stream: bytes, cuts: list[int]) -> bytes:
    """The handshake message of a one-record stream, cut into more records."""
    message = stream[5:]
    edges = [0, *sorted({cut % len(message) for cut in cuts} - {0}), len(message)]
    return b"".join(
        b"\x16\x03\x01" + (b - a).to_bytes(2, "big") + message[a:b] for a, b in pairwise(edges)
    )


HELLO = real_hello("test.googlevideo.com")


@given(st.lists(st.integers(0, 5000), max_size=8), st.lists(st.integers(0, 5000), max_size=8),
       st.randoms(use_true_random=False))  # fmt: skip
def test_a_name_is_found_however_records_and_segments_are_cut(
    record_cuts: list[int], segment_cuts: list[int], random: Random
) -> None:
    stream = in_records(HELLO, record_cuts)
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in segment_cuts)})
    pieces = list(pairwise(edges))
    random.shuffle(pieces)
    beginning = Beginning()
    for i, (a, b) in enumerate(pieces):
        found = read_stream(beginning.data)
        assert found is Unread.MORE, f"read before piece {i} of {len(pieces)}"
        beginning.add(a, stream[a:b])
    found = read_stream(beginning.data)
    assert isinstance(found, Hello)
    assert found.server_name == "test.googlevideo.com"
    assert found.alpn == ("h2", "http/1.1")


@given(st.integers(1, len(HELLO) - 1))
def test_half_a_hello_is_none_yet(length: int) -> None:
    assert read_stream(HELLO[:length]) is Unread.MORE


@given(st.binary(max_size=200), st.integers(0, len(HELLO)))
def test_junk_is_no_hello_and_no_error(junk: bytes, at: int) -> None:
    read_stream(junk)
    read_stream(HELLO[:at] + junk)
    found = read_message(b"\x01\x00\x00" + bytes([len(junk)]) + junk)
    assert found is Unread.OTHER or isinstance(found, Hello)


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1", b"SSH-2.0-x", b"\x16\x02\x00\x00\x00", b"\x15"]
)
def test_other_protocols_are_given_up_at_once(data: bytes) -> None:
    assert read_stream(data) is Unread.OTHER


@given(
    st.lists(st.tuples(st.integers(0, 40_000), st.binary(min_size=1, max_size=3000)), max_size=60)
)
def test_what_is_kept_of_a_stream_is_bounded(pieces: list[tuple[int, bytes]]) -> None:
    beginning = Beginning()
    for offset, piece in pieces:
        beginning.add(offset, piece)
    assert len(beginning.data) <= 16_384
    assert sum(map(len, beginning._pieces.values())) <= 32 * 3000


def test_names_are_lower_case_and_may_be_absent() -> None:
    named = read_stream(real_hello("X.COM"))
    assert isinstance(named, Hello)
    assert named.server_name == "x.com"
    nameless = read_stream(real_hello("192.0.2.1"))
    assert isinstance(nameless, Hello)
    assert nameless.server_name == ""


def test_ja3_of_the_published_examples() -> None:
    # The README of JA3 (Althouse, Atkinson, Atkins; Salesforce 2017).
    ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4]
    known = ja3(769, ciphers, [0, 10, 11], [23, 24, 25], [0])
    assert known == "ada70206e40642a3e4461f35503241d5"
    assert ja3(769, [0x0A0A, *ciphers], [0xFAFA, 0, 10, 11], [23, 24, 25], [0]) == known
    bare = ja3(769, [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], [], [], [])
    assert bare == "de350869b8c85de67a350c8d186f11e6"


def test_a_fingerprint_is_of_the_client_and_not_of_the_name() -> None:
    def fingerprint(stream: bytes) -> str:
        hello = read_stream(stream)
        assert isinstance(hello, Hello)
        return hello.fingerprint

    here = fingerprint(HELLO)
    assert fingerprint(real_hello("x.com")) == here
    assert fingerprint(real_hello("x.com", ciphers="ECDHE+AESGCM")) != here
