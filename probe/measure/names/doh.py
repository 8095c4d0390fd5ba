"""DNS over HTTPS (RFC 8484): one connection, one GET, one answer, on the wire of the legs."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from urllib.parse import urlsplit

import dns.message
import httpx

from probe.config.schema import DnsConfig, VantageConfig
from probe.measure.http.transport import Client
from probe.measure.names.dns_heard import DnsQuestion, Heard, never_asked
from probe.measure.names.dns_message import build_query
from probe.measure.names.resolvers import Resolver
from probe.measure.one_leg.attempt import Way
from probe.measure.one_leg.failures import NetworkError, failure_of
from probe.measure.one_leg.leg_record import LegRecord
from probe.measure.tls.trust import Trust
from probe.model.identity import Family, Phase
from probe.model.observation import DnsObservation

# A DNS message cannot be longer (its length has 16 bits over TCP).
MOST_BYTES = 65_535
MEDIA_TYPE = "application/dns-message"
_OK = 200
_CLIENT = Client()


async def ask(
    name: str,
    family: Family,
    resolver: Resolver,
    *,
    via: VantageConfig,
    trust: Trust | None,
    dns: DnsConfig,
) -> tuple[DnsObservation, ...]:
    """``measure_doh`` as the table of probers calls it: asked only where there is ``trust``."""
    assert trust is not None
    return (
        await measure_doh(
            name,
            family,
            resolver,
            via=via,
            trust=trust,
            deadline_seconds=float(dns.deadline),
            allow_private=dns.allow_private,
        ),
    )


async def measure_doh(
    name: str,
    family: Family,
    resolver: Resolver,
    *,
    via: VantageConfig,
    trust: Trust,
    deadline_seconds: float,
    allow_private: bool = False,
) -> DnsObservation:
    """Ask ``resolver`` for the addresses of ``name``. The clock runs from the SYN.

    The certificate must hold for the host of the resolver's URL, be it a name or an address, so an
    answer here is not one that was injected on the way. Never raises for what the network does;
    cancelling closes the connection.
    """
    asked = DnsQuestion(
        name=name,
        family=family,
        resolver=resolver.name,
        transport="https",
        deadline_seconds=deadline_seconds,
        allow_private=allow_private,
    )
    try:
        # Id 0, so that the resolver's HTTP cache may serve everybody (RFC 8484, section 4.1).
        query = build_query(name, family, message_id=0)
    except ValueError as error:
        return never_asked(asked, str(error))
    heard, record = Heard(query), LegRecord()
    try:
        async with asyncio.timeout(deadline_seconds):
            await _exchange(resolver, query, record, heard, via=via, trust=trust)
    except Exception as error:
        # As for a leg: whatever the far end makes the libraries raise is data.
        below = error.__cause__ if isinstance(error, httpx.TransportError) else None
        heard.failure = failure_of(below if isinstance(below, Exception) else error, Phase.RESOLVE)
    finally:
        record.end()
    account = record.wire.account if record.wire is not None else None
    if account is not None:
        heard.wire_bytes_sent = account.wire_bytes_sent
        heard.wire_bytes_received = account.wire_bytes_received
    return heard.observation(asked)


async def _exchange(
    resolver: Resolver,
    query: dns.message.Message,
    record: LegRecord,
    heard: Heard,
    *,
    via: VantageConfig,
    trust: Trust,
) -> None:
    assert resolver.url is not None
    message = urlsafe_b64encode(query.to_wire()).rstrip(b"=").decode("ascii")
    url = httpx.URL(resolver.url).copy_merge_params({"dns": message})
    host = urlsplit(resolver.url).hostname or ""
    way = Way(
        trust=trust,
        via=via,
        address=resolver.address,
        port=resolver.port,
        # An address is no SNI (RFC 6066, section 3), but a certificate may carry it.
        sni="" if host == resolver.address else host,
        certificate_name=host,
        max_bytes=MOST_BYTES,
    )
    answer = await _CLIENT.ask(url, way, record, accept=MEDIA_TYPE)
    assert record.exchange is not None
    assert record.wire is not None
    heard.started_ns = record.wire.opened_ns
    if answer.status_code != _OK:
        raise NetworkError("dns_server_misbehaving", f"HTTP status {answer.status_code}")
    body = b"".join([part async for part in answer.aiter_raw()])
    heard.note(body, record.exchange.body_end or record.wire.arrivals[-1])
