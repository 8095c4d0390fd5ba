"""A parcel: rounds that a probe sends to its hub as one request. Both ends know it.

It is JSON Lines, a ``StoredRound`` each, packed by Zstandard; the answer is a ``Receipt``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from probe.publish.parcels.zstandard import press, unpress

ROUNDS_PATH = "/api/v1/rounds"
HEADERS = {"Content-Type": "application/jsonl", "Content-Encoding": "zstd"}
MOST_PACKED_BYTES = 1_048_576
"""As it is sent. A hundred rounds are some 100 kB."""
MOST_PLAIN_BYTES = 8_388_608
MOST_LINE_BYTES = 1_048_576
MOST_ROUNDS = 500
SECONDS_FOR_ONE = 180.0
"""100 kB as a rule; on a line of 64 kbit/s as many as may be take over two minutes. A hub waits for
longer."""
# What a hub takes of the past; a probe sends nothing older than a day less.
MOST_AGE_SECONDS = 31 * 86_400.0

# Of any parcel; a number beyond it is none that metrics could hold.
_Count = Annotated[int, Meta(ge=0, le=MOST_ROUNDS)]


class Receipt(Struct, frozen=True, kw_only=True):
    """What a hub did with the rounds of a parcel: ``taken`` ones are kept, ``known`` ones were kept
    before, and ``left_out`` ones will not be."""

    taken: _Count
    known: _Count = 0
    left_out: _Count = 0


def packed(lines: Iterable[bytes]) -> bytes:
    """A parcel of these lines, each with its end."""
    return press(b"".join(lines))


def unpacked(body: bytes) -> list[bytes]:
    """Its lines. Raises ``ValueError``; never makes more of it than ``MOST_PLAIN_BYTES``."""
    lines = unpress(body, MOST_PLAIN_BYTES).splitlines()
    if len(lines) > MOST_ROUNDS:
        raise ValueError(f"more than {MOST_ROUNDS} rounds")
    return lines
