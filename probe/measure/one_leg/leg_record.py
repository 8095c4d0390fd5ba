"""What one leg has seen so far, and how that becomes an observation.

Filled in while the leg runs, so that a leg cut at any moment keeps what it had. At the end the
clock is chosen (see ``kernel_stamps.py``) and marks become durations. The time of a failure is
always read by the event loop: silence and resets carry no stamp.
"""

from __future__ import annotations

import time
from typing import Any

from msgspec.structs import replace

from probe.measure.connection import kernel_stamps
from probe.measure.connection.family import family_of
from probe.measure.connection.kernel_stamps import Arrival, Departure, Timeline
from probe.measure.connection.wire import WireStream
from probe.measure.http.http import Exchange
from probe.measure.one_leg.curve import thin
from probe.measure.one_leg.failures import failure_of
from probe.measure.one_leg.pulse import Signs
from probe.measure.tls.tls import TlsStream
from probe.model.failure import BODY_TOO_SHORT, Failure
from probe.model.identity import Family, Phase
from probe.model.observation import Leg, LegObservation, Sample, TcpInfo


class LegRecord:
    """Marks of a leg under way. ``phase`` is the one that is going on."""

    def __init__(self) -> None:
        self.started_at = time.time()
        self._offset_ns = kernel_stamps.wall_offset_ns()
        self._started_ns = time.monotonic_ns()
        self._ended_ns = 0
        self._timeline: Timeline | None = None
        self.phase = Phase.CONNECT
        self._entered_ns = self._started_ns
        self._connected_ns: int | None = None
        self._asked_ns: int | None = None
        self.wire: WireStream | None = None
        self.proxied = False
        self.connect_seconds: float | None = None
        self.connect_rtt_seconds: float | None = None
        self.tls: TlsStream | None = None
        self.exchange: Exchange | None = None
        self.redirected: Departure | None = None
        """The first request, if a second one followed from it."""
        self.failure: Failure | None = None

    def enter(self, phase: Phase) -> None:
        """The phase before has ended well; ``phase`` begins."""
        self.phase = phase
        self._entered_ns = now = time.monotonic_ns()
        if self._connected_ns is None:
            self._connected_ns = now
        if phase is Phase.PROCESSING:
            self._asked_ns = now

    def failed(self, error: Exception) -> Failure:
        """The phase that is going on ended by ``error``, and the leg with it."""
        failure = failure_of(error, self.phase)
        # Errors of sockets and of h11 are known to a frame that they know; the circle would keep
        # the connection until Python looks for circles.
        error.__traceback__ = None
        self.end(failure)
        return failure

    def signs(self) -> Signs:
        """What it has met so far."""
        arrivals = self.wire.arrivals if self.wire is not None else ()
        return Signs(
            moved_ns=max(self._entered_ns, arrivals[-1].loop_ns if arrivals else 0),
            connected_ns=self._connected_ns,
            asked_ns=self._asked_ns,
            received=arrivals[-1].received if arrivals else 0,
        )

    def end(self, failure: Failure | None = None) -> None:
        """The leg is over, well or with ``failure``. Closes the connection. Whoever says so again
        may have found that what came is not what was wanted, and changes no time."""
        if not self._ended_ns:
            self._ended_ns = time.monotonic_ns()
            if self.wire is not None:
                self.wire.close()
            self._timeline = Timeline(
                self.wire.arrivals if self.wire is not None else (),
                started_ns=self._started_ns,
                offset_at_start_ns=self._offset_ns,
                offset_at_end_ns=kernel_stamps.wall_offset_ns(),
            )
        self.failure = self.failure or failure

    def summary(self) -> dict[str, Any]:
        """What an ended leg has measured: ``phases`` (seconds by ``Phase``), ``clock`` (whose
        stamps they are of), ``tcp``, ``tls``, ``http`` (facts, ``None``: none), ``body_bytes`` and
        ``curve``."""
        timeline, exchange = self._ended(), self.exchange
        return {
            "clock": timeline.clock,
            "phases": self._phases(timeline),
            "tcp": self._tcp(),
            "tls": self.tls.facts() if self.tls is not None else None,
            "http": exchange.facts if exchange is not None else None,
            "body_bytes": exchange.body_bytes if exchange is not None else None,
            "curve": self._curve(timeline),
        }

    def observation(
        self,
        leg: Leg,
        *,
        order: int,
        address: str | None,
        resolve_seconds: float | None,
        seen_names: tuple[str, ...],
    ) -> LegObservation:
        """The ended leg as a value."""
        account = self.wire.account if self.wire is not None else None
        summary = self.summary()
        resolved = {} if resolve_seconds is None else {Phase.RESOLVE: resolve_seconds}
        return LegObservation(
            leg=leg,
            order=order,
            started_at=self.started_at,
            duration_seconds=_seconds(self._ended_ns - self._started_ns),
            address=address,
            family=_family(address),
            failure=self.failure,
            connect_rtt_seconds=self.connect_rtt_seconds,
            wire_bytes_sent=account.wire_bytes_sent if account is not None else None,
            wire_bytes_received=account.wire_bytes_received if account is not None else None,
            seen_names=seen_names,
            **{**summary, "phases": resolved | summary["phases"]},
        )

    def _tcp(self) -> TcpInfo | None:
        account = self.wire.account if self.wire is not None else None
        if account is None or self.proxied:
            return None
        exchange, tcp = self.exchange, account.tcp
        if self.wire is not None and self.wire.kept_alive and self.failure is not None:
            tcp = replace(tcp, answered_seconds=account.answered_seconds)
        before = None if exchange is None else exchange.tcp_before
        if before is None:
            return tcp
        return replace(
            tcp,
            rtt_seconds=before.rtt_seconds,
            retransmits=before.retransmits,
            updates_rtt_seconds=account.tcp.rtt_seconds,
        )

    def _ended(self) -> Timeline:
        if self._timeline is None:
            raise RuntimeError("the leg is under way")
        return self._timeline

    def _phases(self, timeline: Timeline) -> dict[Phase, float]:
        phases: dict[Phase, float] = {}
        if self.connect_seconds is not None:
            phases[Phase.CONNECT] = self.connect_seconds
        tls, exchange = self.tls, self.exchange
        if tls is not None and tls.hello is not None and tls.finished is not None:
            phases[Phase.TLS] = _seconds(timeline.at_ns(tls.finished) - timeline.left_ns(tls.hello))
        if self.redirected is not None and exchange is not None and exchange.sent is not None:
            phases[Phase.REDIRECT] = _seconds(
                timeline.left_ns(exchange.sent) - timeline.left_ns(self.redirected)
            )
        if exchange is not None and exchange.sent is not None and exchange.head is not None:
            phases[Phase.PROCESSING] = _seconds(
                timeline.at_ns(exchange.head) - timeline.left_ns(exchange.sent)
            )
            if exchange.body_bytes is not None:
                phases[Phase.TRANSFER] = self._transfer(timeline, exchange, exchange.head)
        if self.failure is not None and self.failure.phase not in phases:
            phases[self.failure.phase] = _seconds(self._ended_ns - self._begun_ns())
        return phases

    def _transfer(self, timeline: Timeline, exchange: Exchange, head: Arrival) -> float:
        began_ns = timeline.at_ns(head)
        if self.failure is not None and self.failure.reason != BODY_TOO_SHORT:
            return _seconds(self._ended_ns - began_ns)
        end = exchange.body_end
        return 0.0 if end is None else _seconds(timeline.at_ns(end) - began_ns)

    def _begun_ns(self) -> int:
        """When the phase that failed began: with the first packet that belongs to it."""
        mark = None
        if self.phase is Phase.TLS and self.tls is not None:
            mark = self.tls.hello
        elif self.phase is Phase.PROCESSING and self.exchange is not None:
            mark = self.exchange.sent
        return self._entered_ns if mark is None else mark.loop_ns

    def _curve(self, timeline: Timeline) -> tuple[Sample, ...]:
        exchange = self.exchange
        if self.wire is None or exchange is None or exchange.sent is None:
            return ()
        before, began_ns = exchange.received_before, timeline.left_ns(exchange.sent)
        return thin(
            [
                Sample(_seconds(timeline.at_ns(arrival) - began_ns), arrival.received - before)
                for arrival in self.wire.arrivals
                if arrival.received > before
            ]
        )


def _seconds(nanoseconds: int) -> float:
    """Never negative: what was stamped before it was asked for (a ticket, an early frame) counts
    as there at once."""
    return max(0, nanoseconds) / kernel_stamps.NANOSECONDS


def _family(address: str | None) -> Family | None:
    try:
        return None if address is None else family_of(address)
    except ValueError:
        return None
