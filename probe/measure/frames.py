"""Fewer frames for the HTTP/2 library to look at: neighbouring DATA frames become one.

Far ends send a body in frames of a kilobyte or two, and h2 does as much work for each as for a long
one: two thirds of what a leg over HTTP/2 costs. What is merged is one frame by RFC 9113 (6.1, 6.9):
the same stream, the same bytes, the same flow control, no padding, no end, not longer than a frame
may be. All else is passed on as it came, and judged by h2.
"""

from __future__ import annotations

_HEAD_BYTES = 9
_DATA = 0
# RFC 9113, 6.5.2: the initial SETTINGS_MAX_FRAME_SIZE, which is what this client keeps to.
MOST_PAYLOAD_BYTES = 16_384


class Frames:
    """The frames of one connection. A frame is held until it is whole, as h2 would."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._lost = False
        """Whether a frame was too long: what follows it is h2's to judge."""

    def feed(self, data: bytes) -> bytes:
        """The whole frames that there are with ``data``; empty if there are none."""
        if self._lost:
            return data
        held = self._held
        held += data
        made = bytearray()
        stream, payload = b"", bytearray()
        place, size = 0, len(held)
        while place + _HEAD_BYTES <= size:
            length = int.from_bytes(held[place : place + 3])
            end = place + _HEAD_BYTES + length
            self._lost = length > MOST_PAYLOAD_BYTES
            if self._lost:
                end = size
            if end > size:
                break
            if held[place + 3] == _DATA and not held[place + 4] and not self._lost:
                owner = bytes(held[place + 5 : place + _HEAD_BYTES])
                if owner != stream or len(payload) + length > MOST_PAYLOAD_BYTES:
                    made += _data(stream, payload)
                    stream, payload = owner, bytearray()
                payload += held[place + _HEAD_BYTES : end]
            else:
                made += _data(stream, payload)
                stream, payload = b"", bytearray()
                made += held[place:end]
            place = end
        made += _data(stream, payload)
        del held[:place]
        return bytes(made)


def _data(stream: bytes, payload: bytearray) -> bytes:
    """A DATA frame of ``stream``; nothing if there is no stream."""
    if not stream:
        return b""
    return len(payload).to_bytes(3) + b"\0\0" + stream + bytes(payload)
