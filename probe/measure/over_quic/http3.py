"""HTTP/3 for one request: aioquic speaks, we keep which datagram brought what."""

from __future__ import annotations

import time

import httpx
import pylsqpack
from aioquic.h3.connection import H3Connection, Setting
from aioquic.h3.events import DataReceived, Headers, HeadersReceived
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent, StreamReset

from probe.measure.connection.kernel_stamps import Arrival
from probe.measure.http.http import facts_of, headers, status_of
from probe.measure.http.http1 import MOST_HEAD_BYTES
from probe.measure.one_leg.failures import UNEXPECTED_STATUS, NetworkError
from probe.model.failure import (
    BODY_TOO_SHORT,
    ENDED_BY_SERVER,
    PAGE_INSTEAD,
    PROTOCOL_ERROR,
    Failure,
)
from probe.model.identity import Compares, Phase
from probe.model.observation import HttpFacts, Leg


class _Connection(H3Connection):
    """Remembers no fields for the far end (RFC 9204, 3.2.3), and reads no head without end.

    With a table of 4,096 bytes, which aioquic offers, one byte can stand for 4,000: 100 kB then
    take half a gigabyte and ten seconds. One request has no use for it.
    """

    def __init__(self, quic: QuicConnection) -> None:
        super().__init__(quic)
        self._decoder = pylsqpack.Decoder(0, 0)

    def _get_local_settings(self) -> dict[int, int]:
        nothing = {Setting.QPACK_MAX_TABLE_CAPACITY: 0, Setting.QPACK_BLOCKED_STREAMS: 0}
        return super()._get_local_settings() | nothing

    def _decode_headers(self, stream_id: int, frame_data: bytes | None) -> Headers:
        if frame_data is not None and len(frame_data) > MOST_HEAD_BYTES:
            raise NetworkError(PROTOCOL_ERROR, f"a head of more than {MOST_HEAD_BYTES} bytes")
        return super()._decode_headers(stream_id, frame_data)


class Http3:
    """A request and its answer, over a connection whose handshake is over. A body is read if the
    leg compares goodput.

    ``received_before``: bytes that had come before the request left, at ``asked_ns``. ``head`` and
    ``body_end``: the datagrams with the answer's head and with the last byte of its body.
    """

    def __init__(self, quic: QuicConnection, leg: Leg, received_before: int) -> None:
        self._leg = leg
        self._reads = leg.compares is Compares.GOODPUT
        self._connection = _Connection(quic)
        self.received_before = received_before
        self.head: Arrival | None = None
        self.facts: HttpFacts | None = None
        self.body_bytes: int | None = None
        self.body_end: Arrival | None = None
        self.over = False
        url = httpx.URL(leg.url)
        pseudo = [
            (b":method", b"GET"),
            (b":scheme", url.raw_scheme),
            (b":authority", url.netloc),
            (b":path", url.raw_path),
        ]
        own = [
            (name.lower(), value)
            for name, value in headers(url.netloc, leg.range_bytes)
            if name != b"Host"
        ]
        self._stream = quic.get_next_available_stream_id()
        self._connection.send_headers(self._stream, pseudo + own, end_stream=True)
        self.asked_ns = time.monotonic_ns()

    @property
    def phase(self) -> Phase:
        """What is being waited for."""
        return Phase.PROCESSING if self.body_bytes is None else Phase.TRANSFER

    def take(self, event: QuicEvent, arrival: Arrival) -> None:
        """What the datagram ``arrival`` brought. Raises what is no answer."""
        if isinstance(event, StreamReset) and event.stream_id == self._stream and not self.over:
            raise NetworkError(ENDED_BY_SERVER, "the far end ended the HTTP/3 stream")
        for answer in self._connection.handle_event(event):
            if isinstance(answer, HeadersReceived) and self.head is None:
                self._take_head(answer, arrival)
            elif isinstance(answer, DataReceived) and self.body_bytes is not None:
                self._take_body(answer, arrival)

    def _take_head(self, answer: HeadersReceived, arrival: Arrival) -> None:
        status = status_of(dict(answer.headers))
        if status // 100 == 1:  # it only informs
            return
        self.head = arrival
        fields = [each for each in answer.headers if not each[0].startswith(b":")]
        self.facts = facts_of("3", status, fields)
        self.over = True
        if self._reads and status in self._leg.expect_status:
            self.body_bytes = 0
            self.over = answer.stream_ended or not self._enough

    @property
    def _enough(self) -> int:
        length = None if self.facts is None else self.facts.content_length
        return self._leg.max_bytes if length is None else min(self._leg.max_bytes, length)

    def _take_body(self, answer: DataReceived, arrival: Arrival) -> None:
        so_far = self.body_bytes or 0
        if answer.data and not self.over:
            self.body_bytes = min(self._leg.max_bytes, so_far + len(answer.data))
            self.body_end = arrival
        self.over = self.over or answer.stream_ended or (self.body_bytes or 0) >= self._enough

    def judge(self) -> Failure | None:
        """What the answer amounts to."""
        leg, facts = self._leg, self.facts
        assert facts is not None
        if facts.status not in leg.expect_status:
            return Failure(
                phase=Phase.PROCESSING, reason=UNEXPECTED_STATUS, detail=f"status {facts.status}"
            )
        if not self._reads:
            return None
        if leg.not_a_page and facts.is_page:
            return Failure(
                phase=Phase.PROCESSING,
                reason=PAGE_INSTEAD,
                detail="a page (text/html) in the place of the object",
            )
        expected = min(leg.min_bytes, leg.max_bytes, leg.range_bytes or leg.max_bytes)
        if (self.body_bytes or 0) < expected:
            return Failure(
                phase=Phase.TRANSFER,
                reason=BODY_TOO_SHORT,
                detail=f"{self.body_bytes} bytes, at least {expected} expected",
            )
        return None
