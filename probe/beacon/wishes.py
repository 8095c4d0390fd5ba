"""What is asked of a beacon, understood: which bytes to give, or to take. Pure.

Any name and any path will do, since what is measured is the way and not the server:

- ``GET /N``: an object of ``N`` bytes. Any other path: one of ``USUAL_BYTES``. A range is given as
  a part, as servers of objects do.
- ``POST`` and ``PUT``: what comes is counted and thrown away.

With an access key the path begins with it (``/KEY/N``); whoever does not say it is told 404, which
is an answer to measure by, too.
"""

from __future__ import annotations

import hmac
import re

from msgspec import Struct

from probe.model.number import whole

USUAL_BYTES = 1_048_576
LEAST_KEY_LETTERS = 16
_RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")


class Offer(Struct, frozen=True, kw_only=True):
    """What a beacon does. ``largest_bytes``: of an object, and of what is taken. ``key``: empty:
    everybody may ask."""

    largest_bytes: int
    key: str = ""


class GivenBytes(Struct, frozen=True, kw_only=True):
    """A part of an object, from ``first`` on, of ``whole_bytes`` in all. ``part``: a range of it
    was asked for. ``with_body``: not of a HEAD."""

    whole_bytes: int
    first: int = 0
    size: int
    part: bool = False
    with_body: bool = True


class TakenBytes(Struct, frozen=True, kw_only=True):
    """What is sent is taken, up to ``most_bytes``."""

    most_bytes: int


class Denied(Struct, frozen=True, kw_only=True):
    """A no: the status, and a sentence for a person."""

    status: int
    text: str


def is_key(text: str) -> bool:
    """Whether it can stand in a path as an access key."""
    return _KEY.fullmatch(text) is not None


def understood(
    offer: Offer, method: str, path: str, *, asked_range: str, announced: int | None
) -> GivenBytes | TakenBytes | Denied:
    """What ``method`` on ``path`` wants. ``asked_range``: the field ``Range``, empty: none.
    ``announced``: the length of what will be sent, if that is said."""
    rest = path.lstrip("/")
    if offer.key:
        said, _, rest = rest.partition("/")
        if not hmac.compare_digest(said.encode(), offer.key.encode()):
            return Denied(status=404, text="nothing here")
    if method in ("POST", "PUT"):
        if announced is not None and announced > offer.largest_bytes:
            return Denied(status=413, text=f"at most {offer.largest_bytes} bytes are taken")
        return TakenBytes(most_bytes=offer.largest_bytes)
    if method not in ("GET", "HEAD"):
        return Denied(status=405, text="GET, HEAD, POST and PUT are understood")
    size = min(USUAL_BYTES, offer.largest_bytes)
    if rest.isascii() and rest.isdigit():
        asked = whole(rest)
        if asked is None or asked > offer.largest_bytes:
            return Denied(status=404, text=f"at most {offer.largest_bytes} bytes are given")
        size = asked
    return _part(size, asked_range, with_body=method == "GET")


def _part(size: int, asked_range: str, *, with_body: bool) -> GivenBytes | Denied:
    found = _RANGE.fullmatch(asked_range.strip())
    if found is None:
        # A range that is not understood is none (RFC 9110, 14.2).
        return GivenBytes(whole_bytes=size, size=size, with_body=with_body)
    first = int(found[1])
    last = min(size - 1, int(found[2]) if found[2] else size - 1)
    if first >= size or last < first:
        return Denied(status=416, text=f"the object has {size} bytes")
    return GivenBytes(
        whole_bytes=size, first=first, size=last - first + 1, part=True, with_body=with_body
    )
