"""One leg in the world of numbers: from the SYN to an observation as the measuring room makes it.

Phases, failures, clocks and counters are those of ``probe/measure/one_leg/leg_record.py``; what
differs is that no packet was sent.
"""

from __future__ import annotations

from math import inf
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from probe.measure.one_leg.curve import thin
from probe.model.failure import BODY_TOO_SHORT, ENDED_BY_SERVER, PAGE_INSTEAD, Failure
from probe.model.identity import Answer, Dates, Family, LegRole, Phase, Verify
from probe.model.observation import (
    Clock,
    HttpFacts,
    Leg,
    LegObservation,
    Sample,
    TcpInfo,
    TlsFacts,
)
from probe.observe.effort import UNKNOWN_AUTHORITY
from probe.schedule.leg_patience import LegPatience
from scenarios.model import Impostor
from synth.acknowledged import smoothed
from synth.censor import Censor, Meeting
from synth.line import LineAtWork
from synth.tcp import SEGMENT, Delivery, Flow, deliver

TIMEOUT = "generic_timeout_error"
ALERT_BYTES = 7
HELLO_BYTES = 4_200  # the server's part of a handshake: certificates, mostly
HEAD_BYTES = 400
SYN_TIMER = 1.0
MOST_TRIES = 6
PAGE_BYTES = 2_000
# A kernel that is told to keep a connection alive asks after the first, and then every so often
# (seconds; `_ASKING` of probe/measure/connection/wire.py).
ASKED_AFTER = 1.0
ASKED_AGAIN = 3.0
GOOD_TLS = TlsFacts(
    version="TLSv1.3",
    alpn="h2",
    cipher="TLS_AES_256_GCM_SHA384",
    verify_error="",
    for_name=True,
    issuer="600d",
)
# What a server shows to a name that it does not know.
SOME_TLS = replace(GOOD_TLS, verify_error=None, for_name=False)
OTHER_NAME = TlsFacts(version="TLSv1.3", alpn="h2", verify_error="hostname mismatch")
NOT_YET_VALID = TlsFacts(
    version="TLSv1.3",
    alpn="h2",
    verify_error="certificate is not yet valid",
    dates=Dates.NOT_YET_VALID,
)
# Its owner has forgotten to renew it.
EXPIRED = TlsFacts(
    version="TLSv1.3",
    alpn="h2",
    verify_error="certificate has expired",
    dates=Dates.EXPIRED,
)
# What a Pi that wakes in the past is behind.
CLOCK_BEHIND = 200 * 86_400.0
UNTRUSTED = TlsFacts(
    version="TLSv1.3",
    alpn="h2",
    verify_error="unable to get local issuer certificate",
    issuer="0bad",
    logged=False,
)
# What this machine's list of authorities, which is old, does not have.
NOT_LISTED = replace(UNTRUSTED, issuer="11ed", logged=True, for_name=True)
_OWN_NAME = frozenset({LegRole.TARGET, LegRole.DECOY})


class ForgedAnswer(Struct, frozen=True, kw_only=True):
    """What somebody who stands in the far end's place says, under the certificate of ``tls``, which
    is wrong for it (``reason``: how a leg fails that insists on its certificate), or by an alert in
    its stead."""

    tls: TlsFacts
    reason: str
    http: HttpFacts
    body_bytes: int = 0


class Server(Struct, kw_only=True):
    """What is at the far end of a leg just now.

    ``status``: what it answers (0: what the leg expects). ``factor``: on the time to send,
    ``hello_factor``: on its part of the handshake. ``bytes_per_second``: as fast as it sends at
    most. ``dead``: how connections to it fail, if they do. ``not_yet_valid``: its certificate is
    not, by the clock of the probe's machine; ``not_listed``: its authority is none of that's.
    ``alerts``: it answers a name that it does not know by an alert, and not by a certificate.
    ``expired``: its certificate is. ``redirects``: the status by which it leads to another path of
    the same host (0: it does not). ``whole_bytes``: the object has no more, and it says so.
    ``login_page``: a page for people in place of the object. ``ends``: it ends each request.
    ``retry_after``: what it asks for, seconds. ``forged``: who answers in its place. ``pauses_at``:
    after so many bytes of a body it sends nothing more (0: all is sent), while its kernel is well.
    """

    distance_seconds: float
    think_seconds: float
    factor: float = 1.0
    hello_factor: float = 1.0
    status: int = 0
    bytes_per_second: float = 0.0
    dead: str = ""
    impostor: Impostor | None = None
    small: bool = False
    not_yet_valid: bool = False
    not_listed: bool = False
    alerts: bool = False
    expired: bool = False
    redirects: int = 0
    whole_bytes: int | None = None
    login_page: bool = False
    ends: bool = False
    retry_after: float | None = None
    forged: ForgedAnswer | None = None
    pauses_at: float = 0.0


class OverError(Exception):
    """The leg ended early."""

    def __init__(self, phase: Phase, reason: str, at: float) -> None:
        super().__init__(reason)
        self.failure = Failure(phase=phase, reason=reason)
        self.at = at


class Exchange:
    """One leg under way. ``run`` gives the observation and when it was over."""

    def __init__(
        self,
        leg: Leg,
        *,
        address: str,
        at: float,
        patience: LegPatience,
        server: Server,
        line: LineAtWork,
        censor: Censor,
        meeting: Meeting,
        random: Random,
        busy_seconds: float = 0.0,
        wall_offset_seconds: float = 0.0,
    ) -> None:
        self.leg, self.address, self.began = leg, address, at
        self.patience = patience
        self.connected_at: float | None = None
        self.asked_at: float | None = None
        self._moved(at)
        self.server, self.random, self.censor = server, random, censor
        self.busy_seconds = busy_seconds
        self.wall_offset = wall_offset_seconds
        self.meeting = meeting
        line.begin_leg(at)
        line.rate /= meeting.side_by_side
        self.flow = Flow(line, random, meeting, line.round_trip(server.distance_seconds))
        self.flow.segment = leg.segment_bytes or SEGMENT
        self.phases: dict[Phase, float] = {}
        self.tls: TlsFacts | None = None
        self.http: HttpFacts | None = None
        self.body: int | None = None
        self.curve: tuple[Sample, ...] = ()
        self.connect_rtt: float | None = None
        self.connected = False
        self.retransmits = 0
        self.disordered = 0
        self.answered_seconds: float | None = None
        self.received = 0
        self.latest_rtt: float = 0.0
        self.updates_rtt: float | None = None

    def run(
        self, *, order: int, resolve_seconds: float | None, seen_names: tuple[str, ...]
    ) -> tuple[LegObservation, float]:
        """Make the exchange."""
        failure: Failure | None = None
        try:
            end = self._steps()
        except OverError as over:
            end, failure = over.at, over.failure
            if failure.phase not in self.phases:
                begun = self.began + sum(self.phases.values())
                self.phases[failure.phase] = max(0.0, end - begun)
        if failure is None and self.body is not None and self.body < self._least():
            failure = Failure(phase=Phase.TRANSFER, reason=BODY_TOO_SHORT)
        phases = self.phases
        if resolve_seconds is not None:
            phases = {Phase.RESOLVE: resolve_seconds, **phases}
        made = LegObservation(
            leg=self.leg,
            order=order,
            started_at=self.began + self.wall_offset,
            duration_seconds=end - self.began,
            clock=Clock.LOOP if self.busy_seconds else Clock.KERNEL,
            address=self.address,
            family=Family.IPV4,
            phases=phases,
            failure=failure,
            tcp=self._tcp(),
            connect_rtt_seconds=self.connect_rtt,
            tls=self.tls,
            http=self.http,
            body_bytes=self.body,
            curve=self.curve,
            wire_bytes_sent=1_800 + self.received // 40,
            wire_bytes_received=self.received + self.received // 28 + 120,
            seen_names=seen_names,
        )
        return made, end

    def _least(self) -> int:
        return min(self.leg.min_bytes, self.leg.max_bytes)

    def _steps(self) -> float:
        at = self._connect()
        at = self._handshake(at)
        if self.leg.answer is Answer.ANY:
            return at
        at, made = self._request(at)
        return self._body(at, made)

    # ---- connect

    def _connect(self) -> float:
        meeting, server = self.meeting, self.server
        self.censor.syn(self.address, meeting)
        rtt = self.flow.round_trip
        if meeting.reset or server.dead == "connection_refused":
            raise OverError(Phase.CONNECT, "connection_refused", min(self.began + rtt, self.until))
        if meeting.silent or meeting.no_syn or server.dead == TIMEOUT:
            raise OverError(Phase.CONNECT, TIMEOUT, self.until)
        at, tries = self.began, 0
        while self._both_lost(at):
            at += SYN_TIMER * 2.0**tries
            tries += 1
            if at > self.until or tries > MOST_TRIES:
                raise OverError(Phase.CONNECT, TIMEOUT, self.until)
        waited = at - self.began
        for queue in meeting.queues:
            waited += max(0.0, (queue.offer(at, 60) or at) - at)
        self.latest_rtt = rtt + (waited if not tries else 0.0)
        # A SYN that was repeated has no round trip.
        self.connect_rtt = self.latest_rtt if not tries else None
        self.connected = True
        self.retransmits += tries
        self.phases[Phase.CONNECT] = rtt + waited
        at = self._in_time(Phase.CONNECT, self.began + rtt + waited)
        self.connected_at = self.flow.stood_at = at
        self._moved(at)
        return at

    def _moved(self, at: float) -> None:
        """Something came, or began, at ``at``: so long is the next waited for."""
        whole, silence = self._bounds()
        self.until = self.began + min(whole, at - self.began + silence)

    def _bounds(self) -> tuple[float, float]:
        connected, asked = self.connected_at, self.asked_at
        return self.patience.bounds(
            connected=None if connected is None else connected - self.began,
            asked=None if asked is None else asked - self.began,
        )

    def _heard(self, made: Delivery) -> None:
        """What comes is heard until it is waited for no longer."""
        began, until = self.began, self.until
        whole, silence = self._bounds()
        for number, (at, _) in enumerate(made.samples):
            if at > until:
                del made.samples[number:], made.handed[number:]
                made.whole = False
                break
            until = began + min(whole, at - began + silence)
        self.until = until

    def _both_lost(self, at: float) -> bool:
        loss, meeting = self.flow.line.loss(at), self.meeting
        lost = 1.0 - (1.0 - meeting.lost_up(loss)) * (1.0 - meeting.lost_down(loss))
        return bool(lost) and self.random.random() < lost

    def _in_time(self, phase: Phase, at: float) -> float:
        if at > self.until:
            self.phases.pop(phase, None)
            raise OverError(phase, TIMEOUT, self.until)
        return at

    def _sent_up(self, phase: Phase, at: float) -> float:
        """When a packet of ours has got through, timers and all; ``at`` if nothing was lost."""
        timer = self.flow.round_trip + 0.2
        for tries in range(MOST_TRIES):
            lost = self.meeting.lost_up(self.flow.line.loss(at))
            if not lost or self.random.random() >= lost:
                return at
            self.retransmits += 1
            at = self._in_time(phase, at + timer * 2.0**tries)
        raise OverError(phase, TIMEOUT, self.until)

    def _silent(self, phase: Phase, *, answered_seconds: float) -> OverError:
        """Nothing comes any more, while the far end still answers for so long."""
        if self.leg.keep_alive:
            self.answered_seconds = max(0.0, answered_seconds)
        return OverError(phase, TIMEOUT, self.until)

    def _answers_since(self, last: float) -> float:
        """For how long after the ``last`` bytes the far end's kernel still answers, whatever its
        server does, when it is asked: unless something on the way lets nothing pass any more, or
        loses the question or the answer."""
        meeting, at, answered = self.meeting, last + ASKED_AFTER, 0.0
        while at < self.until and not meeting.silent:
            loss = self.flow.line.loss(at)
            lost = 1.0 - (1.0 - meeting.lost_up(loss)) * (1.0 - meeting.lost_down(loss))
            if not lost or self.random.random() >= lost:
                answered = at - last
            at += ASKED_AGAIN
        return answered

    # ---- TLS

    def _handshake(self, at: float) -> float:
        began, meeting, flow = at, self.meeting, self.flow
        self.censor.hello(self.address, self.leg.sni, meeting)
        if meeting.reset:
            raise OverError(Phase.TLS, "connection_reset", min(at + flow.round_trip, self.until))
        if meeting.silent or meeting.no_hello:
            raise self._silent(Phase.TLS, answered_seconds=0.0)
        if self.server.dead:
            raise OverError(Phase.TLS, self.server.dead, min(at + flow.round_trip, self.until))
        at = self._sent_up(Phase.TLS, at)
        work = 0.004 * self.server.hello_factor + self.busy_seconds
        first = at + flow.round_trip + work
        alert = self.server.alerts and self.leg.answer is Answer.ANY
        size = ALERT_BYTES if alert else HELLO_BYTES
        if meeting.no_large and size > SEGMENT:
            self.disordered += 1  # its last segment is a small one
            raise self._silent(Phase.TLS, answered_seconds=self.until - first)
        made = deliver(flow, first, size, self.began + self.patience.most)
        self._heard(made)
        self._count(made)
        if not made.whole:
            there = self._answers_since(at + flow.round_trip)
            raise self._silent(Phase.TLS, answered_seconds=there)
        end = made.samples[-1][0]
        # A slow server is slow in the handshake's bytes as well.
        end = first + (end - first) * max(1.0, self.server.hello_factor)
        self._show_certificate(end)
        self.phases[Phase.TLS] = end - began
        return self._in_time(Phase.TLS, end)

    def _show_certificate(self, at: float) -> None:
        impostor = self.meeting.impostor or self.server.impostor
        any_answer = self.leg.answer is Answer.ANY
        strict = self.leg.verify is Verify.STRICT and not any_answer
        self.tls = SOME_TLS if any_answer else GOOD_TLS
        if (forged := self.server.forged) is not None:
            self.tls = replace(forged.tls, verify_error=None) if any_answer else forged.tls
            if strict or (forged.tls.alert and not any_answer):
                raise OverError(Phase.TLS, forged.reason, min(at, self.until))
            return
        if impostor is Impostor.OTHER_NAME:
            self.tls = OTHER_NAME
            if strict:
                raise OverError(Phase.TLS, "ssl_invalid_hostname", min(at, self.until))
        elif impostor is Impostor.UNTRUSTED:
            # Another server has one for the platform's names, and one on this line makes them on
            # the spot, for each that is asked for.
            made = self.meeting.opened
            shown = f"{self.leg.sni.encode().hex():0<64}"[:64]
            self.tls = replace(
                UNTRUSTED,
                certificate_sha256=shown,
                for_name=made or self.leg.role in _OWN_NAME,
                issuer="b0c5" if made else UNTRUSTED.issuer,
                verify_error=None if any_answer else UNTRUSTED.verify_error,
            )
            if strict:
                raise OverError(Phase.TLS, UNKNOWN_AUTHORITY, min(at, self.until))
        elif self.server.not_listed and not any_answer:
            self.tls = NOT_LISTED
            if strict:
                raise OverError(Phase.TLS, UNKNOWN_AUTHORITY, min(at, self.until))
        elif self.server.not_yet_valid:
            self.tls = replace(NOT_YET_VALID, dates_at=at + self.wall_offset + CLOCK_BEHIND)
            if strict:
                raise OverError(Phase.TLS, "ssl_invalid_certificate", min(at, self.until))
        elif self.server.expired and not any_answer:
            self.tls = replace(EXPIRED, dates_at=at + self.wall_offset - CLOCK_BEHIND)
            raise OverError(Phase.TLS, "ssl_invalid_certificate", min(at, self.until))

    def _count(self, made: Delivery) -> None:
        # What our deadline cuts off did not come, in order or not.
        came = made.samples[-1][1] if made.samples else 0
        self.disordered += made.disordered if made.whole else min(made.disordered, came // SEGMENT)
        if made.samples:
            self.received += made.samples[-1][1]

    # ---- HTTP

    def _request(self, at: float) -> tuple[float, Delivery]:
        at += self.leg.wait_seconds
        self.asked_at = at
        self._moved(at)
        flow, server, leg = self.flow, self.server, self.leg
        up = self._sent_up(Phase.PROCESSING, at)
        redirected = self._redirected(up)
        if redirected is not None:
            self.phases[Phase.REDIRECT] = redirected - up
            self.asked_at = at = up = redirected
        self.status = self._status()
        size = HEAD_BYTES + self._body_bytes()
        think = (server.think_seconds + self.busy_seconds) * server.factor
        first = up + flow.round_trip + think
        until = self.began + self.patience.most
        made = deliver(flow, first, size, until)
        pace = server.factor
        if server.bytes_per_second and size:
            natural = made.samples[-1][0] - first if made.samples else 0.0
            if natural < size / server.bytes_per_second:
                pace = max(pace, size / server.bytes_per_second / max(natural, 1e-4))
        if pace != 1.0:
            # Bytes that a server paces come later, and what comes after the end does not count; and
            # so much less of them waits at once.
            queued = [
                when - handed for (when, _), handed in zip(made.samples, made.handed, strict=True)
            ]
            made.samples = [
                (moved, count)
                for when, count in made.samples
                if (moved := first + (when - first) * pace) <= until
            ]
            made.handed = [
                when - waited / pace
                for (when, _), waited in zip(made.samples, queued, strict=False)
            ]
            made.whole = bool(made.samples) and made.samples[-1][1] >= size
        if server.pauses_at and size > HEAD_BYTES + server.pauses_at:
            made.samples = [
                (when, count)
                for when, count in made.samples
                if count <= HEAD_BYTES + server.pauses_at
            ]
            if not made.samples and first <= until:  # the head stands before the body's first byte
                made.samples, made.handed = [(first, HEAD_BYTES)], [first]
            made.handed = made.handed[: len(made.samples)]
            made.whole = False
        self._heard(made)
        self._count(made)
        self.curve = thin([Sample(when - at, count) for when, count in made.samples])
        if not made.samples:
            there = self._answers_since(up + flow.round_trip)
            raise self._silent(Phase.PROCESSING, answered_seconds=there)
        head = made.samples[0][0]
        self.phases[Phase.PROCESSING] = head - at
        good = self.status in leg.expect_status
        length = None if self.status == 204 else self._body_bytes()
        self.http = HttpFacts(
            version="2",
            status=self.status,
            content_length=length,
            retry_after_seconds=900.0 if self.status == 429 else server.retry_after,
            redirect_status=None if redirected is None else server.redirects,
            is_page=server.login_page,
            whole_bytes=server.whole_bytes,
        )
        if server.forged is not None:
            self.http = server.forged.http
        self.latest_rtt = flow.round_trip
        if leg.updates:
            self.updates_rtt = smoothed(
                made, flow.round_trip, leg.updates, until=made.samples[-1][0]
            )
        if server.ends:
            self.http = None
            raise OverError(Phase.PROCESSING, ENDED_BY_SERVER, head)
        if not good:
            raise OverError(Phase.PROCESSING, "http_unexpected_status_code", head)
        if self.http.is_page and leg.not_a_page:
            raise OverError(Phase.PROCESSING, PAGE_INSTEAD, head)
        return head, made

    def _redirected(self, at: float) -> float | None:
        """When the second request leaves, if the answer to the first leads to another path."""
        if not self.server.redirects or self.server.redirects in self.leg.expect_status:
            return None
        flow = self.flow
        made = deliver(
            flow, at + flow.round_trip + self.server.think_seconds, HEAD_BYTES, self.until
        )
        self._heard(made)
        self._count(made)
        if not made.whole:
            raise OverError(Phase.PROCESSING, TIMEOUT, self.until)
        return self._in_time(Phase.REDIRECT, made.samples[-1][0])

    def _status(self) -> int:
        if self.server.forged is not None:
            return self.server.forged.http.status
        if self._page() or self.server.login_page:
            return 200
        if self.server.status:
            return self.server.status
        expected = self.leg.expect_status
        return 204 if 204 in expected else 206 if 206 in expected else expected[0]

    def _page(self) -> bool:
        return self.meeting.impostor is not None or self.server.impostor is not None

    def _body_bytes(self) -> int:
        if self.server.forged is not None:
            return min(self.server.forged.body_bytes, self.leg.max_bytes)
        short = self._page() or self.server.login_page
        if short or self.status not in self.leg.expect_status:
            return min(PAGE_BYTES, self.leg.max_bytes)
        whole = self.server.whole_bytes
        most = self.leg.max_bytes if whole is None else min(whole, self.leg.max_bytes)
        return 0 if self.status == 204 else most

    def _body(self, at: float, made: Delivery) -> float:
        size = self._body_bytes()
        end = made.samples[-1][0]
        self.body = max(0, min(size, made.samples[-1][1] - HEAD_BYTES))
        if not made.whole and self.meeting.silent and self.meeting.cut_resets and self.body:
            # The next segment would have come a moment later: a RST does in its stead.
            self.phases[Phase.TRANSFER] = max(0.0, end - at)
            raise OverError(Phase.TRANSFER, "connection_reset", end)
        if not made.whole:
            self.phases[Phase.TRANSFER] = self.until - at
            raise self._silent(Phase.TRANSFER, answered_seconds=self._answers_since(end))
        self.phases[Phase.TRANSFER] = max(0.0, end - at)
        return end

    def _tcp(self) -> TcpInfo | None:
        if not self.connected:
            return None
        waiting = 0.0
        if self.meeting.queues and self.curve:
            # In a queue a round trip lasts until the flight before has drained.
            waiting = self.curve[-1].seconds / max(4, len(self.curve))
        segments_in = 4 + self.received // self.flow.segment
        segments_out = 6 + self.received // (2 * self.flow.segment)
        if self.meeting.silent and self.meeting.cut_packets < inf:
            # All that passed was counted at this end, too.
            segments_in, segments_out = self.flow.packets
            segments_out = max(segments_out, int(self.meeting.cut_packets) - segments_in)
            segments_out += self.retransmits + bool(self.retransmits)
        return TcpInfo(
            rtt_seconds=self.latest_rtt,
            min_rtt_seconds=min(self.connect_rtt or self.latest_rtt, self.latest_rtt),
            receive_rtt_seconds=self.latest_rtt + waiting if self.body else None,
            retransmits=self.retransmits,
            updates_rtt_seconds=self.updates_rtt,
            answered_seconds=self.answered_seconds,
            out_of_order=self.disordered,
            segments_in=segments_in,
            segments_out=segments_out,
            bytes_received=self.received,
            bytes_sent=900,
        )
