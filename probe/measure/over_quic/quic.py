"""One leg over QUIC: a packet without a name, one handshake, one request over HTTP/3. Optional:
extra ``quic``.

Censors treat QUIC apart from TCP: Russia (2024) slowed googlevideo over both, at other rates, and
several networks drop it by the name in its first packet. aioquic speaks the protocol without
touching a socket; the sockets are ours, bound as the vantage says and stamped by the kernel. One
attempt, one connection, one deadline; no session ticket, no 0-RTT, no connection migration.

The packet without a name (``quic_ping.py``) goes first and from a port of its own: whoever condemns
the addresses of a connection for the name in it has seen none yet.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time

from aioquic.h3.connection import H3_ALPN
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.tls import AlertDescription
from cryptography.hazmat.primitives.serialization import Encoding

from probe.config.schema import VantageConfig
from probe.measure.connection import kernel_stamps, tcp
from probe.measure.connection.family import SOCKET_FAMILIES, family_of
from probe.measure.connection.kernel_stamps import Arrival, Timeline
from probe.measure.connection.lookout import Lookout
from probe.measure.one_leg.curve import thin
from probe.measure.one_leg.failures import TIMEOUT, NetworkError, failure_of
from probe.measure.one_leg.pulse import Pulse, Signs
from probe.measure.over_quic.http3 import Http3
from probe.measure.over_quic.quic_bounds import MOST_AT_ONCE, MOST_DATAGRAM_BYTES, QuicBounds
from probe.measure.over_quic.quic_connection import Connection, of_tls, why_ended
from probe.measure.over_quic.quic_ping import Ping, readable
from probe.measure.tls.alerts import ALERTS, OTHER
from probe.measure.tls.certificate import pin_of_der
from probe.measure.tls.trust import Trust
from probe.model.certificate_words import NOT_TRUSTED
from probe.model.failure import BODY_TOO_SHORT, Failure
from probe.model.identity import Answer, Compares, Phase, Verify
from probe.model.observation import Leg, LegObservation, QuicInfo, Sample, TlsFacts

# Its words name hosts and quote far ends; what matters of them is in the observation.
logging.getLogger("quic").disabled = True

LATE_DATAGRAMS = 2
"""That left after the last one that came, and may have passed."""
_HEADER_BYTES = {socket.AF_INET: 28, socket.AF_INET6: 48}


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
    answer's head, ``transfer`` to the one with the last byte of the body; a body is read if the leg
    compares goodput. A leg fails in ``connect`` if neither the packet without a name nor the
    handshake got any answer. ``wire_bytes_*`` count datagrams with their UDP and IP headers. The
    certificate must hold for ``leg.sni``, unless any answer will do or the leg records what is
    wrong with it; then it is not looked at. Raises nothing but cancellation.
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
        phase = exchange.silent_in
        failure = Failure(phase=phase, reason=TIMEOUT, detail="the leg's deadline passed")
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
        if leg.segment_bytes:
            configuration.max_stream_data = leg.segment_bytes
        self._checks = leg.answer is not Answer.ANY and leg.verify is Verify.STRICT and not leg.pin
        if self._checks:
            cafile, capath = trust.places()
            configuration.load_verify_locations(cafile=cafile, capath=capath)
        else:
            configuration.verify_mode = ssl.CERT_NONE
        self._leg = leg
        self._reads = leg.compares is Compares.GOODPUT
        self._bounds = QuicBounds(leg.max_bytes if self._reads else 0)
        self._quic = Connection(configuration=configuration)
        self._quic.credit = leg.segment_bytes
        self._http: Http3 | None = None
        self._sock: socket.socket | None = None
        self._ping = Ping()
        self._arrivals: list[Arrival] = []
        self._sent = self._left = self._left_by_last = 0
        self._ask_at: float | None = None
        self.started_at = time.time()
        self._offset_ns = kernel_stamps.wall_offset_ns()
        self._started_ns = self._hello_ns = time.monotonic_ns()
        self._ended_ns = self._started_ns
        self._phase = Phase.CONNECT
        self._finished: Arrival | None = None
        self._alert = ""
        self._over = False
        self._pinned = False

    async def run(self, address: str, via: VantageConfig) -> None:
        """Until all that is wanted of the answer is there. Raises what goes wrong."""
        self._family = SOCKET_FAMILIES[family_of(address)]
        await self._ping.run(address, self._leg.port, via)
        self._phase = Phase.TLS
        self._sock = sock = socket.socket(self._family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        kernel_stamps.enable_stamps(sock)
        tcp.bind(sock, via.source_address, via.interface)
        sock.connect((address, self._leg.port))
        self._peer = (address, self._leg.port)
        self._hello_ns = time.monotonic_ns()
        self._quic.connect(self._peer, now=time.monotonic())
        while not self._over:
            self._flush(sock)
            await self._wait(sock)
            self._handle_events()
        self._quic.close(error_code=0)
        self._flush(sock)

    @property
    def phase(self) -> Phase:
        """What is going on."""
        return self._phase if self._http is None else self._http.phase

    @property
    def silent_in(self) -> Phase:
        """The phase in which silence ended it: ``connect`` if nothing answered at all, not even the
        packet without a name."""
        mute = self.phase is Phase.TLS and not self._arrivals and self._ping.seconds is None
        return Phase.CONNECT if mute else self.phase

    def signs(self) -> Signs:
        """What it has met so far. Somebody is there once the packet without a name is answered."""
        moved_ns = self._arrivals[-1].loop_ns if self._arrivals else self._hello_ns
        there = self._ping.seconds is not None or bool(self._arrivals)
        return Signs(
            moved_ns=max(moved_ns, self._hello_ns),
            connected_ns=self._hello_ns if there else None,
            asked_ns=None if self._http is None else self._http.asked_ns,
            received=self._bounds.received,
        )

    def judge(self) -> Failure | None:
        """What the answer amounts to."""
        return None if self._http is None else self._http.judge()

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
            self._left += 1

    async def _wait(self, sock: socket.socket) -> None:
        """Feed what came, or what time did."""
        timers = [at for at in (self._quic.get_timer(), self._ask_at) if at is not None]
        seconds = max(0.0, min(timers) - time.monotonic()) if timers else None
        try:
            async with asyncio.timeout(seconds):
                await readable(sock)
        except TimeoutError:
            if self._ask_at is not None and self._ask_at <= time.monotonic():
                self._ask()
                return
            self._quic.handle_timer(now=time.monotonic())
            return
        self._bounds.turn()
        for _ in range(MOST_AT_ONCE):
            try:
                data, ancillary, _, _ = sock.recvmsg(
                    MOST_DATAGRAM_BYTES, kernel_stamps.ANCILLARY_BYTES
                )
            except (BlockingIOError, InterruptedError):
                return
            self._bounds.came(len(data) + _HEADER_BYTES[sock.family])
            self._arrivals.append(
                Arrival(
                    self._bounds.received, time.monotonic_ns(), kernel_stamps.stamp_ns(ancillary)
                )
            )
            self._left_by_last = self._left
            with self._bounds:
                self._quic.receive_datagram(data, self._peer, now=time.monotonic())
                self._handle_events()
            if self._over or self._bounds.turn_is_over:
                return

    def _handle_events(self) -> None:
        while not self._over and (event := self._quic.next_event()) is not None:
            if isinstance(event, events.HandshakeCompleted):
                self._secured()
            elif isinstance(event, events.ConnectionTerminated):
                self._ended(event)
            elif self._http is not None:
                self._http.take(event, self._arrivals[-1])
                self._over = self._http.over

    def _secured(self) -> None:
        self._finished = self._arrivals[-1]
        if self._leg.answer is Answer.ANY:
            self._over = True
        else:
            self._check_pin()
            if self._leg.wait_seconds:
                self._ask_at = time.monotonic() + self._leg.wait_seconds
            else:
                self._ask()

    def _ask(self) -> None:
        self._ask_at = None
        self._http = Http3(self._quic, self._leg, self._bounds.received)

    def _check_pin(self) -> None:
        if not self._leg.pin:
            return
        shown = self._quic.tls._peer_certificate
        if shown is None or pin_of_der(shown.public_bytes(Encoding.DER)) != self._leg.pin:
            raise NetworkError("ssl_invalid_certificate", "the key is not the one of the pin")
        self._pinned = True

    def _ended(self, event: events.ConnectionTerminated) -> None:
        """The far end closed it, or silence did. Raises what that is."""
        alert = event.error_code - 0x100
        if self._leg.answer is Answer.ANY and of_tls(event):
            name = AlertDescription(alert).name if alert in set(AlertDescription) else OTHER
            self._alert = name if name in ALERTS else OTHER
            self._finished = self._arrivals[-1]
            self._over = True
            return
        raise why_ended(event, self._quic, secured=self._finished is not None)

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
        phases |= self._phases(timeline, failure)
        done = self._finished is not None
        header = _HEADER_BYTES[SOCKET_FAMILIES[family_of(address)]]
        ping = self._ping
        received = self._bounds.received
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
            connect_rtt_seconds=ping.seconds,
            tls=self._tls() if done else None,
            http=None if self._http is None else self._http.facts,
            body_bytes=None if self._http is None else self._http.body_bytes,
            curve=self._curve(timeline),
            wire_bytes_sent=self._sent + ping.bytes_sent + header * ping.packets_sent,
            wire_bytes_received=self._bounds.received
            + ping.bytes_came
            + header * ping.packets_came,
            seen_names=seen_names,
            quic=QuicInfo(
                bytes_received=received - header * self._bounds.datagrams,
                datagrams_in=self._bounds.datagrams,
                datagrams_out=min(self._left, self._left_by_last + LATE_DATAGRAMS),
            ),
        )

    def _tls(self) -> TlsFacts:
        if self._alert:
            return TlsFacts(version="TLSv1.3", alert=self._alert)
        return TlsFacts(version="TLSv1.3", alpn="h3", verify_error=self._verify_error())

    def _verify_error(self) -> str | None:
        """A certificate that is only to be recorded is not verified here: whoever shows it has not
        shown to be who was asked."""
        if self._checks or self._pinned:
            return ""
        return None if self._leg.answer is Answer.ANY else NOT_TRUSTED

    def _phases(self, timeline: Timeline, failure: Failure | None) -> dict[Phase, float]:
        found: dict[Phase, float] = {}
        begun = {Phase.CONNECT: self._started_ns, Phase.TLS: self._hello_ns}
        if self._finished is not None:
            found[Phase.TLS] = _seconds(timeline.at_ns(self._finished) - self._hello_ns)
        if (http := self._http) is not None:
            begun[Phase.PROCESSING] = http.asked_ns
            if http.head is not None:
                head_ns = timeline.at_ns(http.head)
                found[Phase.PROCESSING] = _seconds(head_ns - http.asked_ns)
                if http.body_bytes is not None:
                    cut = failure is not None and failure.reason != BODY_TOO_SHORT
                    end_ns = head_ns if http.body_end is None else timeline.at_ns(http.body_end)
                    end_ns = self._ended_ns if cut else end_ns
                    found[Phase.TRANSFER] = _seconds(end_ns - head_ns)
        if failure is not None and failure.phase not in found:
            found[failure.phase] = _seconds(self._ended_ns - begun[failure.phase])
        return found

    def _curve(self, timeline: Timeline) -> tuple[Sample, ...]:
        http = self._http
        if not self._reads or http is None:
            return ()
        return thin(
            [
                Sample(
                    _seconds(timeline.at_ns(arrival) - http.asked_ns),
                    arrival.received - http.received_before,
                )
                for arrival in self._arrivals
                if arrival.received > http.received_before
            ]
        )


def _seconds(nanoseconds: int) -> float:
    return max(0, nanoseconds) / kernel_stamps.NANOSECONDS
