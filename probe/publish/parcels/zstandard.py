"""Bytes packed by Zstandard, and what comes back of them, within a bound.

Many rounds together, as a parcel or an archive has them: names and links repeat from round to round
further apart than zlib looks back (32 KiB).
"""

from __future__ import annotations

import cramjam

MAGIC = b"\x28\xb5\x2f\xfd"
"""What a frame begins with (RFC 8878, 3.1.1)."""
# Of the levels that take less than a tenth of a millisecond for a round, the one that leaves least.
_LEVEL = 9


class NotPackedError(ValueError):
    """The bytes are no whole frame, or too large; the text says which."""


def press(raw: bytes) -> bytes:
    """One frame."""
    return bytes(cramjam.zstd.compress(raw, _LEVEL))


def unpress(body: bytes, most: int) -> bytes:
    """What ``press`` was given. No more than ``most`` bytes are ever made of it. Raises
    ``NotPackedError``."""
    if not body.startswith(MAGIC):
        raise NotPackedError("not packed by Zstandard")
    into = bytearray(most)
    try:
        size = cramjam.zstd.decompress_into(body, into)
    except (cramjam.DecompressionError, ValueError, OverflowError, MemoryError) as error:
        # It does not say which: what does not fit ends it as what is broken does.
        raise NotPackedError(f"broken, or more than {most} bytes when unpacked") from error
    return bytes(memoryview(into)[:size])
