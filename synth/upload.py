"""An upload in the world of numbers: what a leg sends, as the far end's kernel acknowledges it.

The flights are those of TCP's world, the other way: what queues, buckets and losses do to packets
is the same. Servers take what is sent, or refuse it once all of it is there.
"""

from __future__ import annotations

from math import inf

from msgspec.structs import replace

from probe.measure.one_leg.curve import thin
from probe.model.identity import Phase
from probe.model.observation import HttpFacts, LegObservation, Sample, TcpInfo, UploadInfo
from synth.exchange import TIMEOUT, Exchange, OverError
from synth.tcp import SEGMENT, Delivery, deliver

HEADS_BYTES = 900
"""The request's head, and what TLS adds to a body of that size."""


class UploadExchange(Exchange):
    """One leg under way. A server that sends slowly reads as slowly."""

    upload: UploadInfo | None = None

    def run(
        self, *, order: int, resolve_seconds: float | None, seen_names: tuple[str, ...]
    ) -> tuple[LegObservation, float]:
        """Make the exchange."""
        made, end = super().run(order=order, resolve_seconds=resolve_seconds, seen_names=seen_names)
        return replace(made, upload=self.upload, body_bytes=None, curve=()), end

    def _steps(self) -> float:
        at = self._handshake(self._connect())
        return self._send(at)

    def _send(self, at: float) -> float:
        self.asked_at = at
        self._moved(at)
        flow, meeting = self.flow, self.meeting
        flow.line.rate *= flow.line.model.up_share * flow.line.up_free
        # What is counted of bytes or packets begins anew: those before came down.
        flow.received = 0.0
        meeting.loss_down, down = 0.0, meeting.loss_down
        whole = self.leg.send_bytes + HEADS_BYTES
        made = deliver(flow, at + flow.round_trip, whole, self.began + self.patience.most)
        meeting.loss_down = down
        natural = made.samples[-1][0] - at if made.samples else inf
        held_up = self._reads_slowly(made, at, whole)
        self._heard(made)
        acked = made.samples[-1][1] if made.samples else 0
        last = made.samples[-1][0] if made.samples else None
        self.latest_rtt = max(flow.round_trip, self._queued(made))
        self.upload = UploadInfo(
            whole_bytes=whole,
            acked_bytes=acked,
            seconds=None if last is None else last - at,
            retransmitted_bytes=made.lost * SEGMENT,
            window_limited_seconds=max(0.0, (last or at) - at - natural) if held_up else 0.0,
            curve=thin([Sample(when - at, count) for when, count in made.samples]),
        )
        if acked < whole or last is None:
            self.phases[Phase.TRANSFER] = self.until - at
            raise OverError(Phase.TRANSFER, TIMEOUT, self.until)
        self.phases[Phase.TRANSFER] = last - at
        self.status = self._status()
        self.http = HttpFacts(version="1.1", status=self.status)
        if self.server.forged is not None:
            self.http = self.server.forged.http
        end = last + self.server.think_seconds + self.busy_seconds
        self.phases[Phase.PROCESSING] = end - at
        if self.status not in self.leg.expect_status:
            raise OverError(Phase.PROCESSING, "http_unexpected_status_code", end)
        return end

    def _reads_slowly(self, made: Delivery, at: float, whole: int) -> bool:
        """A server that reads at its own pace acknowledges no faster."""
        pace = self.server.bytes_per_second
        if not pace or not made.samples:
            return False
        slow = whole / pace / max(made.samples[-1][0] - at, 1e-4)
        if slow <= 1.0:
            return False
        made.samples = [(at + (when - at) * slow, count) for when, count in made.samples]
        return True

    def _queued(self, made: Delivery) -> float:
        """In a queue a round trip lasts until the flight before has drained."""
        if not self.meeting.queues or not made.samples:
            return 0.0
        first, last = made.samples[0][0], made.samples[-1][0]
        return (last - first) / max(4, len(made.samples)) * 2.0

    def _tcp(self) -> TcpInfo | None:
        found = super()._tcp()
        return None if found is None else replace(found, receive_rtt_seconds=None)
