"""The DNS measurement against a real server: one packet out, everything that comes back."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.config.schema import VantageConfig
from probe.measure.names.dns import measure_dns
from probe.measure.names.resolvers import Resolver
from probe.model.identity import Family, Phase
from probe.model.observation import Clock, DnsObservation
from tests.measure.dns_server import DnsServer, Script, Step, answering, framed, reply, silence

NAME = "www.example.com"
TRUE, FORGED = "8.8.4.4", "31.13.94.37"
HERE = VantageConfig(name="here")
LONG, SHORT = 8.0, 0.2


@pytest.fixture
def server() -> Iterator[DnsServer]:
    """A server with UDP and TCP; tests set its scripts."""
    with DnsServer(tcp=silence) as running:
        yield running


def _resolver(server: DnsServer) -> Resolver:
    return Resolver(name="lab", transport="udp", address=server.host, port=server.port)


async def _all(
    server: DnsServer,
    *,
    name: str = NAME,
    family: Family = Family.IPV4,
    via: VantageConfig = HERE,
    deadline: float = LONG,
    linger: float = 0.0,
    allow_private: bool = False,
) -> tuple[DnsObservation, ...]:
    return await measure_dns(
        name,
        family,
        _resolver(server),
        via=via,
        deadline_seconds=deadline,
        linger_seconds=linger,
        allow_private=allow_private,
    )


async def _one(
    server: DnsServer,
    *,
    family: Family = Family.IPV4,
    via: VantageConfig = HERE,
    deadline: float = LONG,
    linger: float = 0.0,
) -> DnsObservation:
    (observed,) = await _all(server, family=family, via=via, deadline=deadline, linger=linger)
    return observed


def _reason(observed: DnsObservation) -> str | None:
    return observed.failure.reason if observed.failure else None


def _open_sockets() -> int:
    links = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return sum(str(link).startswith("socket:") for link in links)


async def test_an_answer_with_its_time_and_its_bytes(server: DnsServer) -> None:
    server.udp = answering(TRUE, "8.8.8.8")
    before = time.time()
    observed = await _one(server)
    (answer,) = observed.answers
    assert (answer.rcode, answer.ttl_seconds, answer.truncated) == ("NOERROR", 60, False)
    assert set(answer.addresses) == {TRUE, "8.8.8.8"}
    assert (observed.failure, observed.conflicting) == (None, False)
    assert (observed.resolver, observed.transport, observed.name) == ("lab", "udp", NAME)
    assert 0.0 < answer.seconds == observed.seconds < 5.0
    assert before <= observed.started_at <= time.time()
    (query,) = server.udp_packets
    assert observed.wire_bytes_sent == 28 + len(query)
    sent = reply(dns.message.from_wire(query), TRUE, "8.8.8.8")
    assert observed.wire_bytes_received == 28 + len(sent)


async def test_stamps_are_the_kernels_on_linux(server: DnsServer) -> None:
    server.udp = answering(TRUE)
    assert (await _one(server)).clock is Clock.KERNEL


async def test_one_packet_each_from_its_own_port_with_its_own_id(server: DnsServer) -> None:
    server.udp = answering(TRUE)
    for _ in range(8):
        await _one(server)
    assert len(server.udp_packets) == 8
    assert len({packet[:2] for packet in server.udp_packets}) > 4
    assert len({port for _, port in server.sources}) > 4


async def test_silence_costs_a_packet_of_each_kind_and_the_deadline(server: DnsServer) -> None:
    observed = await _one(server, deadline=SHORT)
    assert (_reason(observed), observed.answers) == ("generic_timeout_error", ())
    assert observed.failure is not None
    assert observed.failure.phase is Phase.RESOLVE
    assert observed.seconds >= 0.95 * SHORT
    assert [dns.message.from_wire(one).edns for one in server.udp_packets] == [0, -1]
    assert observed.wire_bytes_received == 0


@pytest.mark.parametrize(
    ("rcode", "reason"),
    [
        (dns.rcode.NXDOMAIN, "dns_nxdomain_error"),
        (dns.rcode.SERVFAIL, "dns_servfail_error"),
        (dns.rcode.REFUSED, "dns_refused_error"),
        (dns.rcode.NOTIMP, "dns_server_misbehaving"),
        (dns.rcode.NOERROR, "dns_no_answer"),
    ],
)
async def test_a_refusal_is_an_answer_and_a_failure(
    server: DnsServer, rcode: dns.rcode.Rcode, reason: str
) -> None:
    server.udp = lambda query: [Step(reply(query, rcode=rcode))]
    observed = await _one(server)
    assert _reason(observed) == reason
    assert [a.rcode for a in observed.answers] == [dns.rcode.to_text(rcode)]
    about_edns = rcode in (dns.rcode.SERVFAIL, dns.rcode.NOTIMP)
    assert len(server.udp_packets) == 1 + about_edns


def _without_edns_only(to_edns: str) -> Script:
    """A resolver that gives the true answer, but ``to_edns`` to a query with EDNS."""

    def script(query: dns.message.Message) -> Iterable[Step]:
        if query.edns < 0:
            return [Step(reply(query, TRUE))]
        if to_edns == "nothing":
            return []
        if to_edns == "junk":
            return [Step(query.to_wire()[:2] + b"\xff" * 20)]
        plain: dns.message.Message = query
        if to_edns != "BADVERS":
            name = query.question[0].name
            plain = dns.message.make_query(name, "A", id=query.id, use_edns=False)
        wire = reply(plain, rcode=dns.rcode.from_text(to_edns))
        # A bare header, as old boxes send it.
        return [Step(wire[:4] + bytes(8) if to_edns == "FORMERR" else wire)]

    return script


@pytest.mark.parametrize("to_edns", ["FORMERR", "NOTIMP", "BADVERS", "SERVFAIL", "nothing", "junk"])
async def test_a_resolver_that_cannot_bear_edns_is_asked_without(
    server: DnsServer, to_edns: str
) -> None:
    server.udp = _without_edns_only(to_edns)
    observed = await _one(server, deadline=1.0)
    assert (observed.failure, observed.edns) == (None, False)
    assert [a.addresses for a in observed.answers] == [(TRUE,)]
    assert observed.wire_bytes_sent == sum(28 + len(one) for one in server.udp_packets)


async def test_who_bears_edns_is_asked_once_and_it_is_said(server: DnsServer) -> None:
    server.udp = answering(TRUE)
    assert (await _one(server)).edns is True
    server.udp = lambda query: [Step(reply(query, rcode=dns.rcode.NXDOMAIN))]
    assert (await _one(server)).edns is True
    assert len(server.udp_packets) == 2


async def test_an_injected_answer_does_not_hide_the_true_one(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, FORGED)), Step(reply(query, TRUE), 0.1)]
    observed = await _one(server, linger=LONG, deadline=0.5)
    assert [a.addresses for a in observed.answers] == [(FORGED,), (TRUE,)]
    assert observed.conflicting
    assert observed.answers[0].seconds < observed.answers[1].seconds
    assert observed.seconds == observed.answers[0].seconds


async def test_an_injected_nxdomain_conflicts_and_is_what_a_stub_would_believe(
    server: DnsServer,
) -> None:
    server.udp = lambda query: [
        Step(reply(query, rcode=dns.rcode.NXDOMAIN)),
        Step(reply(query, TRUE)),
    ]
    observed = await _one(server, linger=SHORT)
    assert observed.conflicting
    assert _reason(observed) == "dns_nxdomain_error"


async def test_the_same_answer_twice_is_no_conflict(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, TRUE)), Step(reply(query, TRUE))]
    observed = await _one(server, linger=SHORT)
    assert len(observed.answers) == 2
    assert not observed.conflicting


async def test_without_linger_the_first_answer_ends_it(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, FORGED)), Step(reply(query, TRUE), LONG)]
    observed = await _one(server, linger=0.0)
    assert [a.addresses for a in observed.answers] == [(FORGED,)]


async def test_replies_with_a_wrong_id_do_not_count_beside_an_answer(server: DnsServer) -> None:
    server.udp = lambda query: [
        Step(reply(query, FORGED, wrong_id=True)),
        Step(reply(query, TRUE)),
    ]
    observed = await _one(server)
    assert [a.addresses for a in observed.answers] == [(TRUE,)]
    assert (observed.failure, observed.conflicting) == (None, False)


@pytest.mark.parametrize("what", ["wrong id", "other question", "junk", "own query"])
async def test_what_is_no_answer_is_the_failure_when_nothing_else_comes(
    server: DnsServer, what: str
) -> None:
    def script(query: dns.message.Message) -> Iterable[Step]:
        other = dns.message.make_query("other.example", "A", id=query.id)
        wires = {
            "wrong id": reply(query, FORGED, wrong_id=True),
            "other question": reply(other, FORGED),
            "junk": b"\xff" * 40,
            "own query": query.to_wire(),
        }
        return [Step(wires[what])]

    server.udp = script
    observed = await _one(server, deadline=SHORT)
    wrong_id = what == "wrong id"
    assert observed.answers == ()
    assert observed.seconds >= 0.95 * SHORT
    assert _reason(observed) == (
        "dns_reply_with_wrong_query_id" if wrong_id else "dns_server_misbehaving"
    )


async def test_a_closed_port_is_refused_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    resolver = Resolver(name="gone", transport="udp", address="127.0.0.1", port=port)
    (observed,) = await measure_dns(
        NAME, Family.IPV4, resolver, via=HERE, deadline_seconds=LONG, linger_seconds=0.0
    )
    assert _reason(observed) == "connection_refused"
    assert observed.seconds < LONG / 2


async def test_a_flood_of_forgeries_ends_it(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, f"31.13.94.{n % 250}")) for n in range(400)]
    observed = await _one(server, linger=LONG)
    assert observed.conflicting
    assert len(observed.answers) <= 80


async def test_a_truncated_answer_is_asked_for_again_over_tcp(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, truncated=True))]
    server.tcp = lambda query: [Step(framed(reply(query, TRUE)))]
    udp, tcp = await _all(server)
    assert (udp.transport, udp.failure) == ("udp", None)
    assert [a.truncated for a in udp.answers] == [True]
    assert (tcp.transport, tcp.failure) == ("tcp", None)
    assert [a.addresses for a in tcp.answers] == [(TRUE,)]
    assert tcp.clock is Clock.KERNEL
    assert tcp.started_at >= udp.started_at
    assert (len(server.udp_packets), len(server.tcp_messages), server.tcp_connections) == (1, 1, 1)
    assert tcp.wire_bytes_sent is not None
    assert tcp.wire_bytes_sent > 2 + len(server.tcp_messages[0])


async def test_a_tcp_answer_in_pieces_is_one_answer(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, truncated=True))]

    def in_pieces(query: dns.message.Message) -> Iterable[Step]:
        whole = framed(reply(query, TRUE))
        return [Step(whole[:1]), Step(whole[1:9], 0.02), Step(whole[9:], 0.02)]

    server.tcp = in_pieces
    _, tcp = await _all(server)
    assert [a.addresses for a in tcp.answers] == [(TRUE,)]
    assert tcp.seconds >= 0.04


@pytest.mark.parametrize(
    ("cut", "reason"),
    [("at once", "eof_error"), ("in mid-message", "eof_error"), ("junk", "dns_server_misbehaving")],
)
async def test_a_broken_tcp_answer_is_a_failure(server: DnsServer, cut: str, reason: str) -> None:
    server.udp = lambda query: [Step(reply(query, truncated=True))]

    def script(query: dns.message.Message) -> Iterable[Step]:
        whole = framed(reply(query, TRUE))
        wires = {"at once": b"", "in mid-message": whole[:-3], "junk": framed(b"\xff" * 9)}
        return [Step(wires[cut])]

    server.tcp = script
    _, tcp = await _all(server)
    assert (_reason(tcp), tcp.answers) == (reason, ())


async def test_a_slow_tcp_answer_runs_into_the_deadline(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, truncated=True))]
    server.tcp = lambda query: [Step(b"\0"), Step(b"\1", LONG)]
    _, tcp = await _all(server, deadline=SHORT)
    assert _reason(tcp) == "generic_timeout_error"
    assert SHORT <= tcp.seconds < LONG / 2


async def test_no_tcp_server_behind_a_truncated_answer() -> None:
    with DnsServer(udp=lambda query: [Step(reply(query, truncated=True))]) as server:
        _, tcp = await _all(server)
    assert _reason(tcp) == "connection_refused"


async def test_ipv6_resolver_and_family() -> None:
    address = "2606:4700::6810:1"
    with DnsServer(udp=answering(address), host="::1") as server:
        observed = await _one(server, family=Family.IPV6)
    assert [a.addresses for a in observed.answers] == [(address,)]
    assert observed.wire_bytes_sent == 48 + len(server.udp_packets[0])


async def test_the_zone_of_a_link_local_resolver_is_kept() -> None:
    resolver = Resolver(name="zone", transport="udp", address="fe80::1%nosuch0", port=53)
    (observed,) = await measure_dns(
        NAME, Family.IPV4, resolver, via=HERE, deadline_seconds=LONG, linger_seconds=0.0
    )
    assert observed.failure is not None


async def test_packets_leave_from_the_source_address(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, truncated=True))]
    server.tcp = lambda query: [Step(framed(reply(query, TRUE)))]
    udp, tcp = await _all(server, via=VantageConfig(name="here", source_address="127.0.0.9"))
    assert (udp.failure, tcp.failure) == (None, None)
    assert [host for host, _ in server.sources] == ["127.0.0.9"]


@pytest.mark.parametrize(
    ("via", "reason"),
    [
        (VantageConfig(name="v", source_address="192.0.2.77"), "address_not_available"),
        (VantageConfig(name="v", source_address="::1"), "address_family_not_supported"),
    ],
)
async def test_a_source_that_cannot_be_used_sends_nothing(
    server: DnsServer, via: VantageConfig, reason: str
) -> None:
    observed = await _one(server, via=via)
    assert _reason(observed) == reason
    assert observed.wire_bytes_sent is None
    assert server.udp_packets == []


async def test_packets_leave_by_the_interface(server: DnsServer) -> None:
    server.udp = answering(TRUE)
    assert (await _one(server, via=VantageConfig(name="v", interface="lo"))).failure is None


async def test_packets_of_an_interface_that_is_not_there_are_not_sent(server: DnsServer) -> None:
    observed = await _one(server, via=VantageConfig(name="v", interface="nosuch0"))
    assert _reason(observed) in {"network_down", "permission_denied"}
    assert server.udp_packets == []


async def test_a_private_answer_is_a_bogon_unless_it_is_expected(server: DnsServer) -> None:
    server.udp = answering("10.10.34.35")
    (lie,) = await _all(server)
    (fine,) = await _all(server, allow_private=True)
    assert (_reason(lie), fine.failure) == ("dns_bogon_error", None)
    assert lie.answers[0].addresses == fine.answers[0].addresses == ("10.10.34.35",)


async def test_a_name_that_is_none_is_a_failure_without_a_packet(server: DnsServer) -> None:
    (observed,) = await _all(server, name="a" * 64 + ".example")
    assert _reason(observed) == "dns_non_recoverable_failure"
    assert server.udp_packets == []


def _spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def test_a_busy_event_loop_does_not_slow_the_answer(server: DnsServer) -> None:
    server.udp = answering(TRUE)
    busy_seconds = 0.5
    measuring = asyncio.ensure_future(_one(server))
    await asyncio.sleep(0)
    _spin(busy_seconds)
    observed = await measuring
    assert observed.clock is Clock.KERNEL
    assert observed.seconds < busy_seconds / 2


async def test_what_came_in_time_counts_though_the_loop_read_it_late(server: DnsServer) -> None:
    server.udp = answering(TRUE)
    measuring = asyncio.ensure_future(_one(server, deadline=0.3))
    await asyncio.sleep(0)
    _spin(0.6)
    observed = await measuring
    assert (observed.failure, len(observed.answers)) == (None, 1)


async def test_what_came_too_late_does_not_count_though_it_could_be_read(
    server: DnsServer,
) -> None:
    server.udp = answering(TRUE, after_seconds=0.3)
    measuring = asyncio.ensure_future(_one(server, deadline=0.1))
    await asyncio.sleep(0)
    _spin(0.8)
    observed = await measuring
    assert (_reason(observed), observed.answers) == ("generic_timeout_error", ())


@pytest.mark.parametrize("over_tcp", [False, True])
async def test_cancelling_closes_the_socket(server: DnsServer, over_tcp: bool) -> None:
    if over_tcp:
        server.udp = lambda query: [Step(reply(query, truncated=True))]
        server.tcp = lambda query: [Step(b"\0"), Step(b"\1", LONG)]
    before = _open_sockets()
    measuring = asyncio.ensure_future(_all(server))
    while not (server.tcp_messages if over_tcp else server.udp_packets):
        await asyncio.sleep(0.005)
    measuring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await measuring
    # The server's end of a connection is in this process too.
    assert _open_sockets() <= before + over_tcp


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(junk=st.binary(max_size=80), keep_id=st.booleans())
def test_junk_beside_the_answer_changes_nothing(
    server: DnsServer, junk: bytes, keep_id: bool
) -> None:
    server.udp = lambda query: [
        Step(query.id.to_bytes(2, "big") + junk if keep_id else junk),
        Step(reply(query, TRUE)),
    ]
    observed = asyncio.run(_one(server))
    assert TRUE in {address for a in observed.answers for address in a.addresses} or (
        keep_id and observed.failure is not None
    )
    assert {address for a in observed.answers for address in a.addresses} <= {TRUE}
