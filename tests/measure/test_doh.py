"""DNS over HTTPS against a real TLS server: what is asked, what is an answer, what it costs."""

from __future__ import annotations

import asyncio
import ssl
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.loopback.servers import (
    DEADLINE,
    HERE,
    Http2,
    Script,
    Visit,
    certificate,
    serve,
    server_context,
    trust,
)
from probe.config.schema import VantageConfig
from probe.measure.names.doh import MEDIA_TYPE, measure_doh
from probe.measure.names.resolvers import Resolver
from probe.model.identity import Family, Phase
from probe.model.observation import Clock, DnsObservation
from tests.measure.dns_server import reply

NAME = "www.example.com"
HOST = "dns.example"
TRUE = "8.8.4.4"
SHORT = 0.3

Answer = Callable[[dns.message.Message], bytes]


def asked(target: str) -> dns.message.Message:
    """The query in a request's target."""
    (text,) = parse_qs(urlsplit(target).query)["dns"]
    return dns.message.from_wire(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def true_answer(query: dns.message.Message) -> bytes:
    return reply(query, TRUE)


def answering(answer: Answer = true_answer, *, status: str = "200 OK") -> Script:
    """An HTTP/1.1 resolver that answers every query with ``answer`` of it."""

    async def script(visit: Visit) -> None:
        target = (await visit.head()).split(b" ")[1].decode("ascii")
        body = answer(asked(target))
        head = f"HTTP/1.1 {status}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}"
        await visit.send(head.encode() + b"\r\n\r\n" + body)
        await visit.gone()

    return script


async def ask(
    script: Script,
    *,
    context: ssl.SSLContext | None = None,
    name: str = NAME,
    family: Family = Family.IPV4,
    host: str = HOST,
    address: str = "127.0.0.1",
    via: VantageConfig = HERE,
    deadline: float = DEADLINE,
    allow_private: bool = False,
) -> DnsObservation:
    """One measurement against ``script``, whose certificate is for ``HOST`` unless given."""
    tls = context or server_context(certificate(HOST))
    async with serve(script, tls, host=address) as server:
        observed = await measure_doh(
            name,
            family,
            resolver(server.port, host=host, address=address),
            via=via,
            trust=trust(),
            deadline_seconds=deadline,
            allow_private=allow_private,
        )
        assert len(server.visits) <= 1, "a measurement is one connection"
        return observed


def resolver(port: int, *, host: str = HOST, address: str = "127.0.0.1") -> Resolver:
    place = f"[{host}]" if ":" in host else host
    return Resolver(
        name="lab",
        transport="https",
        address=address,
        port=port,
        url=f"https://{place}:{port}/dns-query",
    )


def failure(observed: DnsObservation) -> str:
    assert observed.failure is not None
    assert observed.failure.phase is Phase.RESOLVE
    return observed.failure.reason


async def test_an_answer() -> None:
    before = time.time()
    observed = await ask(answering())

    assert observed.failure is None
    assert (observed.name, observed.resolver, observed.transport) == (NAME, "lab", "https")
    (answer,) = observed.answers
    assert (answer.addresses, answer.rcode, answer.ttl_seconds) == ((TRUE,), "NOERROR", 60)
    assert answer.seconds == observed.seconds > 0
    assert observed.clock is Clock.KERNEL
    assert before <= observed.started_at <= time.time()


async def test_an_answer_over_http2() -> None:
    fields: dict[str, str] = {}

    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        fields.update(http.headers)
        await http.head(stream, ("content-type", MEDIA_TYPE))
        await http.body(stream, reply(asked(http.headers[":path"]), TRUE))
        await visit.gone()

    observed = await ask(script, context=server_context(certificate(HOST), alpn=("h2",)))

    assert observed.failure is None
    assert observed.answers[0].addresses == (TRUE,)
    assert fields["accept"] == MEDIA_TYPE
    assert "cookie" not in fields


@pytest.mark.parametrize(("family", "kind"), [(Family.IPV4, "A"), (Family.IPV6, "AAAA")])
async def test_what_is_asked_is_the_same_for_everybody(family: Family, kind: str) -> None:
    queries: list[dns.message.Message] = []
    requests: list[bytes] = []

    async def script(visit: Visit) -> None:
        requests.append(await visit.head())
        queries.append(asked(requests[0].split(b" ")[1].decode("ascii")))
        await visit.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

    await ask(script, family=family)

    (query,), (request,) = queries, requests
    assert query.id == 0, "so that caches may serve everybody (RFC 8484, section 4.1)"
    (question,) = query.question
    assert question.to_text() == f"{NAME}. IN {kind}"
    assert query.flags == dns.flags.RD
    # No client subnet, no cookie, no DO bit: nothing that tells one client from another.
    assert (query.edns, query.options, query.ednsflags) == (0, (), 0)
    line, *rest = request.decode("ascii").split("\r\n")
    assert line.startswith("GET /dns-query?dns=")
    assert "=" not in line.removeprefix("GET /dns-query?dns="), "base64url has no padding here"
    fields = dict(part.split(": ", 1) for part in rest if part)
    assert set(fields) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    assert (fields["Accept"], fields["Accept-Encoding"]) == (MEDIA_TYPE, "identity")


async def test_parameters_of_the_url_stay() -> None:
    seen: list[str] = []

    async def script(visit: Visit) -> None:
        seen.append((await visit.head()).split(b" ")[1].decode("ascii"))
        await visit.answer(b"")

    async with serve(script, server_context(certificate(HOST))) as server:
        plain = resolver(server.port)
        await measure_doh(
            NAME,
            Family.IPV4,
            Resolver(
                name="lab",
                transport="https",
                address=plain.address,
                port=plain.port,
                url=f"{plain.url}?profile=a%20b",
            ),
            via=HERE,
            trust=trust(),
            deadline_seconds=SHORT,
        )

    assert seen[0].startswith("/dns-query?profile=a")
    assert asked(seen[0]).question[0].name.to_text() == f"{NAME}."


@pytest.mark.parametrize(
    ("leaf", "reason"),
    [
        (certificate(HOST, forged=True), "ssl_unknown_authority"),
        (certificate(HOST, expired=True), "ssl_invalid_certificate"),
        (certificate("other.example"), "ssl_invalid_hostname"),
    ],
    ids=["forged", "expired", "of another name"],
)
async def test_a_wrong_certificate_is_no_answer(leaf: object, reason: str) -> None:
    observed = await ask(answering(), context=server_context(leaf))  # type: ignore[arg-type]
    assert failure(observed) == reason
    assert observed.answers == ()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_resolver_known_by_address_shows_a_certificate_for_it(address: str) -> None:
    context = server_context(certificate(address))
    async with serve(answering(), context, host=address) as server:
        observed = await measure_doh(
            NAME,
            Family.IPV4,
            resolver(server.port, host=address, address=address),
            via=HERE,
            trust=trust(),
            deadline_seconds=DEADLINE,
        )
        assert server.snis == [None], "an address is no server name (RFC 6066, section 3)"
    assert observed.failure is None
    assert observed.answers[0].addresses == (TRUE,)


@pytest.mark.parametrize("name", [HOST, "127.0.0.2"])
async def test_a_certificate_for_something_else_than_the_address(name: str) -> None:
    observed = await ask(answering(), context=server_context(certificate(name)), host="127.0.0.1")
    assert failure(observed) == "ssl_invalid_hostname"


@pytest.mark.parametrize("status", ["301 Moved", "400 Bad Request", "429 Slow", "502 Bad Gateway"])
async def test_another_status_is_no_answer_whatever_its_body(status: str) -> None:
    observed = await ask(answering(status=status))
    assert failure(observed) == "dns_server_misbehaving"
    assert observed.answers == ()
    assert observed.failure is not None
    assert observed.failure.detail == f"HTTP status {status[:3]}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda query: b"", "dns_server_misbehaving"),
        (lambda query: b"<html>please log in</html>", "dns_server_misbehaving"),
        (lambda query: query.to_wire(), "dns_server_misbehaving"),
        (lambda query: reply(query, TRUE)[:-3], "dns_server_misbehaving"),
        (lambda query: reply(query, TRUE, wrong_id=True), "dns_reply_with_wrong_query_id"),
        (lambda query: reply(query, truncated=True), "dns_server_misbehaving"),
        (lambda query: reply(query), "dns_no_answer"),
        (lambda query: reply(query, rcode=dns.rcode.NXDOMAIN), "dns_nxdomain_error"),
        (lambda query: reply(query, rcode=dns.rcode.SERVFAIL), "dns_servfail_error"),
        (lambda query: reply(query, "10.1.2.3"), "dns_bogon_error"),
    ],
    ids=[
        "empty",
        "html",
        "the query itself",
        "cut",
        "another id",
        "truncated",
        "no address",
        "nxdomain",
        "servfail",
        "bogon",
    ],
)
async def test_answers_that_are_none(answer: Answer, reason: str) -> None:
    assert failure(await ask(answering(answer))) == reason


async def test_private_addresses_are_honest_where_the_operator_says_so() -> None:
    observed = await ask(answering(lambda query: reply(query, "10.1.2.3")), allow_private=True)
    assert observed.failure is None


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200))
async def test_any_bytes_are_a_value(body: bytes) -> None:
    observed = await ask(answering(lambda query: body))
    assert observed.failure is not None


async def test_a_body_without_end_is_cut_off() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await visit.send(b"\0" * 16_384)

    observed = await ask(script)

    assert failure(observed) == "dns_server_misbehaving"
    assert observed.wire_bytes_received is not None
    assert observed.wire_bytes_received < 1_000_000


async def accept_and_say_nothing(visit: Visit) -> None:
    await visit.stall()


async def head_and_nothing_more(visit: Visit) -> None:
    await visit.head()
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nxx")
    await visit.stall()


@pytest.mark.parametrize("script", [accept_and_say_nothing, head_and_nothing_more])
async def test_the_deadline_holds_for_all_of_it(script: Script) -> None:
    observed = await ask(script, deadline=SHORT)
    assert failure(observed) == "generic_timeout_error"
    assert observed.seconds > SHORT / 2, "from the SYN, which a busy machine sends later"
    assert observed.wire_bytes_sent


async def test_a_server_that_never_shakes_hands() -> None:
    async with serve(accept_and_say_nothing) as server:
        observed = await measure_doh(
            NAME,
            Family.IPV4,
            resolver(server.port),
            via=HERE,
            trust=trust(),
            deadline_seconds=SHORT,
        )
    assert failure(observed) == "generic_timeout_error"


async def test_resets_and_refusals_are_told_apart() -> None:
    async def reset(visit: Visit) -> None:
        await visit.head()
        visit.reset()

    assert failure(await ask(reset)) == "connection_reset"
    async with serve(reset) as server:
        port = server.port
    observed = await measure_doh(
        NAME, Family.IPV4, resolver(port), via=HERE, trust=trust(), deadline_seconds=DEADLINE
    )
    assert failure(observed) == "connection_refused"
    assert observed.wire_bytes_received is None, "no connection, no account of one"


async def test_the_vantage_says_where_the_packets_leave_from() -> None:
    peers: list[str] = []

    async def script(visit: Visit) -> None:
        peers.append(visit.peer)
        await answering()(visit)

    await ask(script, via=VantageConfig(name="second", source_address="127.0.0.7"))
    assert peers == ["127.0.0.7"]


async def test_bytes_are_those_of_the_connection() -> None:
    """The handshake with its certificate, the request, the answer, and every header."""
    observed = await ask(answering())
    assert observed.wire_bytes_sent is not None
    assert observed.wire_bytes_received is not None
    certificate_bytes = len(certificate(HOST).cert_chain_pems[0].bytes()) * 3 // 4
    assert certificate_bytes < observed.wire_bytes_received < 10_000
    assert 400 < observed.wire_bytes_sent < 5_000


async def test_a_name_that_is_none_sends_nothing() -> None:
    async with serve(answering(), server_context(certificate(HOST))) as server:
        observed = await measure_doh(
            f"{'a' * 64}.example",
            Family.IPV4,
            resolver(server.port),
            via=HERE,
            trust=trust(),
            deadline_seconds=DEADLINE,
        )
        assert server.visits == []
    assert failure(observed) == "dns_non_recoverable_failure"
    assert observed.transport == "https"


async def test_cancelling_closes_the_connection() -> None:
    closed, reached = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.head()
        reached.set()
        await visit.gone()
        closed.set()

    async with serve(script, server_context(certificate(HOST))) as server:
        task = asyncio.ensure_future(
            measure_doh(
                NAME,
                Family.IPV4,
                resolver(server.port),
                via=HERE,
                trust=trust(),
                deadline_seconds=DEADLINE,
            )
        )
        await asyncio.wait_for(reached.wait(), DEADLINE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), DEADLINE)
