"""Bytes packed by Zstandard, and what comes back of them, within a bound.

Many rounds together, as a parcel or an archive has them: names and links repeat from round to round
further apart than zlib looks back (32 KiB).

The library is 2 MB of a daemon's memory, which is loaded where something is packed, or before
(``probe/daemon/made_ready.py``).
"""

from __future__ import annotations

from typing import Any

MAGIC = b"\x28\xb5\x2f\xfd"
"""What a frame begins with (RFC 8878, 3.1.1)."""
# Of the levels that take less than a tenth of a millisecond for a round, the one that leaves least.
_LEVEL = 9
# Room is made for what rounds become, then for more: to clear 64 MiB takes some 40 ms.
_ROOM_FACTOR = 16
_ROOM_BYTES = 65_536


class NotPackedError(ValueError):
    """The bytes are no whole frame, or too large; the text says which."""


def press(raw: bytes) -> bytes:
    """One frame."""
    return bytes(library().zstd.compress(raw, _LEVEL))


def library() -> Any:
    """The library, loaded."""
    import cramjam

    return cramjam


def unpress(body: bytes, most: int) -> bytes:
    """What ``press`` was given. No more than ``most`` bytes are ever made of it. Raises
    ``NotPackedError``."""
    if not body.startswith(MAGIC):
        raise NotPackedError("not packed by Zstandard")
    cramjam = library()
    room = min(most, _ROOM_FACTOR * len(body) + _ROOM_BYTES)
    while True:
        into = bytearray(room)
        try:
            size = cramjam.zstd.decompress_into(body, into)
        except (cramjam.DecompressionError, ValueError, OverflowError, MemoryError) as error:
            # It does not say which: what does not fit ends it as what is broken does.
            if room == most:
                text = f"broken, or more than {most} bytes when unpacked"
                raise NotPackedError(text) from error
            room = min(most, _ROOM_FACTOR * room)
            continue
        return bytes(memoryview(into)[:size])
