"""The way from nothing to the end of the handshake: connect, tunnel, TLS. Once."""

from __future__ import annotations

import time

import httpx
from msgspec import Struct

from probe.config.schema import VantageConfig
from probe.measure.connection import tcp
from probe.measure.connection.kernel_stamps import NANOSECONDS
from probe.measure.connection.lookout import Lookout
from probe.measure.connection.proxy import Proxy
from probe.measure.one_leg.failures import NetworkError
from probe.measure.one_leg.leg_record import LegRecord
from probe.measure.tls.tls import TlsStream
from probe.measure.tls.trust import Trust
from probe.model.identity import Answer, LegRole, Phase, Verify
from probe.model.observation import Leg

# Room for a handshake, a head, and all else that is not the body.
OVERHEAD_BYTES = 262_144
MOST_BODY_BYTES = 65_536
PORTS = {"https": 443, "http": 80}
_HERE = VantageConfig(name="default")


class Way(Struct, frozen=True, kw_only=True):
    """How a request gets there, apart from what is asked for.

    ``address`` is the literal address that is connected to, whatever the URL says; without one the
    vantage's proxy looks ``connect_to`` up. ``sni`` is the name in the ClientHello (empty: none),
    ``certificate_name`` the one that the certificate must carry (one of ``also_certified`` will do
    as well). Where one of the first two is not given, or ``port``, it is the URL's.
    ``pin``: what the hash of the far end's key must be, in the place of a certificate that holds;
    ``any_certificate``: none need hold. ``http_versions`` are offered in this order. Reading
    ends after ``max_bytes`` of the body. ``lookout`` is the process' own, if it makes several
    requests at once. ``segment_bytes``: what the far end may send in a segment at most (0: as
    usual), ``wait_seconds``: between the handshake and the first request. ``updates``: so often the
    far end is told over HTTP/2, while the body comes, that there is room for more.
    ``keep_alive``: it is asked whether it is there while nothing comes.
    """

    trust: Trust
    via: VantageConfig = _HERE
    address: str | None = None
    connect_to: str = ""
    port: int = 0
    sni: str | None = None
    certificate_name: str | None = None
    also_certified: tuple[str, ...] = ()
    http_versions: tuple[str, ...] = ("h2", "http/1.1")
    verify: Verify = Verify.STRICT
    pin: str = ""
    any_certificate: bool = False
    answer: Answer = Answer.EXPECTED
    max_bytes: int = MOST_BODY_BYTES
    lookout: Lookout | None = None
    segment_bytes: int = 0
    wait_seconds: float = 0.0
    updates: int = 0
    keep_alive: bool = False

    @classmethod
    def of(
        cls,
        leg: Leg,
        *,
        address: str | None,
        via: VantageConfig,
        trust: Trust,
        lookout: Lookout | None = None,
    ) -> Way:
        """The way that ``leg`` asks for: its port, names and protocol."""
        return cls(
            trust=trust,
            via=via,
            address=address,
            connect_to=leg.connect_to,
            port=leg.port,
            sni=leg.sni,
            certificate_name=leg.certificate_name,
            also_certified=leg.also_certified,
            http_versions=leg.http_versions,
            verify=leg.verify,
            pin=leg.pin,
            # A decoy's server has no certificate for the name that is said to it.
            any_certificate=leg.role is LegRole.DECOY and leg.verify is Verify.RECORD,
            answer=leg.answer,
            max_bytes=leg.max_bytes,
            lookout=lookout,
            segment_bytes=leg.segment_bytes,
            wait_seconds=leg.wait_seconds,
            updates=leg.updates,
            keep_alive=leg.keep_alive,
        )


async def reach(way: Way, record: LegRecord, url: httpx.URL) -> None:
    """Go ``way`` up to the end of the handshake, if ``url`` is one of https, noting everything in
    ``record``.

    Raises whatever goes wrong; ``record.phase`` says where.
    """
    host, via = url.raw_host.decode("ascii"), way.via
    port = way.port or url.port or PORTS[url.scheme]
    if via.proxy is not None:
        await _through_proxy(Proxy.parse(via.proxy), way, record, host=host, port=port)
    elif way.address is not None:
        connected = await tcp.connect(
            way.address,
            port,
            source_address=via.source_address,
            interface=via.interface,
            segment_bytes=way.segment_bytes,
        )
        record.wire = connected.wire
        record.connect_seconds = connected.seconds
        record.connect_rtt_seconds = connected.rtt_seconds
    else:
        raise NetworkError("bad_address", "no address, and no proxy that would look it up")
    assert record.wire is not None
    record.wire.most_bytes = most_wire_bytes(way.max_bytes)
    if way.keep_alive and not record.proxied:
        record.wire.keep_alive()
    if way.lookout is not None:
        record.wire.belongs_to(way.lookout)
    if url.scheme == "https":
        record.enter(Phase.TLS)
        record.tls = TlsStream(
            record.wire,
            way.trust,
            sni=host if way.sni is None else way.sni,
            certificate_name=host if way.certificate_name is None else way.certificate_name,
            also_certified=way.also_certified,
            alpn=way.http_versions,
            verify=way.verify,
            pin=way.pin,
            any_certificate=way.any_certificate,
            answer=way.answer,
        )
        await record.tls.handshake()


def most_wire_bytes(body_bytes: int) -> int:
    """The most bytes that are read on the connection of a leg with a body of ``body_bytes``.

    An honest exchange needs the body, some per cent for records and frames, a chain of certificates
    of some kB and a head. Whoever sends more is not answering.
    """
    return body_bytes + body_bytes // 4 + OVERHEAD_BYTES


async def _through_proxy(
    proxy: Proxy, way: Way, record: LegRecord, *, host: str, port: int
) -> None:
    """The connect phase is then the time until the tunnel stands: to the proxy and beyond it."""
    via = way.via
    record.proxied = True
    began_ns = time.monotonic_ns()
    record.wire = await proxy.connect(source_address=via.source_address, interface=via.interface)
    await proxy.open_tunnel(record.wire, way.address or way.connect_to or host, port)
    record.connect_seconds = (time.monotonic_ns() - began_ns) / NANOSECONDS
