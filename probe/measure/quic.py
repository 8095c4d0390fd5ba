"""One QUIC handshake and one HTTP/3 request for the head of an answer. Optional: extra ``quic``.

Censors treat QUIC apart from TCP: Russia (2024) slowed googlevideo over both, at other rates, and
several networks simply drop QUIC. aioquic speaks the protocol without touching a socket; the socket
is ours, bound as the vantage says and stamped by the kernel. One attempt, one connection, one
deadline; no session ticket, no 0-RTT, no connection migration, no body.
"""

from __future__ import annotations

import asyncio
import socket
import time

import httpx
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicErrorCode

from probe.config.schema import VantageConfig
from probe.measure import kernel_stamps, tcp
from probe.measure.failures import TIMEOUT, UNEXPECTED_STATUS, NetworkError, failure_of
from probe.measure.family import SOCKET_FAMILIES, family_of
from probe.measure.http import headers, status_of
from probe.measure.kernel_stamps import Arrival, Timeline
from probe.measure.lookout import Lookout
from probe.measure.manners import retry_after
from probe.measure.pulse import Pulse, Signs
from probe.measure.trust import Trust
from probe.model.failure import PROTOCOL_ERROR, Failure
from probe.model.identity import Phase
from probe.model.observation import HttpFacts, Leg, LegObservation, TlsFacts

_HEADER_BYTES = {socket.AF_INET: 28, socket.AF_INET6: 48}
_MOST_DATAGRAM_BYTES = 65_535
MOST_BYTES = 262_144
"""What is received of one far end, datagrams' headers included; an honest handshake has some kB."""
_DATAGRAMS_PER_TURN = 16
# Alerts of TLS arrive as 0x100 and their number (RFC 9001, section 4.8).
_CRYPTO_ERRORS = range(0x100, 0x200)
_CERTIFICATE_ALERTS = {0x100 + 42, 0x100 + 43, 0x100 + 45, 0x100 + 46, 0x100 + 48}


async def measure_quic(
    leg: Leg,
    *,
    address: str | None,
    via: VantageConfig,
    trust: Trust,
    deadline_seconds: float,
    order: int,
    resolve_seconds: float | None = None,
    seen_names: tuple[str, ...] = (),
    lookout: Lookout | None = None,
    pulse: Pulse | None = None,
) -> LegObservation:
    """Carry ``leg``, whose prober is ``quic``, out against the literal ``address``; no proxy can.
    Datagrams are not merged by the kernel, so a ``lookout`` is of no use here.

    The phase ``tls`` is the whole handshake, from the first Initial packet to the end of the
    handshake (QUIC has no connect phase), ``processing`` from the request to the datagram with the
    answer's head. ``wire_bytes_*`` count datagrams with their UDP and IP headers. The certificate
    must always hold, for ``leg.sni``. Raises nothing but cancellation.
    """
    assert address is not None
    exchange = _Exchange(leg, trust, deadline_seconds)
    failure: Failure | None = None
    try:
        async with asyncio.timeout(deadline_seconds) as deadline:
            if pulse is not None:
                pulse.follow(exchange.signs, deadline)
            await exchange.run(address, via)
            failure = exchange.judge()
    except TimeoutError:
        failure = Failure(phase=exchange.phase, reason=TIMEOUT, detail="the leg's deadline passed")
    except Exception as error:
        # As for a leg over TCP: whatever the far end makes the libraries raise is data.
        failure = failure_of(error, exchange.phase)
    finally:
        exchange.close()
    return exchange.observation(
        address, failure, order=order, resolve_seconds=resolve_seconds, seen_names=seen_names
    )


class _Exchange:
    """A connection under way, and its marks."""

    def __init__(self, leg: Leg, trust: Trust, deadline_seconds: float) -> None:
        configuration = QuicConfiguration(
            is_client=True,
            alpn_protocols=list(H3_ALPN),
            server_name=leg.sni,
            idle_timeout=deadline_seconds,
        )
        cafile, capath = trust.places()
        configuration.load_verify_locations(cafile=cafile, capath=capath)
        self._leg = leg
        self._quic = QuicConnection(configuration=configuration)
        self._http: H3Connection | None = None
        self._sock: socket.socket | None = None
        self._arrivals: list[Arrival] = []
        self._sent = 0
        self._received = 0
        self.started_at = time.time()
        self._offset_ns = kernel_stamps.wall_offset_ns()
        self._started_ns = self._asked_ns = time.monotonic_ns()
        self._ended_ns = self._started_ns
        self.phase = Phase.TLS
        self._finished: Arrival | None = None
        self._head: Arrival | None = None
        self._facts: HttpFacts | None = None

    async def run(self, address: str, via: VantageConfig) -> None:
        """Until the head of the answer is there. Raises what goes wrong."""
        family = SOCKET_FAMILIES[family_of(address)]
        self._sock = sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        kernel_stamps.enable_stamps(sock)
        tcp.bind(sock, via.source_address, via.interface)
        sock.connect((address, self._leg.port))
        self._peer = (address, self._leg.port)
        self._started_ns = time.monotonic_ns()
        self._quic.connect(self._peer, now=time.monotonic())
        while self._head is None:
            self._flush(sock)
            await self._wait(sock)
            self._handle_events()
        self._quic.close(error_code=0)
        self._flush(sock)

    def signs(self) -> Signs:
        """What it has met so far; the connection and the handshake are one here."""
        moved_ns = self._arrivals[-1].loop_ns if self._arrivals else self._started_ns
        return Signs(moved_ns=moved_ns, received=self._received)

    def judge(self) -> Failure | None:
        """What the answer amounts to."""
        assert self._facts is not None
        if self._facts.status in self._leg.expect_status:
            return None
        return Failure(
            phase=self.phase, reason=UNEXPECTED_STATUS, detail=f"status {self._facts.status}"
        )

    def close(self) -> None:
        """Note when it ended, and close the socket; nothing more is sent."""
        self._ended_ns = time.monotonic_ns()
        if self._sock is not None:
            self._sock.close()

    def _flush(self, sock: socket.socket) -> None:
        for datagram, _ in self._quic.datagrams_to_send(now=time.monotonic()):
            try:
                sock.send(datagram)
            except BlockingIOError:
                continue  # as if lost on the way: QUIC sends it again
            self._sent += len(datagram) + _HEADER_BYTES[sock.family]

    async def _wait(self, sock: socket.socket) -> None:
        """Feed what came, or what time did."""
        timer = self._quic.get_timer()
        seconds = None if timer is None else max(0.0, timer - time.monotonic())
        if not await _readable(sock, seconds):
            self._quic.handle_timer(now=time.monotonic())
            return
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                data, ancillary, _, _ = sock.recvmsg(
                    _MOST_DATAGRAM_BYTES, kernel_stamps.ANCILLARY_BYTES
                )
            except (BlockingIOError, InterruptedError):
                return
            self._received += len(data) + _HEADER_BYTES[sock.family]
            if self._received > MOST_BYTES:
                raise NetworkError(PROTOCOL_ERROR, f"more than {MOST_BYTES} bytes came")
            self._arrivals.append(
                Arrival(self._received, time.monotonic_ns(), kernel_stamps.stamp_ns(ancillary))
            )
            self._quic.receive_datagram(data, self._peer, now=time.monotonic())

    def _handle_events(self) -> None:
        while (event := self._quic.next_event()) is not None:
            if isinstance(event, events.HandshakeCompleted):
                self._ask()
            elif isinstance(event, events.ConnectionTerminated):
                raise _why(event)
            if self._http is None:
                continue
            for answer in self._http.handle_event(event):
                if isinstance(answer, HeadersReceived) and self._head is None:
                    self._take_head(answer)

    def _ask(self) -> None:
        self._finished = self._arrivals[-1]
        self.phase = Phase.PROCESSING
        url = httpx.URL(self._leg.url)
        pseudo = [
            (b":method", b"GET"),
            (b":scheme", url.raw_scheme),
            (b":authority", url.netloc),
            (b":path", url.raw_path),
        ]
        own = [
            (name.lower(), value)
            for name, value in headers(url.netloc, self._leg.range_bytes)
            if name != b"Host"
        ]
        self._http = H3Connection(self._quic)
        stream = self._quic.get_next_available_stream_id()
        self._http.send_headers(stream, pseudo + own, end_stream=True)
        self._asked_ns = time.monotonic_ns()

    def _take_head(self, answer: HeadersReceived) -> None:
        fields = dict(answer.headers)
        status = status_of(fields)
        if status // 100 == 1:  # it only informs
            return
        self._head = self._arrivals[-1]
        self._facts = HttpFacts(
            version="3",
            status=status,
            retry_after_seconds=retry_after(
                fields.get(b"retry-after"), fields.get(b"date"), time.time()
            ),
        )

    def observation(
        self,
        address: str,
        failure: Failure | None,
        *,
        order: int,
        resolve_seconds: float | None,
        seen_names: tuple[str, ...],
    ) -> LegObservation:
        """The ended exchange as a value."""
        timeline = Timeline(
            self._arrivals,
            started_ns=self._started_ns,
            offset_at_start_ns=self._offset_ns,
            offset_at_end_ns=kernel_stamps.wall_offset_ns(),
        )
        phases = {} if resolve_seconds is None else {Phase.RESOLVE: resolve_seconds}
        begun = {Phase.TLS: self._started_ns, Phase.PROCESSING: self._asked_ns}
        for phase, end in ((Phase.TLS, self._finished), (Phase.PROCESSING, self._head)):
            if end is not None:
                phases[phase] = _seconds(timeline.at_ns(end) - begun[phase])
        if failure is not None:
            phases.setdefault(failure.phase, _seconds(self._ended_ns - begun[failure.phase]))
        done = self._finished is not None
        return LegObservation(
            leg=self._leg,
            order=order,
            started_at=self.started_at,
            duration_seconds=_seconds(self._ended_ns - self._started_ns),
            clock=timeline.clock,
            address=address,
            family=family_of(address),
            phases=phases,
            failure=failure,
            tls=TlsFacts(version="TLSv1.3", alpn="h3", verify_error="") if done else None,
            http=self._facts,
            wire_bytes_sent=self._sent,
            wire_bytes_received=self._received,
            seen_names=seen_names,
        )


def _why(event: events.ConnectionTerminated) -> Exception:
    """The connection's end as an error. The far end's own words are never kept."""
    if event.error_code in _CERTIFICATE_ALERTS and event.frame_type is not None:
        words = event.reason_phrase
        if words.startswith("hostname") or "match" in words:
            return NetworkError("ssl_invalid_hostname", "the certificate is for another name")
        if "issuer" in words or "self" in words:
            return NetworkError("ssl_unknown_authority", "the certificate's authority is not known")
        return NetworkError("ssl_invalid_certificate", "the certificate is not valid")
    if event.error_code in _CRYPTO_ERRORS:
        return NetworkError("ssl_failed_handshake", f"alert {event.error_code - 0x100}")
    if event.error_code == QuicErrorCode.INTERNAL_ERROR and "version" in event.reason_phrase:
        return NetworkError("quic_incompatible_version", "no common version of QUIC")
    if event.reason_phrase == "Idle timeout":
        return TimeoutError()
    codes = {code.value: code.name for code in QuicErrorCode}
    name = codes.get(event.error_code, "a code of its own")
    return NetworkError("connection_reset", f"QUIC error: {name}")


async def _readable(sock: socket.socket, seconds: float | None) -> bool:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        async with asyncio.timeout(seconds):
            await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(sock)
    return True


def _seconds(nanoseconds: int) -> float:
    return max(0, nanoseconds) / kernel_stamps.NANOSECONDS
