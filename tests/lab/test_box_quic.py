"""The name in QUIC's first packets: the RFC's own example, and packets cut in other ways."""

from __future__ import annotations

import struct
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from lab.box.frames import Ends, real_hello
from lab.box.hello import Hello, Unread, read_message
from lab.box.quic import CRYPTO, Initials, Keys, client_keys, header_mask, nonce
from lab.box.rules import DropHello, Memory, Reach, Silence, Way
from tests.lab.test_box_censor import censor, passes, rule

# RFC 9001, appendix A.
ID = bytes.fromhex("8394c8f03e515708")
EXAMPLE_CRYPTO = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff"
)
MESSAGE = real_hello("test.googlevideo.com")[5:]


def protected(
    frames: bytes, *, keys: Keys, number: int, destination_id: bytes = ID, size: int = 1162
) -> bytes:
    """An Initial packet as a client makes it, its frames padded to ``size``."""
    content = frames.ljust(size, b"\0")
    length = 4 + len(content) + 16
    header = b"\xc3" + struct.pack("!IB", 1, len(destination_id)) + destination_id + b"\0\0"
    header += struct.pack("!HI", 0x4000 | length, number)
    body = AESGCM(keys.key).encrypt(nonce(keys, number), content, header)
    mask = header_mask(keys, body[:16])
    hidden = bytes(a ^ b for a, b in zip(header[-4:], mask[1:], strict=True))
    return bytes([header[0] ^ (mask[0] & 0x0F)]) + header[1:-4] + hidden + body


def crypto(offset: int, data: bytes) -> bytes:
    return struct.pack("!BHH", CRYPTO, 0x4000 | offset, 0x4000 | len(data)) + data


def datagrams(cuts: list[int]) -> list[bytes]:
    """The hello in as many packets as the cuts make of it."""
    edges = sorted({0, len(MESSAGE), *cuts})
    keys = client_keys(ID)
    return [
        protected(crypto(a, MESSAGE[a:b]), keys=keys, number=number)
        for number, (a, b) in enumerate(pairwise(edges))
    ]


def test_the_keys_of_the_rfc_example() -> None:
    keys = client_keys(ID)
    assert keys.key.hex() == "1f369613dd76d5467730efcbe3b1a22d"
    assert keys.iv.hex() == "fa044b2f42a3fd3b46fb255c"
    assert keys.header.hex() == "9f50449e04a0e810283a1e9933adedd2"


def test_the_packet_of_the_rfc_example_is_made_and_read() -> None:
    packet = protected(EXAMPLE_CRYPTO, keys=client_keys(ID), number=2)
    assert packet[:22].hex() == "c000000001088394c8f03e5157080000449e7b9aec34"
    assert packet[-16:].hex() == "e221af44860018ab0856972e194cd934"
    assert len(packet) == 1200
    initials = Initials()
    assert initials.add(packet)
    hello = read_message(initials.data)
    assert isinstance(hello, Hello)
    assert hello.server_name == "example.com"
    assert hello.alpn == ("alpn",)


@given(st.lists(st.integers(1, len(MESSAGE) - 1), max_size=4), st.randoms(use_true_random=False))
def test_a_name_is_found_however_the_hello_is_spread(cuts: list[int], random: Random) -> None:
    packets = datagrams(cuts)
    random.shuffle(packets)
    initials = Initials()
    for packet in packets:
        assert read_message(initials.data) is Unread.MORE
        initials.add(packet)
    hello = read_message(initials.data)
    assert isinstance(hello, Hello)
    assert hello.server_name == "test.googlevideo.com"


@given(st.binary(max_size=200), st.integers(0, 1200), st.integers(0, 255))
def test_junk_is_passed_over(junk: bytes, at: int, flip: int) -> None:
    (packet,) = datagrams([])
    initials = Initials()
    initials.add(junk)
    initials.add(packet[:at])
    initials.add(packet[:at] + bytes([flip]) + packet[at + 1 :])
    initials.add(b"\xc0\0\0\0\1" + junk)
    assert initials.data in (b"", MESSAGE)


def test_many_datagrams_without_a_hello_are_enough() -> None:
    initials = Initials()
    for _ in range(20):
        initials.add(b"\xc0\0\0\0\2 another version")
    assert initials.exhausted


def test_packets_of_another_version_have_no_name() -> None:
    (packet,) = datagrams([])
    initials = Initials()
    assert not initials.add(packet[:1] + b"\x6b\x33\x43\xcf" + packet[5:])


def test_acknowledgements_and_pings_before_the_hello_are_skipped() -> None:
    ack = bytes([0x02, 5, 0, 1, 0, 0, 0])
    frames = b"\x01" + ack + b"\0\0" + crypto(0, MESSAGE)
    initials = Initials()
    initials.add(protected(frames, keys=client_keys(ID), number=1))
    assert initials.data == MESSAGE


def test_keys_stay_those_of_the_first_packet_until_a_retry() -> None:
    first, new = client_keys(ID), b"serverid"
    initials = Initials()
    initials.add(protected(crypto(0, MESSAGE[:50]), keys=first, number=0))
    later = protected(crypto(50, MESSAGE[50:90]), keys=first, number=1, destination_id=new)
    assert initials.add(later)
    retried = protected(
        crypto(90, MESSAGE[90:]), keys=client_keys(new), number=2, destination_id=new
    )
    assert initials.add(retried)
    assert initials.data == MESSAGE


@pytest.mark.parametrize("action", [Silence(), DropHello()])
def test_a_censor_meets_a_quic_flow_by_its_name(action: Silence | DropHello) -> None:
    box = censor(rule(action, names=("*.googlevideo.com",)))
    flow, other = Ends(port=1), Ends(port=2)
    first, second = datagrams([100])
    assert passes(box, Way.UP, flow.udp(Way.UP, first))
    assert not passes(box, Way.UP, flow.udp(Way.UP, second))
    assert not passes(box, Way.UP, flow.udp(Way.UP, first)), "repeated in vain"
    assert passes(box, Way.UP, other.udp(Way.UP, first))
    assert box.counts()["r"].flows == 1


NAMED = ("*.googlevideo.com",)
OTHER = real_hello("example.org")[5:]


def first(port: int, message: bytes = MESSAGE, at: float = 0.0) -> tuple[bytes, float]:
    """A client's first packet, in a frame, and when."""
    packet = protected(crypto(0, message), keys=client_keys(ID), number=0)
    return Ends(port=port).udp(Way.UP, packet), at


def test_a_share_of_the_connections_is_met_and_the_others_never() -> None:
    box = censor(rule(DropHello(), names=NAMED, share=0.3))
    first_ones = [passes(box, Way.UP, *first(port)) for port in range(1, 401)]
    again = [passes(box, Way.UP, *first(port)) for port in range(1, 401)]
    assert again == first_ones, "what leaks, leaks on"
    assert 0.2 < first_ones.count(False) / len(first_ones) < 0.4


def test_what_is_met_late_passes_until_then() -> None:
    box = censor(rule(Silence(), names=NAMED, reacts_seconds=(0.1,), reach=Reach.UP))
    flow = Ends(port=1)
    assert passes(box, Way.UP, *first(1))
    assert passes(box, Way.UP, flow.udp(Way.UP, b"x"), 0.09)
    assert not passes(box, Way.UP, flow.udp(Way.UP, b"x"), 0.11)
    assert passes(box, Way.DOWN, flow.udp(Way.DOWN, b"x"), 0.11)


def test_what_is_left_over_meets_the_port_of_that_address_for_a_while() -> None:
    residual = rule(
        Silence(),
        names=NAMED,
        reacts_seconds=(0.1,),
        reach=Reach.UP,
        memory=Memory.PORT,
        remembers_seconds=180.0,
    )
    box = censor(residual)
    assert passes(box, Way.UP, *first(1))
    assert passes(box, Way.UP, *first(2, OTHER, at=0.05)), "it has not reacted yet"
    assert not passes(box, Way.UP, *first(3, OTHER, at=1.0)), "any name, from a fresh port"
    elsewhere = Ends(port=4, server="192.0.2.9").udp(Way.UP, b"\xc0 no name")
    another = Ends(port=5, server_port=8443).udp(Way.UP, b"\xc0 no name")
    assert passes(box, Way.UP, elsewhere, 1.0)
    assert passes(box, Way.UP, another, 1.0)
    assert passes(box, Way.UP, *first(6, OTHER, at=180.2))
    # And so it begins anew, as late as before.
    assert passes(box, Way.UP, *first(7, at=200.0))
    assert passes(box, Way.UP, *first(8, OTHER, at=200.05))
    assert not passes(box, Way.UP, *first(9, OTHER, at=200.2))


@pytest.mark.parametrize("more", [{"share": 0.5}, {"reacts_seconds": (0.1,)}])
def test_a_share_or_a_delay_of_hellos_needs_names(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hellos"):
        rule(Silence(), names=(), **more)
