"""What the HTTP/2 library gets to see of a far end's frames: fewer, not too many at once, no end
that is none.

**Fewer.** Neighbouring DATA frames become one.

Far ends send a body in frames of a kilobyte or two, and h2 does as much work for each as for a long
one: two thirds of what a leg over HTTP/2 costs. What is merged is one frame by RFC 9113 (6.1, 6.9):
the same stream, the same bytes, the same flow control, no padding, no end, not longer than a frame
may be.

**Not too many.** A frame that carries nothing of a body costs h2 as much as one that does, and the
smallest have nine bytes. So there is a bound to them, and after some of them it is the event loop's
turn.

**No end that is none.** h2 takes any GOAWAY for the end of the connection. One without an error
says only that no further request is heard: what was asked for in time is still answered (RFC 9113,
6.8). It is left out. Whether the answer comes is seen soon enough.

All else is passed on as it came, and judged by h2.
"""

from __future__ import annotations

from probe.measure.one_leg.failures import NetworkError
from probe.model.failure import PROTOCOL_ERROR

_HEAD_BYTES = 9
_DATA = 0
_GOAWAY = 7
_NO_ERROR = 0
_GOAWAY_BYTES = 8
MOST_AT_ONCE = 32
"""After so many that h2 has to look at, the loop turns: less than a millisecond's work here, ten on
a small machine."""
MOST_FRAMES = 2_000
BODY_PER_FRAME = 256
"""How many frames h2 looks at on one connection, at most, beside one for each so many bytes of a
body. An honest far end sends a dozen, and a body in frames of 1,024 bytes or more."""
# RFC 9113, 6.5.2: the initial SETTINGS_MAX_FRAME_SIZE, which is what this client keeps to.
MOST_PAYLOAD_BYTES = 16_384


class Frames:
    """The frames of one connection. A frame is held until it is whole, as h2 would."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._lost = False
        """Whether a frame was too long: what follows it is h2's to judge."""
        self._frames = 0
        self._body_bytes = 0
        self.stream = 1
        """That of the request which is under way."""
        self.last_stream: int | None = None
        """The last that is answered, by the latest farewell; ``None``: none was said."""
        self.more = False
        """Whether ``feed`` left whole frames for another time: ask for them with no data."""

    def answers(self, stream: int) -> bool:
        """Whether a request on ``stream`` is answered, as far as was said."""
        return self.last_stream is None or stream <= self.last_stream

    def feed(self, data: bytes) -> bytes:
        """The next whole frames that there are with ``data``; empty if there are none.

        Raises ``NetworkError`` when there were too many.
        """
        if self._lost:
            return data
        held = self._held
        held += data
        made = bytearray()
        stream, payload = b"", bytearray()
        place, size, most = 0, len(held), self._frames + MOST_AT_ONCE
        self.more = False
        while place + _HEAD_BYTES <= size:
            length = int.from_bytes(held[place : place + 3])
            end = place + _HEAD_BYTES + length
            self._lost = length > MOST_PAYLOAD_BYTES
            if self._lost:
                end = size
            if end > size:
                break
            if self._frames >= most:
                self.more = True
                break
            if held[place + 3] == _DATA and not held[place + 4] and not self._lost:
                owner = bytes(held[place + 5 : place + _HEAD_BYTES])
                if owner != stream or len(payload) + length > MOST_PAYLOAD_BYTES:
                    made += _data(stream, payload)
                    stream, payload = owner, bytearray()
                    self._frames += 1
                payload += held[place + _HEAD_BYTES : end]
                self._body_bytes += length
            elif held[place + 3] != _GOAWAY or not self._is_farewell(held[place:end]):
                made += _data(stream, payload)
                stream, payload = b"", bytearray()
                made += held[place:end]
                self._frames += 1
            place = end
        made += _data(stream, payload)
        del held[:place]
        if self._frames > MOST_FRAMES + self._body_bytes // BODY_PER_FRAME:
            raise NetworkError(PROTOCOL_ERROR, f"more than {MOST_FRAMES} frames that carry nothing")
        return bytes(made)

    def _is_farewell(self, frame: bytearray) -> bool:
        """A GOAWAY without an error, after which the request is still answered."""
        if len(frame) < _HEAD_BYTES + _GOAWAY_BYTES:
            return False
        of, last, code = (int.from_bytes(frame[i : i + 4]) for i in (5, 9, 13))
        last &= 0x7FFF_FFFF
        if of & 0x7FFF_FFFF or code != _NO_ERROR:
            return False
        self.last_stream = last
        return last >= self.stream


def _data(stream: bytes, payload: bytearray) -> bytes:
    """A DATA frame of ``stream``; nothing if there is no stream."""
    if not stream:
        return b""
    return len(payload).to_bytes(3) + b"\0\0" + stream + bytes(payload)
