"""HTTP/2 for one request: h2 speaks, on a stream that keeps the times."""

from __future__ import annotations

from collections import deque

import h2.config
import h2.connection
import h2.errors
import h2.events
from h2.settings import SettingCodes, Settings

from probe.measure.http.frames import Frames
from probe.measure.http.http1 import MOST_INFORMATIONAL, READ_BYTES, Fields, Stream, too_many
from probe.measure.one_leg.failures import NetworkError
from probe.model.failure import ENDED_BY_SERVER, PROTOCOL_ERROR

# No far end shall wait for room: what it may send is bounded by the leg.
_WINDOW_BYTES = 2**24
_SETTINGS = {
    SettingCodes.ENABLE_PUSH: 0,
    SettingCodes.MAX_CONCURRENT_STREAMS: 100,
    SettingCodes.MAX_HEADER_LIST_SIZE: 65_536,
}
# RFC 9113, 8.2.2 and 8.3.1.
_OF_HTTP1 = frozenset(
    (b"host", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
# What a far end sends is judged by what of it is used.
_CONFIG = h2.config.H2Configuration(validate_inbound_headers=False)


class Http2:
    """One request and its answer, and then perhaps another. ``frames``: of the same connection."""

    def __init__(self, stream: Stream, frames: Frames) -> None:
        self._stream = stream
        self._frames = frames
        self._begun = False
        self._h2 = h2.connection.H2Connection(config=_CONFIG)
        self._events: deque[h2.events.Event] = deque()
        self._ended: h2.events.ConnectionTerminated | None = None
        self.update_bytes = 0
        """After so many bytes of a body, each time, the far end is told that there is room for more
        (0: only when there is need)."""
        self._untold = 0

    async def request(self, scheme: bytes, target: bytes, fields: Fields) -> Fields:
        """Send a GET, wait for the head: its fields, with ``:status`` among them; answers that only
        inform (1xx) are passed over.

        Raises ``h2.exceptions.H2Error`` for what is not HTTP/2, ``NetworkError`` when the far end
        ends the stream, and what the stream below raises.
        """
        if not self._begun:
            await self._begin()
        named = [(name.lower(), value) for name, value in fields]
        host = next(value for name, value in named if name == b"host")
        pseudo = [
            (b":method", b"GET"),
            (b":authority", host),
            (b":scheme", scheme),
            (b":path", target),
        ]
        others = [each for each in named if each[0] not in _OF_HTTP1]
        asked = self._frames.stream
        self._h2.send_headers(asked, pseudo + others, end_stream=True)
        self._h2.increment_flow_control_window(_WINDOW_BYTES, stream_id=asked)
        await self._flush()
        informed = 0
        while informed <= MOST_INFORMATIONAL:
            event = await self._event()
            if isinstance(event, h2.events.ResponseReceived):
                return [(bytes(name), bytes(value)) for name, value in event.headers or ()]
            informed += isinstance(event, h2.events.InformationalResponseReceived)
        raise too_many()

    def may_ask_again(self) -> bool:
        """After the body's end: whether the far end answers another request. If so, it may be
        made."""
        if self._ended is not None or not self._frames.answers(self._frames.stream + 2):
            return False
        self._frames.stream += 2
        return True

    async def _begin(self) -> None:
        self._begun = True
        # Set, not changed: a change would be another SETTINGS frame behind the one with defaults.
        self._h2.local_settings = Settings(client=True, initial_values=_SETTINGS)
        # Not in RFC 9113; some servers do not bear it.
        del self._h2.local_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL]
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_WINDOW_BYTES)
        # A record of its own, as clients commonly send it; both leave in one segment.
        await self._flush()

    async def piece(self) -> bytes | None:
        """The next piece of the body; ``None``: it has ended. Raises as ``request`` does."""
        while not isinstance(event := await self._event(), h2.events.StreamEnded):
            if isinstance(event, h2.events.DataReceived):
                came = event.flow_controlled_length or 0
                self._h2.acknowledge_received_data(came, self._frames.stream)
                self._tell(came)
                await self._flush()
                return event.data or b""
        return None

    def _tell(self, came: int) -> None:
        self._untold += came
        if self.update_bytes and self._untold >= self.update_bytes:
            self._h2.increment_flow_control_window(self._untold)
            self._untold = 0

    async def _event(self) -> h2.events.Event:
        """The next event of the request's stream."""
        while not self._events:
            if self._ended is not None:
                raise _ended("connection", self._ended.error_code)
            await self._receive()
        event = self._events.popleft()
        if isinstance(event, h2.events.StreamReset):
            raise _ended("stream", event.error_code)
        return event

    async def _receive(self) -> None:
        data = await self._stream.read(READ_BYTES)
        if not data:
            raise NetworkError(PROTOCOL_ERROR, "the far end closed before the answer was whole")
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.ConnectionTerminated):
                # What came before it is still given.
                self._ended = event
            elif getattr(event, "stream_id", None) == self._frames.stream:
                self._events.append(event)
        await self._flush()

    async def _flush(self) -> None:
        if data := self._h2.data_to_send():
            await self._stream.write(data)


def _ended(what: str, code: h2.errors.ErrorCodes | int | None) -> NetworkError:
    name = code.name if isinstance(code, h2.errors.ErrorCodes) else "a code of its own"
    return NetworkError(ENDED_BY_SERVER, f"the far end ended the HTTP/2 {what}: {name}")
