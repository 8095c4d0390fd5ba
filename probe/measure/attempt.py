"""The way from nothing to the head of an answer: connect, tunnel, handshake, request. Once."""

from __future__ import annotations

import time
from functools import lru_cache

import httpx

from probe.config.schema import VantageConfig
from probe.measure import tcp
from probe.measure.clock import NANOSECONDS
from probe.measure.failures import NetworkError
from probe.measure.http import ANYTHING, Exchange
from probe.measure.lookout import Lookout
from probe.measure.proxy import Proxy
from probe.measure.record import Record
from probe.measure.tls import TlsStream
from probe.measure.trust import Trust
from probe.model.identity import Phase
from probe.model.observation import HttpFacts, Leg

# Room for a handshake, a head, and all else that is not the body.
OVERHEAD_BYTES = 262_144

# A leg's URL is mostly that of the round before.
_parsed = lru_cache(maxsize=256)(httpx.URL)


async def attempt(
    leg: Leg,
    record: Record,
    *,
    address: str | None,
    via: VantageConfig,
    trust: Trust,
    accept: str = ANYTHING,
    lookout: Lookout | None = None,
) -> HttpFacts:
    """Carry ``leg`` out up to the head of the answer, noting everything in ``record``.

    ``accept`` is the media type asked for; else as ``reach``.
    """
    url = _parsed(leg.url)  # nobody is asked for what cannot be asked for
    await reach(leg, record, address=address, via=via, trust=trust, lookout=lookout)
    assert record.wire is not None
    record.enter(Phase.PROCESSING)
    record.exchange = Exchange(record.wire, record.tls)
    return await record.exchange.request(url, leg.range_bytes, accept)


async def reach(
    leg: Leg,
    record: Record,
    *,
    address: str | None,
    via: VantageConfig,
    trust: Trust,
    lookout: Lookout | None = None,
) -> None:
    """Carry ``leg`` out up to the end of the handshake, noting everything in ``record``.

    The connection goes to ``address`` whatever the URL says; name and Host are the leg's. Raises
    whatever goes wrong; ``record.phase`` says where.
    """
    if via.proxy is not None:
        await _through_proxy(Proxy.parse(via.proxy), leg, record, address=address, via=via)
    elif address is not None:
        connected = await tcp.connect(
            address, leg.port, source_address=via.source_address, interface=via.interface
        )
        record.wire = connected.wire
        record.connect_seconds = connected.seconds
        record.connect_rtt_seconds = connected.rtt_seconds
    else:
        raise NetworkError("bad_address", "no address, and no proxy that would look it up")
    assert record.wire is not None
    record.wire.most_bytes = most_wire_bytes(leg.max_bytes)
    if lookout is not None:
        record.wire.belongs_to(lookout)
    if _parsed(leg.url).scheme == "https":
        record.enter(Phase.TLS)
        record.tls = TlsStream(
            record.wire,
            trust,
            sni=leg.sni,
            certificate_name=leg.certificate_name,
            alpn=leg.http_versions,
            verify=leg.verify,
            answer=leg.answer,
        )
        await record.tls.handshake()


def most_wire_bytes(body_bytes: int) -> int:
    """The most bytes that are read on the connection of a leg with a body of ``body_bytes``.

    An honest exchange needs the body, some per cent for records and frames, a chain of certificates
    of some kB and a head. Whoever sends more is not answering.
    """
    return body_bytes + body_bytes // 4 + OVERHEAD_BYTES


async def _through_proxy(
    proxy: Proxy, leg: Leg, record: Record, *, address: str | None, via: VantageConfig
) -> None:
    """The connect phase is then the time until the tunnel stands: to the proxy and beyond it."""
    record.proxied = True
    began_ns = time.monotonic_ns()
    record.wire = await proxy.connect(source_address=via.source_address, interface=via.interface)
    await proxy.open_tunnel(record.wire, address or leg.connect_to, leg.port)
    record.connect_seconds = (time.monotonic_ns() - began_ns) / NANOSECONDS
