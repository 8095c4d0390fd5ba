"""A leg over QUIC in the world of numbers: a packet without a name, one handshake, one answer.

The flights are those of TCP's world, since what queues, buckets and losses do to packets is the
same; what differs is who can be met, and when: the packet without a name is met by its address
alone, nobody can send a reset, and a handshake is one round trip.
"""

from __future__ import annotations

from msgspec.structs import replace

from probe.measure.over_quic.quic_ping import PING_SECONDS, SENT_AGAIN_SECONDS
from probe.model.identity import Phase
from probe.model.observation import LegObservation, QuicInfo, TcpInfo
from synth.exchange import TIMEOUT, Exchange, OverError


class QuicExchange(Exchange):
    """One leg under way."""

    def run(
        self, *, order: int, resolve_seconds: float | None, seen_names: tuple[str, ...]
    ) -> tuple[LegObservation, float]:
        """Make the exchange."""
        made, end = super().run(order=order, resolve_seconds=resolve_seconds, seen_names=seen_names)
        failed_at = made.failure.phase if made.failure is not None else None
        phases = {p: s for p, s in made.phases.items() if p is not Phase.CONNECT or p is failed_at}
        http = None if made.http is None else replace(made.http, version="3")
        counted = super()._tcp()
        quic = QuicInfo(
            bytes_received=self.received,
            datagrams_in=None if counted is None else counted.segments_in,
            datagrams_out=None if counted is None else counted.segments_out,
        )
        return replace(made, phases=phases, http=http, quic=quic), end

    def _connect(self) -> float:
        """The packet without a name, and once more."""
        meeting, server = self.meeting, self.server
        self.censor.syn(self.address, meeting)
        rtt = self.flow.round_trip
        gone = meeting.silent or bool(server.dead)
        at = self.began
        answered = False
        for _ in range(0 if gone else 2):
            if not self._both_lost(at):
                answered = True
                break
            at += SENT_AGAIN_SECONDS
        self.connect_rtt, self.latest_rtt = rtt if answered else None, rtt
        waited = (at - self.began) + rtt if answered else PING_SECONDS
        if gone:
            # The handshake meets the same.
            raise OverError(Phase.CONNECT, TIMEOUT, self.until)
        self.connected = answered
        self.phases[Phase.CONNECT] = waited
        at = self._in_time(Phase.CONNECT, self.began + waited)
        self.connected_at, self.flow.stood_at = (at if answered else None), at
        self._moved(at)
        return at

    def _handshake(self, at: float) -> float:
        try:
            return super()._handshake(at)
        except OverError as over:
            if self.connect_rtt is None and not self.received:
                self.phases.pop(Phase.CONNECT, None)
                raise OverError(Phase.CONNECT, over.failure.reason, over.at) from over
            raise

    def _tcp(self) -> TcpInfo | None:
        return None
