"""What a client sees of each thing that the censor does: plain sockets and TLS, real packets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from statistics import median

import dns.message
import dns.query
import dns.rcode
import dns.rrset
import pytest

from lab.box.control import running_box
from lab.box.gauge import round_trips
from lab.box.hello import Hello, read_stream
from lab.box.inside import inside
from lab.box.line import BITS, Direction, Line
from lab.box.peers import (
    FAKE,
    FAKE6,
    NAME,
    NEUTRAL,
    OTHER,
    PATIENT_SECONDS,
    PLATFORM,
    PLATFORM6,
    RESOLVER,
    RESOLVER6,
    VAIN_SECONDS,
    Fetched,
    Lab,
    World,
)
from lab.box.rules import (
    Action,
    CutOff,
    Delay,
    DropHello,
    DropSyn,
    ForgeDns,
    Lose,
    Match,
    Memory,
    Police,
    Protocol,
    Reach,
    Redirect,
    Reset,
    Scope,
    Shape,
    Silence,
)
from lab.net import CLIENT_INTERFACE, NetError, Topology
from lab.pki import Authority
from probe.observe.gaps import ONE_GAP

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]


@pytest.fixture(scope="module")
def running(requires_lab: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("world")
    authority = Authority()
    trust = ssl.create_default_context(cafile=str(authority.write_root(folder / "root.pem")))
    with Topology(bridge=False) as topology, running_box(topology, folder) as box:
        world = World(topology, authority, folder)
        try:
            yield Lab(topology, world, box, trust)
        finally:
            world.close()


@pytest.fixture
def lab(running: Lab) -> Lab:
    """A line of 20 ms and 40 Mbit/s, no rules, nothing remembered."""
    running.box.set_rules([])
    running.box.forget()
    line = Direction(delay_seconds=0.01, rate_bits_per_second=40e6, queue_bytes=200_000)
    running.box.set_line(Line(down=line, up=line))
    return running


def addresses_of(answer: dns.message.Message) -> list[str]:
    return [item.to_text() for rrset in answer.answer for item in rrset]


@pytest.mark.parametrize(
    "slow",
    [
        Police(rate_bits_per_second=400_000, burst_bytes=12_000),
        Shape(rate_bits_per_second=400_000, queue_bytes=64_000),
    ],
    ids=["police", "shape"],
)
def test_a_name_is_slow_and_others_at_its_address_are_not(lab: Lab, slow: Action) -> None:
    before = lab.fetch(OTHER, size=64_000)
    lab.rule(slow)
    named, other = lab.fetch(size=64_000), lab.fetch(OTHER, size=64_000)
    assert named.failure == other.failure == ""
    assert named.seconds > 5 * other.seconds
    assert other.seconds < 2 * before.seconds
    assert lab.count().flows == 1


def test_goodput_through_a_policer_is_its_rate_at_most(lab: Lab) -> None:
    rate, burst, size = 1_500_000, 24_000, 400_000
    lab.rule(Police(rate_bits_per_second=rate, burst_bytes=burst))
    fetched = lab.fetch(size=size)
    assert fetched.failure == ""
    least = (size - burst) * BITS / rate
    # How much more it takes is up to TCP, which now and then waits for a timer.
    assert 0.97 * least < fetched.seconds < 1.6 * least


def test_a_shaper_delays_and_loses_nothing(lab: Lab) -> None:
    lab.rule(Shape(rate_bits_per_second=1_000_000, queue_bytes=1_000_000))
    fetched = lab.fetch(size=100_000)
    assert fetched.rate_bits_per_second == pytest.approx(1_000_000, rel=0.15)
    assert lab.count().dropped == 0


def test_flows_may_share_a_bucket(lab: Lab) -> None:
    police = Police(rate_bits_per_second=800_000, burst_bytes=12_000)

    def together() -> float:
        found: list[Fetched] = []
        threads = [
            threading.Thread(target=lambda: found.append(lab.fetch(size=40_000))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [fetched.failure for fetched in found] == [""] * 3
        return max(fetched.seconds for fetched in found)

    lab.rule(police)
    alone = together()
    lab.rule(police, scope=Scope.ALL)
    assert together() > 1.7 * alone


def test_loss_on_a_name_lets_it_through_but_late(lab: Lab) -> None:
    clean = lab.fetch(size=200_000)
    lab.rule(Lose(probability=0.1))
    lossy = lab.fetch(size=200_000)
    assert lossy.failure == ""
    assert lossy.seconds > 2 * clean.seconds
    assert lab.count().dropped > 5


@pytest.mark.parametrize("reach", [Reach.DOWN, Reach.BOTH])
def test_the_kernel_counts_what_is_missing_and_nothing_else(lab: Lab, reach: Reach) -> None:
    def shares() -> list[float]:
        infos = [lab.fetch(size=65_536).tcp for _ in range(5)]
        assert all(info is not None and info.segments_in for info in infos)
        return [
            ((info.out_of_order or 0) + (info.retransmits or 0)) / (info.segments_in or 1)
            for info in infos
            if info is not None
        ]

    assert median(shares()) == 0.0
    lab.rule(Lose(probability=0.15), reach=reach)
    assert median(shares()) > 4.0 * ONE_GAP


def test_delay_on_a_name_slows_its_handshake(lab: Lab) -> None:
    lab.rule(Delay(seconds=0.1))
    # One round trip from the ClientHello to the server's Finished.
    assert lab.fetch().handshake_seconds > 0.2
    assert lab.fetch(OTHER).handshake_seconds < 0.15


@pytest.mark.parametrize("after_bytes", [16_000, 20_000])
def test_a_cut_off_leaves_a_silence_and_no_reset(lab: Lab, after_bytes: int) -> None:
    lab.rule(
        CutOff(after_bytes=after_bytes), Match(addresses=("203.0.113.0/24",)), reach=Reach.DOWN
    )
    cut = lab.fetch(size=100_000, timeout=VAIN_SECONDS)
    assert cut.failure == "TimeoutError"
    # Certificates and record headers count as well: they weigh less than 8 KB.
    assert after_bytes - 8_000 < cut.bytes < after_bytes
    assert lab.fetch(address=NEUTRAL, size=100_000).bytes == 100_000


@pytest.mark.parametrize("after_bytes", [16_000, 40_000])
def test_a_cut_off_may_be_a_reset(lab: Lab, after_bytes: int) -> None:
    lab.rule(
        CutOff(after_bytes=after_bytes, resets=True),
        Match(addresses=("203.0.113.0/24",)),
        reach=Reach.DOWN,
    )
    cut = lab.fetch(size=100_000, timeout=VAIN_SECONDS)
    # A TLS library may call a reset an end of the stream; nothing was waited for.
    assert cut.failure in ("", "ConnectionResetError")
    assert cut.seconds < VAIN_SECONDS / 2
    assert after_bytes - 8_000 < cut.bytes < after_bytes
    assert lab.fetch(address=NEUTRAL, size=100_000).bytes == 100_000


def test_a_silent_address_can_not_be_connected_to(lab: Lab) -> None:
    lab.rule(Silence(), Match(addresses=(PLATFORM,)))
    with pytest.raises(TimeoutError):
        lab.connect(PLATFORM, VAIN_SECONDS)
    assert round_trips(lab.topology, count=1, gap_seconds=0, address=PLATFORM) == [None]
    assert lab.fetch(address=NEUTRAL).failure == ""


def test_a_dropped_syn_stops_tcp_and_nothing_else(lab: Lab) -> None:
    lab.rule(DropSyn(), Match(addresses=(PLATFORM,), ports=(443,)))
    with pytest.raises(TimeoutError):
        lab.connect(PLATFORM, VAIN_SECONDS)
    assert round_trips(lab.topology, count=1, gap_seconds=0, address=PLATFORM) != [None]


@pytest.mark.parametrize("address", [PLATFORM, PLATFORM6])
@pytest.mark.parametrize("swallow", [True, False])
def test_a_reset_reaches_both_ends(lab: Lab, address: str, swallow: bool) -> None:
    lab.world.said.clear()
    lab.rule(Reset(swallow=swallow))
    assert lab.fetch(address=address).failure == "ConnectionResetError"
    deadline = time.monotonic() + PATIENT_SECONDS
    while not lab.world.said and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lab.world.said == ["ConnectionResetError"]
    assert lab.fetch(OTHER, address).failure == ""


def test_a_refused_connection(lab: Lab) -> None:
    lab.rule(Reset(), Match(addresses=(PLATFORM,)))
    with pytest.raises(ConnectionRefusedError):
        lab.connect(PLATFORM)


def test_a_dropped_hello_stops_the_handshake_only(lab: Lab) -> None:
    lab.rule(DropHello())
    connection = lab.connect(PLATFORM, VAIN_SECONDS)
    with pytest.raises(TimeoutError), connection:
        lab.trust.wrap_socket(connection, server_hostname=NAME)
    # TCP repeats itself, in vain.
    assert lab.count().dropped >= 2
    assert lab.fetch(OTHER).failure == ""


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_a_name_is_found_in_a_hello_that_comes_in_pieces(lab: Lab, pieces: int) -> None:
    lab.rule(Reset())
    out = ssl.MemoryBIO()
    tls = lab.trust.wrap_bio(ssl.MemoryBIO(), out, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = out.read()
    with lab.connect(PLATFORM) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        step = -(-len(hello) // pieces)
        for at in range(0, len(hello), step):
            connection.sendall(hello[at : at + step])
            if at + step < len(hello):
                time.sleep(0.03)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert lab.count().flows == 1


def test_one_client_fingerprint_is_hit_and_another_is_not(lab: Lab) -> None:
    other = ssl.create_default_context()
    other.check_hostname, other.verify_mode = False, ssl.CERT_NONE
    other.set_ciphers("ECDHE+AESGCM")
    out = ssl.MemoryBIO()
    tls = other.wrap_bio(ssl.MemoryBIO(), out, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = read_stream(out.read())
    assert isinstance(hello, Hello)
    lab.rule(Reset(), Match(names=(NAME,), fingerprints=(hello.fingerprint,)))
    assert lab.fetch(trust=other).failure == "ConnectionResetError"
    assert lab.fetch().failure == ""


def test_an_address_stays_slow_for_the_client_that_has_named_the_name(lab: Lab) -> None:
    second = "100.64.0.77"
    with contextlib.suppress(NetError):
        lab.topology.client.ip(f"addr add {second}/24 dev {CLIENT_INTERFACE}")
    lab.rule(Police(rate_bits_per_second=300_000, burst_bytes=6_000), memory=Memory.ADDRESS)
    fast = lab.fetch(OTHER, size=30_000)
    named = lab.fetch(NAME, size=30_000)
    after = lab.fetch(OTHER, size=30_000)
    elsewhere = lab.fetch(OTHER, NEUTRAL, size=30_000)
    neighbour = lab.fetch(OTHER, size=30_000, source=second)
    lab.box.forget()
    again = lab.fetch(OTHER, size=30_000)
    assert {f.failure for f in (fast, named, after, elsewhere, neighbour, again)} == {""}
    assert min(named.seconds, after.seconds) > 4 * max(
        f.seconds for f in (fast, elsewhere, neighbour, again)
    )


def test_rules_are_switched_while_flows_run(lab: Lab) -> None:
    assert lab.fetch().failure == ""
    lab.rule(Reset())
    assert lab.fetch().failure == "ConnectionResetError"
    lab.box.set_rules([])
    assert lab.fetch().failure == ""


@pytest.mark.parametrize("resolver", [RESOLVER, RESOLVER6])
def test_a_lie_comes_in_the_place_of_the_answer_or_before_it(lab: Lab, resolver: str) -> None:
    lab.rule(ForgeDns(addresses=("10.10.34.34",)))
    assert [addresses_of(a) for a in lab.ask(resolver)] == [["10.10.34.34"]]
    lab.rule(ForgeDns(addresses=("10.10.34.34",), beside=True))
    assert [addresses_of(a) for a in lab.ask(resolver)] == [["10.10.34.34"], [PLATFORM]]
    assert [addresses_of(a) for a in lab.ask(resolver, OTHER)] == [[PLATFORM]]


def test_a_name_does_not_exist_or_is_met_by_silence(lab: Lab) -> None:
    lab.rule(ForgeDns(nxdomain=True))
    assert [a.rcode() for a in lab.ask(RESOLVER)] == [dns.rcode.NXDOMAIN]
    lab.rule(Silence(), Match(names=(NAME,), protocols=(Protocol.DNS,)))
    assert lab.ask(RESOLVER) == []
    assert [addresses_of(a) for a in lab.ask(RESOLVER, OTHER)] == [[PLATFORM]]


@pytest.mark.parametrize(("address", "fake"), [(PLATFORM, FAKE), (PLATFORM6, FAKE6)])
def test_a_redirected_client_meets_another_certificate(lab: Lab, address: str, fake: str) -> None:
    lab.rule(Redirect(address=fake), Match(addresses=(address,), ports=(443,)))
    assert lab.fetch(address=address).failure == "SSLCertVerificationError"
    # Who believes it gets the block page, whole.
    assert lab.fetch("block.example", address, size=50_000).bytes == 50_000
    assert lab.fetch(address=NEUTRAL).failure == ""


def test_quic_is_dropped_and_other_datagrams_are_not(lab: Lab) -> None:
    lab.rule(Silence(), Match(protocols=(Protocol.QUIC,), ports=(443,)))
    # Long header, version 1, two connection ids (RFC 9000, 17.2).
    initial = struct.pack("!BI", 0xC0, 1) + b"\x08" + bytes(8) + b"\x00"

    def echoed(data: bytes) -> bool:
        with inside(lab.topology.client):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            sender.settimeout(VAIN_SECONDS)
            sender.sendto(data, (PLATFORM, 443))
            try:
                return sender.recv(4096) == data
            except TimeoutError:
                return False

    assert not echoed(initial.ljust(1200, b"\0"))
    assert echoed(b"\x01 anything else")


def test_what_one_flow_suffers_others_do_not(lab: Lab) -> None:
    lab.rule(Police(rate_bits_per_second=200_000, burst_bytes=6_000))
    stop = threading.Event()

    def suffer() -> None:
        while not stop.is_set():
            lab.fetch(size=60_000, timeout=1.0)

    alone = min(lab.fetch(OTHER, size=100_000).seconds for _ in range(3))
    thread = threading.Thread(target=suffer)
    thread.start()
    try:
        beside = min(lab.fetch(OTHER, size=100_000).seconds for _ in range(3))
    finally:
        stop.set()
        thread.join()
    assert beside < 1.5 * alone
