"""One upload: a request with a body to an ordinary HTTPS port, as the kernel sees it arrive.

What a program has written says nothing: it lies in this machine's buffer. So progress is what the
far end's kernel has acknowledged (``tcpi_bytes_acked``), looked at every few milliseconds and dated
by the last acknowledgement that came (``tcpi_last_ack_recv``).

**What it can tell.** The path carried what was acknowledged, whoever answers and whatever: a host
that refuses the body after the whole of it was acknowledged is as good as one that takes it. So is
one that refuses it early and reads on, as a server must that wants to keep the connection (RFC
9112, 9.3): the leg goes on, and looks at acknowledgements for as long as they come. Where the
answer says that the connection closes, nothing more is written (9.5 there); what this machine's
kernel holds by then leaves all the same, and is looked at too. **What it cannot.** A host that
refuses and ends the connection leaves a part, of which less than the first flight (some 14 KB) says
nothing of a rate. An acknowledgement is the far end's kernel's,
or that of whoever ends the connection on the way. A far end that does not read makes the sender
wait: then its window was the limit and not the path (``window_limited_seconds``).

An upload that is cut ends with a reset: a close would leave what this machine's kernel still holds
(up to some MB) to be sent for minutes after the deadline, beside other legs, and uncounted. So what
is on the wire is what the kernel has counted when the leg ends. A smaller buffer, or a bound on
what lies unsent in it, would bound that as well, and the rate of a fast and long way with it.

One attempt, one connection; no proxy, whose kernel is all that ours would see.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from functools import cache

import h11
import httpx
from msgspec.structs import replace

from probe.config.schema import VantageConfig
from probe.measure.connection.lookout import Lookout
from probe.measure.connection.wire import WireStream
from probe.measure.http.http import facts_of, headers
from probe.measure.http.http1 import MOST_HEAD_BYTES, MOST_INFORMATIONAL, READ_BYTES, too_many
from probe.measure.one_leg.attempt import Way, reach
from probe.measure.one_leg.curve import thin
from probe.measure.one_leg.failures import TIMEOUT, UNEXPECTED_STATUS, failure_of
from probe.measure.one_leg.leg_record import LegRecord
from probe.measure.one_leg.pulse import Pulse, Signs
from probe.measure.tls.tls import TlsStream
from probe.measure.tls.trust import Trust
from probe.model.failure import Failure
from probe.model.identity import Phase
from probe.model.observation import HttpFacts, Leg, LegObservation, Sample, UploadInfo

LOOK_SECONDS = 0.005
"""Between two looks at what is acknowledged: less than a round trip of any far host."""
REST_SECONDS = 3.0
"""After an early answer acknowledgements that pause for longer are waited for no more: as long as
the first three retransmissions take on a way of 200 ms."""
_NANOSECONDS = 1e9


async def measure_upload(
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
    """Send ``leg.send_bytes`` to ``address`` with a POST over HTTP/1.1, once.

    The phase ``transfer`` is from the request to the last acknowledgement of a byte of it,
    ``processing`` from the request to the answer. An answer with a status that the leg does not
    expect is a refusal, as for other legs; what was acknowledged then and after it stands in
    ``upload`` all the same. Raises nothing but cancellation.
    """
    sending = _Sending(leg)
    record, failure = sending.record, None
    try:
        way = Way.of(leg, address=address, via=via, trust=trust)
        async with asyncio.timeout(deadline_seconds) as deadline:
            if pulse is not None:
                pulse.follow(sending.signs, deadline)
            failure = await sending.run(way)
    except Exception as error:
        # As for a leg that reads: whatever the far end makes the libraries raise is data.
        failure = (
            Failure(phase=record.phase, reason=TIMEOUT, detail="the leg's deadline passed")
            if deadline.expired() and isinstance(error, TimeoutError)
            else failure_of(error, record.phase)
        )
    finally:
        sending.look()
        sending.drop_rest()
        record.end(failure)
    seen = record.observation(
        leg,
        order=order,
        address=address,
        resolve_seconds=resolve_seconds,
        seen_names=seen_names,
    )
    return sending.with_upload(seen)


@cache
def _body(size: int) -> bytes:
    """Random, so that nobody on the way makes it fewer; the same for all legs of this process."""
    return os.urandom(size)


class _Sending:
    """An upload under way, and its marks; times are monotonic nanoseconds."""

    def __init__(self, leg: Leg) -> None:
        self.record = LegRecord()
        self._leg = leg
        self._wire: WireStream | None = None
        self._before = 0
        self._whole = 0
        self._acked = 0
        self._asked_ns: int | None = None
        self._moved_ns = 0
        self._looked_ns = 0
        self._answered_ns: int | None = None
        self._curve: list[Sample] = []
        self._facts: HttpFacts | None = None
        self._closes = False
        self._info = UploadInfo(whole_bytes=0, acked_bytes=0)

    def signs(self) -> Signs:
        """What it has met so far; what is acknowledged has moved, too."""
        seen = self.record.signs()
        return Signs(
            moved_ns=max(seen.moved_ns, self._moved_ns),
            connected_ns=seen.connected_ns,
            asked_ns=self._asked_ns,
            received=seen.received + self._acked,
        )

    async def run(self, way: Way) -> Failure | None:
        """Until the answer's head is there. Raises what goes wrong."""
        url = httpx.URL(self._leg.url)
        await reach(way, self.record, url)
        wire, tls = self.record.wire, self.record.tls
        assert wire is not None
        assert tls is not None
        self.record.enter(Phase.TRANSFER)
        talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)
        await tls.write(_request(talk, url, _body(self._leg.send_bytes)))
        data = tls.take_unsent()
        self._begin(wire, len(data))
        sending = asyncio.create_task(_send(wire, data))
        tasks = [sending, asyncio.create_task(self._watch())]
        try:
            status = await self._answer(tls, talk)
            if self._closes:
                sending.cancel()
            tasks.append(gone := asyncio.create_task(_until_reset(tls)))
            await self._rest(gone)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if status in self._leg.expect_status:
            return None
        return Failure(phase=Phase.PROCESSING, reason=UNEXPECTED_STATUS, detail=f"status {status}")

    def _begin(self, wire: WireStream, whole: int) -> None:
        self._wire, self._whole = wire, whole
        known = wire.sending()
        self._before = 0 if known is None or known.bytes_acked is None else known.bytes_acked
        self._asked_ns = self._looked_ns = self._moved_ns = time.monotonic_ns()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    async def _answer(self, tls: TlsStream, talk: h11.Connection) -> int:
        """The status of the answer that is none of those which only inform."""
        for _ in range(MOST_INFORMATIONAL + 1):
            while (event := talk.next_event()) is h11.NEED_DATA:
                talk.receive_data(await tls.read(READ_BYTES))
            if isinstance(event, h11.Response):
                self._answered_ns = time.monotonic_ns()
                self.look()
                version = event.http_version.decode()
                self._facts = facts_of(version, event.status_code, list(event.headers))
                said = {value.lower() for name, value in event.headers if name == b"connection"}
                self._closes = b"close" in said or event.http_version < b"1.1"
                return event.status_code
            if not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("no answer")
        raise too_many()

    async def _rest(self, gone: asyncio.Task[None]) -> None:
        """After an answer: until all is acknowledged, nothing has been for long, or the connection
        is gone."""
        while self._acked < self._whole and not gone.done():
            since = max(self._moved_ns, self._answered_ns or 0)
            if time.monotonic_ns() - since > REST_SECONDS * _NANOSECONDS:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Note what is acknowledged by now."""
        known = None if self._wire is None else self._wire.sending()
        if known is None or known.bytes_acked is None or self._asked_ns is None:
            return
        now = time.monotonic_ns()
        acked = min(known.bytes_acked - self._before, self._whole)
        if acked > self._acked:
            ago_ns = int((known.last_ack_seconds or 0.0) * _NANOSECONDS)
            self._acked, self._moved_ns = acked, max(self._looked_ns, now - ago_ns)
            self._curve.append(Sample(self._seconds(self._moved_ns), acked))
            if acked == self._whole:
                self.record.enter(Phase.PROCESSING)
        self._looked_ns = now
        self._info = UploadInfo(
            whole_bytes=self._whole,
            acked_bytes=self._acked,
            seconds=self._seconds(self._moved_ns) if self._acked else None,
            delivery_bytes_per_second=known.delivery_bytes_per_second,
            retransmitted_bytes=known.bytes_retransmitted,
            window_limited_seconds=known.window_limited_seconds,
        )

    def drop_rest(self) -> None:
        """What is not acknowledged by now is not sent any more, whoever ended it: only so is what
        was counted all that left, and a host that does not take a body is not sent it."""
        if self._wire is not None and self._acked < self._whole:
            self._wire.drop_unsent()

    def with_upload(self, seen: LegObservation) -> LegObservation:
        """``seen`` with what was sent."""
        if self._asked_ns is None:
            return seen
        phases = dict(seen.phases)
        if self._acked == self._whole:
            phases[Phase.TRANSFER] = self._seconds(self._moved_ns)
        if self._answered_ns is not None:
            phases[Phase.PROCESSING] = self._seconds(self._answered_ns)
        info = replace(self._info, curve=thin(self._curve))
        return replace(seen, phases=phases, http=self._facts, upload=info)

    def _seconds(self, at_ns: int) -> float:
        return max(0, at_ns - (self._asked_ns or at_ns)) / _NANOSECONDS


async def _send(wire: WireStream, data: bytes) -> None:
    # Whoever reads the answer meets the end of the connection, too, and may find a no before.
    with contextlib.suppress(OSError):
        await wire.send(data)


async def _until_reset(tls: TlsStream) -> None:
    """Until the far end resets the connection; one that only closes its side may read on, and of
    one that talks at length no more is read than a head may have."""
    left = MOST_HEAD_BYTES
    try:
        while left > 0 and (data := await tls.read(READ_BYTES)):
            left -= len(data)
    except (ssl.SSLError, EOFError):
        pass
    except OSError:
        return
    await asyncio.Event().wait()


def _request(talk: h11.Connection, url: httpx.URL, body: bytes) -> bytes:
    fields = [
        *headers(url.netloc, 0),
        (b"Content-Type", b"application/octet-stream"),
        (b"Content-Length", b"%d" % len(body)),
    ]
    asked = h11.Request(method=b"POST", target=url.raw_path, headers=fields)
    parts = (talk.send(asked), talk.send(h11.Data(data=body)), talk.send(h11.EndOfMessage()))
    return b"".join(filter(None, parts))
