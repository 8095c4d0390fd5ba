"""QUIC against a real aioquic server on loopback: handshake, head, certificates, silence."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve as serve_quic
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent
from msgspec.structs import replace

from lab.loopback.servers import HERE, NAME, authority, certificate, leg_to, trust
from probe.config.definition import Definition
from probe.config.probers import BESIDE
from probe.config.schema import LegsConfig, VantageConfig
from probe.measure.objects.objects import ChosenObject
from probe.measure.one_leg.beside import made_beside
from probe.measure.one_round.legs import (
    Endpoint,
    declare,
    declare_burst,
    draw_burst_controls,
    in_order,
)
from probe.measure.one_round.manners import wish_of
from probe.measure.over_quic.quic import measure_quic
from probe.measure.over_quic.quic_ping import PING_BYTES, PING_SECONDS
from probe.model.burst import Burst
from probe.model.identity import Answer, Compares, LegRole, Phase, RoundKind, Verify
from probe.model.observation import Clock, Leg, LegObservation
from probe.observe.effort import gave, handshake_effort, hard, read_effort, refused, unproven
from probe.observe.goodput import goodput, handshake_seconds
from synth.shape import definition as synth_definition
from synth.shape import target as synth_target

SHORT = 0.6
Fields = tuple[tuple[bytes, bytes], ...]


class Server:
    """What a running server has seen and says."""

    def __init__(self, status: bytes, fields: Fields, body: int) -> None:
        self.status = status
        self.fields = fields
        self.body = b"x" * body
        self.passes: Callable[[bytes], bool] = lambda datagram: True
        self.answers = 1_000_000
        self.ends: Callable[[H3Connection, int], None] | None = None
        self.datagrams: list[tuple[int, bytes]] = []
        self.port = 0
        self.requests: list[dict[bytes, bytes]] = []
        self.connections = 0


@contextlib.asynccontextmanager
async def serving(
    folder: Path, *, name: str = NAME, forged: bool = False, status: bytes = b"200",
    alpn: tuple[str, ...] = tuple(H3_ALPN), host: str = "127.0.0.1", fields: Fields = (),
    body: int = 3_000, chain: int = 0, also: tuple[str, ...] = (),
) -> AsyncIterator[Server]:  # fmt: skip
    """An HTTP/3 server with a certificate for ``name``."""
    seen = Server(status, fields, body)
    leaf = authority().issue_cert(name, *also) if also else certificate(name, forged=forged)
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    shown = [leaf.cert_chain_pems[0], *[authority().cert_pem] * chain]
    (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in shown))
    configuration = QuicConfiguration(is_client=False, alpn_protocols=list(alpn))
    configuration.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    class Protocol(QuicConnectionProtocol):
        http: H3Connection | None = None

        def quic_event_received(self, event: QuicEvent) -> None:
            if isinstance(event, ProtocolNegotiated):
                seen.connections += 1
                self.http = H3Connection(self._quic)
            for one in self.http.handle_event(event) if self.http is not None else ():
                if isinstance(one, HeadersReceived) and self.http is not None:
                    seen.requests.append(dict(one.headers))
                    self.http.send_headers(one.stream_id, [(b":status", seen.status), *seen.fields])
                    self.http.send_data(one.stream_id, seen.body, end_stream=seen.ends is None)
                    if seen.ends is not None:
                        seen.ends(self.http, one.stream_id)
                    self.transmit()

    server = await serve_quic(host, 0, configuration=configuration, create_protocol=Protocol)
    assert server._transport is not None
    taken = server.datagram_received

    def received(data: bytes, addr: tuple[str, int]) -> None:
        seen.datagrams.append((addr[1], data))
        if seen.passes(data):
            taken(data, addr)

    server.datagram_received = received  # type: ignore[method-assign, assignment]
    sends = server._transport.sendto

    def send(data: bytes, addr: tuple[str, int]) -> None:
        seen.answers -= 1
        if seen.answers >= 0:
            sends(data, addr)

    server._transport.sendto = send  # type: ignore[method-assign, assignment]
    seen.port = server._transport.get_extra_info("sockname")[1]
    try:
        yield seen
    finally:
        server.close()
        await asyncio.sleep(0)


@pytest.fixture(scope="module", autouse=True)
def trusted(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tests' trust knows where its authority lies, for longer than it took to load it."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority().cert_pem.write_to_path(str(path))
    trust()._ca_file = str(path)


def quic_leg(port: int, **more: Any) -> Leg:
    leg = replace(leg_to(port, range_bytes=1_024), prober="quic", compares=Compares.HANDSHAKE)
    return replace(leg, **more)


def reading(size: int, **more: Any) -> dict[str, Any]:
    """What makes a leg read a body."""
    read = dict.fromkeys(("min_bytes", "max_bytes", "range_bytes"), size)
    return {"compares": Compares.GOODPUT, **read, **more}


async def observe(
    port: int,
    *,
    deadline: float = 5.0,
    address: str = "127.0.0.1",
    via: VantageConfig = HERE,
    **more: Any,
) -> LegObservation:
    leg = quic_leg(port, **more)
    return await measure_quic(
        leg, address=address, via=via, trust=trust(), deadline_seconds=deadline, order=0
    )


def failure(observed: LegObservation) -> tuple[str, str]:
    assert observed.failure is not None
    return observed.failure.phase.value, observed.failure.reason


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_handshake_and_the_head_of_an_answer(tmp_path: Path, address: str) -> None:
    async with serving(tmp_path, host=address) as server:
        observed = await observe(server.port, address=address)
    assert observed.failure is None
    assert set(observed.phases) == {Phase.TLS, Phase.PROCESSING}
    assert 0 < observed.phases[Phase.TLS] <= observed.duration_seconds
    assert observed.clock is Clock.KERNEL
    assert observed.http is not None
    assert (observed.http.version, observed.http.status) == ("3", 200)
    assert server.connections == 1
    (request,) = server.requests
    assert request[b":authority"] == NAME.encode()
    assert request[b":path"] == b"/object?v=1"
    assert request[b"range"] == b"bytes=0-1023"
    assert b"cookie" not in request
    # An Initial packet has at least 1,200 bytes (RFC 9000, section 14.1).
    assert observed.wire_bytes_sent is not None
    assert observed.wire_bytes_received is not None
    assert observed.wire_bytes_sent > 1_200
    assert observed.wire_bytes_received > 1_200
    assert observed.body_bytes is None


async def test_another_status_is_a_refusal(tmp_path: Path) -> None:
    async with serving(tmp_path, status=b"403") as server:
        observed = await observe(server.port)
    assert failure(observed) == ("processing", "http_unexpected_status_code")


async def test_it_is_heard_for_how_long_a_host_wants_to_be_left_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, status=b"429", fields=((b"retry-after", b"120"),)) as server:
        observed = await observe(server.port)
    assert observed.http is not None
    assert (observed.http.status, observed.http.retry_after_seconds) == (429, 120.0)


@pytest.mark.parametrize("status", [b"200", b"403", b"503"])
@pytest.mark.parametrize(
    ("name", "forged"), [(NAME, True), ("other.example", False), (NAME, False)]
)
async def test_who_shows_a_certificate_that_is_only_recorded_is_nobody(
    tmp_path: Path, name: str, forged: bool, status: bytes
) -> None:
    """It is not verified here, right or not: nobody is left alone for it, and nothing is well."""
    fields = ((b"retry-after", b"86400"),)
    async with serving(tmp_path, name=name, forged=forged, status=status, fields=fields) as server:
        observed = await observe(server.port, verify=Verify.RECORD)
    assert observed.http is not None
    assert observed.http.retry_after_seconds == 86_400.0
    assert wish_of(observed) is None
    assert unproven(observed)
    assert not gave(observed)


@pytest.mark.parametrize(
    ("name", "forged", "reason"),
    [
        (NAME, True, "ssl_unknown_authority"),
        ("other.example", False, "ssl_invalid_hostname"),
    ],
)
async def test_a_wrong_certificate(tmp_path: Path, name: str, forged: bool, reason: str) -> None:
    async with serving(tmp_path, name=name, forged=forged) as server:
        observed = await observe(server.port)
    assert failure(observed) == ("tls", reason)
    assert server.requests == []


async def test_a_certificate_with_many_other_names_is_told_as_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What aioquic says of it is longer than a packet; it is neither sent nor written anywhere."""
    names = tuple(f"also-{number:03}.other.example" for number in range(200))
    async with serving(tmp_path, name="other.example", also=names) as server:
        observed = await observe(server.port)
    assert failure(observed) == ("tls", "ssl_invalid_hostname")
    assert "other.example" not in caplog.text


async def test_no_common_protocol_is_a_failed_handshake(tmp_path: Path) -> None:
    async with serving(tmp_path, alpn=("other",)) as server:
        observed = await observe(server.port)
    assert failure(observed) == ("tls", "ssl_failed_handshake")


async def test_dropped_packets_run_into_the_deadline() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        observed = await observe(silent.getsockname()[1], deadline=SHORT)
    assert failure(observed) == ("connect", "generic_timeout_error")
    assert observed.phases[Phase.CONNECT] >= SHORT / 2
    assert observed.connect_rtt_seconds is None
    assert observed.wire_bytes_received == 0
    assert observed.wire_bytes_sent is not None
    assert observed.wire_bytes_sent > PING_BYTES
    assert hard(observed) is not None


NAMELESS = bytes.fromhex("0a0a0a0a")


async def test_a_name_that_is_dropped_is_told_from_udp_that_is(tmp_path: Path) -> None:
    """Whoever drops the handshake lets the packet without a name pass, for it has none."""
    async with serving(tmp_path) as server:
        server.passes = lambda datagram: datagram[1:5] == NAMELESS
        observed = await observe(server.port, deadline=SHORT)
    assert failure(observed) == ("tls", "generic_timeout_error")
    assert observed.connect_rtt_seconds is not None
    assert 0 < observed.connect_rtt_seconds < SHORT
    assert observed.quic is not None
    assert (observed.quic.bytes_received, observed.quic.datagrams_in) == (0, 0)
    assert hard(observed) is not None


async def test_a_server_that_does_not_answer_it_is_measured_all_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        server.passes = lambda datagram: datagram[1:5] != NAMELESS
        observed = await observe(server.port)
    assert observed.ok
    assert observed.connect_rtt_seconds is None
    assert handshake_seconds(observed) == observed.phases[Phase.TLS] < PING_SECONDS
    sent = [data for _, data in server.datagrams if data[1:5] == NAMELESS]
    assert len(sent) == 2


async def test_no_two_things_leave_from_one_port_and_the_nameless_goes_first(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as server:
        await observe(server.port)
        await observe(server.port)
        ports = [port for port, _ in server.datagrams]
        first = dict(reversed(server.datagrams))
    assert len(first) == 4
    assert [first[p][1:5] == NAMELESS for p in dict.fromkeys(ports)] == [True, False, True, False]
    assert all(len(data) >= 1_200 for data in first.values())
    name = NAME.encode()
    assert not any(name in data for data in first.values() if data[1:5] == NAMELESS)


async def test_a_handshake_that_died_of_slowness_is_no_silence(tmp_path: Path) -> None:
    """A part of its first flight came, and the rest did not in time."""
    async with serving(tmp_path, chain=8) as server:
        server.answers = 2
        observed = await observe(server.port, deadline=SHORT)
    assert failure(observed)[0] == "tls"
    assert observed.quic is not None
    assert observed.quic.bytes_received
    assert gave(observed)


@pytest.mark.parametrize("size", [65_536, 20_000])
async def test_a_body_is_read_to_what_was_asked_for(tmp_path: Path, size: int) -> None:
    async with serving(tmp_path, body=150_000) as server:
        observed = await observe(server.port, **reading(size))
    assert observed.ok
    assert observed.body_bytes == size
    assert set(observed.phases) == {Phase.TLS, Phase.PROCESSING, Phase.TRANSFER}
    assert (rate := goodput(observed)) is not None
    assert rate > size / observed.duration_seconds
    assert observed.wire_bytes_received is not None
    assert observed.wire_bytes_received > size
    assert observed.curve[-1].bytes >= size
    times = [sample.seconds for sample in observed.curve]
    assert times == sorted(times)


async def test_a_body_that_is_too_short_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path, body=3_000) as server:
        observed = await observe(server.port, **reading(65_536))
    assert failure(observed) == ("transfer", "body_too_short")
    assert observed.body_bytes == 3_000


async def test_a_body_that_stops_is_a_sample(tmp_path: Path) -> None:
    """After so many packets nothing passes any more."""
    async with serving(tmp_path, body=150_000) as server:
        server.answers = 24
        observed = await observe(server.port, deadline=SHORT * 2, **reading(150_000))
    assert failure(observed) == ("transfer", "generic_timeout_error")
    assert observed.body_bytes
    assert goodput(observed) is not None
    assert observed.phases[Phase.TRANSFER] > 0


def resets(http: H3Connection, stream: int) -> None:
    http._quic.reset_stream(stream, 0x102)


def closes(http: H3Connection, stream: int) -> None:
    http._quic.close(error_code=0x102)


@pytest.mark.parametrize("ends", [resets, closes])
async def test_what_the_server_ends_itself_is_told_at_once(
    tmp_path: Path, ends: Callable[[H3Connection, int], None]
) -> None:
    """Nobody on the way can say it in its stead, and it is no silence."""
    async with serving(tmp_path, body=3_000) as server:
        server.ends = ends
        observed = await observe(server.port, **reading(65_536))
    assert failure(observed)[1] == "ended_by_server"
    assert observed.duration_seconds < 2.5  # of a deadline of 5
    assert refused(observed)
    assert handshake_effort(observed) is not None
    assert read_effort(observed) is None


@pytest.mark.parametrize("name", ["other.example", NAME])
async def test_any_answer_will_do_for_a_swap(tmp_path: Path, name: str) -> None:
    """A certificate for another name, of whoever it is: the server has answered."""
    async with serving(tmp_path, name=name, forged=True) as server:
        observed = await observe(server.port, answer=Answer.ANY)
    assert observed.ok
    assert observed.http is None
    assert server.requests == []
    assert handshake_seconds(observed) is not None


async def test_an_alert_is_an_answer_too(tmp_path: Path) -> None:
    async with serving(tmp_path, alpn=("other",)) as server:
        observed = await observe(server.port, answer=Answer.ANY)
    assert observed.ok
    assert observed.tls is not None
    assert observed.tls.alert == "no_application_protocol"


async def test_what_was_not_seen_cannot_be_answered() -> None:
    """Somebody who floods us with versions does not know the packet's connection IDs."""

    class Flood(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            made_up = b"\xc0" + bytes(4) + b"\x08" + b"a" * 8 + b"\x08" + b"b" * 8 + bytes(4)
            for _ in range(50):
                self.transport.sendto(made_up, addr)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Flood, local_addr=("127.0.0.1", 0))
    observed = await observe(transport.get_extra_info("sockname")[1], deadline=SHORT)
    transport.close()
    assert observed.connect_rtt_seconds is None
    assert failure(observed)[1] == "generic_timeout_error"
    assert observed.duration_seconds < 2 * SHORT


async def test_a_closed_port_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert failure(await observe(port)) == ("connect", "connection_refused")


async def test_junk_is_no_answer() -> None:
    class Junk(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.transport.sendto(b"\xff" * 40, addr)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Junk, local_addr=("127.0.0.1", 0))
    observed = await observe(transport.get_extra_info("sockname")[1], deadline=SHORT)
    transport.close()
    assert failure(observed) == ("connect", "generic_timeout_error")


async def test_the_vantage_says_where_packets_leave_from(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        via = VantageConfig(name="second", source_address="192.0.2.9")
        observed = await observe(server.port, via=via)
    assert failure(observed) == ("connect", "address_not_available")


def endpoint(definition: Definition, name: str) -> Endpoint:
    target = next(t for t in definition.targets if t.name == name)
    size = int(target.min_bytes) if target.compares is Compares.GOODPUT else 0
    found = ChosenObject(url=target.url or f"https://{definition.hosts[0]}/", min_bytes=size)
    return Endpoint(definition=definition, target=target, object=found)


class Always(Random):
    """Draws what makes a share take place, or not."""

    def __init__(self, value: float) -> None:
        super().__init__(1)
        self._value = value

    def random(self) -> float:
        return self._value


def some_controls() -> list[Definition]:
    """Two of them speak QUIC."""
    found = []
    for name, speaks in (("debian", False), ("jquery", True), ("kernel", True)):
        target = replace(synth_target("object", f"{name}.test", read=True), quic=speaks)
        found.append(synth_definition(name, target, control=True))
    return found


def beside(kind: RoundKind, *, drawn: float = 0.0, drawn_speak: bool = False) -> tuple[Leg, ...]:
    """What a round has over QUIC beside two targets, of which both speak it."""
    platform = synth_definition(
        "x",
        *(
            replace(synth_target(name, f"{name}.test", read=read, swap="n.test"), quic=speaks)
            for name, read, speaks in (
                ("object", True, True),
                ("page", False, True),
                ("mute", True, False),
            )
        ),
    )
    controls = some_controls()
    every = (platform, *controls)
    speaks = {(one.name, t.name) for one in every for t in one.targets if t.quic}
    able = [endpoint(one, t.name) for one in controls for t in one.targets]
    legs, _ = declare(
        [endpoint(platform, t.name) for t in platform.targets],
        able[1:2] if drawn_speak else able[:1],
        kind,
        legs=LegsConfig(),
        beacon=None,
    )
    return made_beside(
        BESIDE[0], legs, able, kind, speaks=speaks, settings=LegsConfig(), random=Always(drawn)
    )


@pytest.mark.parametrize("drawn_speak", [False, True])
@pytest.mark.parametrize("drawn", [0.0, 0.45, 0.9])
@pytest.mark.parametrize("kind", [RoundKind.LIGHT, RoundKind.TRANSFER])
def test_what_is_made_over_quic(kind: RoundKind, drawn: float, drawn_speak: bool) -> None:
    made = beside(kind, drawn=drawn, drawn_speak=drawn_speak)
    if kind is RoundKind.LIGHT and drawn > 0.5:
        assert made == ()
        return
    roles = Counter(leg.role for leg in made)
    targets = 1 if kind is RoundKind.LIGHT else 2
    swaps = 0 if kind is RoundKind.LIGHT else 2
    assert roles == Counter({LegRole.TARGET: targets, LegRole.SWAP: swaps, LegRole.CONTROL: 1})
    assert {leg.prober for leg in made} == {"quic"}
    assert "mute" not in {leg.target for leg in made}
    reads = {leg.role for leg in made if leg.compares is Compares.GOODPUT}
    if kind is RoundKind.TRANSFER and drawn < 1 / 3:
        assert reads >= {LegRole.TARGET, LegRole.CONTROL}
        assert len({leg.max_bytes for leg in made if leg.compares is Compares.GOODPUT}) == 1
    else:
        assert not reads


def test_nothing_is_made_over_quic_in_long_rounds_nor_without_a_target() -> None:
    assert beside(RoundKind.LONG) == ()
    assert (
        made_beside(
            BESIDE[0],
            [],
            [],
            RoundKind.TRANSFER,
            speaks={("x", "object")},
            settings=LegsConfig(),
            random=Always(0.0),
        )
        == ()
    )


@pytest.mark.parametrize("seed", range(8))
def test_over_quic_a_swap_comes_before_its_target(seed: int) -> None:
    order = in_order(beside(RoundKind.TRANSFER), Random(seed))
    places = {(leg.role, leg.target): place for place, leg in enumerate(order)}
    for name in ("object", "page"):
        assert places[LegRole.SWAP, name] < places[LegRole.TARGET, name]


def test_a_burst_over_quic_is_made_of_what_speaks_it() -> None:
    platform = synth_definition(
        "x", replace(synth_target("object", "x.test", read=True), quic=True)
    )
    controls = some_controls()
    burst = Burst(target="object", compares=Compares.GOODPUT, read_bytes=65_536, over="quic")
    able = [endpoint(one, "object") for one in controls]
    drawn = draw_burst_controls(able, burst, random=Random(1))
    made = declare_burst([endpoint(platform, "object")], drawn, burst, legs=LegsConfig())
    assert {leg.owner for leg in made} == {"x", "jquery", "kernel"}
    assert {(leg.prober, leg.http_versions) for leg in made} == {("quic", ("h3",))}
    assert {leg.max_bytes for leg in made} == {65_536}
    plain = replace(burst, over="")
    over_tcp = declare_burst([endpoint(platform, "object")], drawn, plain, legs=LegsConfig())
    assert {leg.prober for leg in over_tcp} == {"tcp"}


async def test_datagrams_are_counted_to_the_last_that_came(tmp_path: Path) -> None:
    """The far end falls silent after so many, the answer to the packet without a name included."""
    async with serving(tmp_path, body=65_536) as server:
        server.answers = 20
        seen = await observe(server.port, **reading(65_536))
        sent = len(server.datagrams) - 1
    assert seen.failure is not None
    assert seen.quic is not None
    assert seen.quic.datagrams_in == 19
    assert seen.quic.datagrams_out is not None
    assert 0 < seen.quic.datagrams_out <= sent


async def test_a_small_credit_makes_small_datagrams(tmp_path: Path) -> None:
    size, credit, seen = 20_000, 536, []
    async with serving(tmp_path, body=size) as server:
        for bytes_ in (0, credit):
            seen.append(await observe(server.port, **reading(size, segment_bytes=bytes_)))
    usual, small = (one.quic.datagrams_in or 0 for one in seen if one.quic is not None)
    assert [one.body_bytes for one in seen] == [size, size]
    assert small >= size / credit
    assert usual < small / 1.5


async def test_a_wait_lies_between_handshake_and_request(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        seen = await observe(server.port, deadline=10.0, wait_seconds=1.0)
    assert seen.ok
    assert seen.duration_seconds > 1.0
    assert seen.phases[Phase.TLS] + seen.phases[Phase.PROCESSING] < seen.duration_seconds - 0.9
