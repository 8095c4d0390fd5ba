"""What a request gives: the part of HTTP that does not depend on its version. Pure."""

from __future__ import annotations

import re
from email.utils import formatdate
from functools import cache
from random import Random

from msgspec import Struct

from lab.world.spec import LARGEST_BYTES, Object, Site

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
NOT_FOUND = Object(status=404, text="not found\n", content_type="text/plain")
NO_BODY = frozenset({204, 304})


class Answer(Struct, frozen=True, kw_only=True):
    """Status, headers (lower-case names) and body, after ``latency_seconds``, at
    ``bytes_per_second`` (0: as fast as it goes)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: memoryview
    latency_seconds: float = 0.0
    bytes_per_second: float = 0.0
    slow_for: str = ""
    pauses_at: int = 0
    mute: bool = False


@cache
def noise() -> bytes:
    """Bytes that do not compress, the same in every run."""
    return Random(2021).randbytes(LARGEST_BYTES)


def answer(site: Site, *, method: str, host: str, target: str, range_header: str | None) -> Answer:
    """The answer to a request for ``target`` (path and query) on ``host``."""
    found = site.object_at(host.partition(":")[0].lower(), target.partition("?")[0]) or NOT_FOUND
    whole = _body(found)
    status, part = found.status, whole
    headers = [("server", "lab"), ("date", formatdate(usegmt=True))]
    if found.status in NO_BODY:
        return _answer(found, found.status, headers, memoryview(b""))
    headers.append(("content-type", found.content_type))
    if found.location is not None:
        headers.append(("location", found.location))
    if found.retry_after is not None:
        headers.append(("retry-after", str(found.retry_after)))
    if found.ranges and found.status == 200:
        headers.append(("accept-ranges", "bytes"))
        if (match := _RANGE.match(range_header or "")) is not None:
            first, last = int(match[1]), min(int(match[2] or len(whole)), len(whole) - 1)
            if first > last:
                headers += [("content-range", f"bytes */{len(whole)}"), ("content-length", "0")]
                return _answer(found, 416, headers, memoryview(b""))
            status, part = 206, whole[first : last + 1]
            headers.append(("content-range", f"bytes {first}-{last}/{len(whole)}"))
    headers.append(("content-length", str(len(part))))
    return _answer(found, status, headers, memoryview(b"") if method == "HEAD" else part)


def _answer(found: Object, status: int, headers: list[tuple[str, str]], body: memoryview) -> Answer:
    return Answer(
        status=status,
        headers=tuple(headers),
        body=body,
        latency_seconds=found.latency_seconds,
        bytes_per_second=found.bytes_per_second,
        slow_for=found.slow_for,
        pauses_at=found.pauses_at,
        mute=found.mute,
    )


def _body(found: Object) -> memoryview:
    if found.text is not None:
        return memoryview(found.text.encode())
    return memoryview(noise())[: found.size_bytes]
