"""The gate: of what a vantage sends, its own series pass, in the hub's words of where it is.

A request is remote write 1.0, as ``throttlewatch`` and Prometheus send it. It is written anew from
what was understood: what is not understood does not pass.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any

import cramjam
from google.protobuf.message import DecodeError
from msgspec import Struct

from probe.hub.enrolled import Enrolled
from probe.publish.forward.remote_write_message import WriteRequest

MOST_BODY_BYTES = 2_097_152
"""As it is sent. A daemon sends 5,000 samples at once: some 100 kB."""
MOST_PLAIN_BYTES = 4_194_304
MOST_SERIES = 6_000
MOST_SAMPLES = 50_000
MOST_LABELS = 40
MOST_LABEL_BYTES = 1_024
# Clocks of small boards are behind until they have learnt the time, and ahead by minutes at most.
AHEAD_SECONDS = 300.0
AHEAD_MILLISECONDS = int(AHEAD_SECONDS * 1_000)
# What a daemon keeps at most (``forward.keep``), and a day.
BEHIND_MILLISECONDS = 31 * 86_400 * 1_000
_NAME = re.compile(r"throttlewatch_[a-z0-9_]{1,100}")
_LABEL = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_JOB = "throttlewatch"


class Dropped(StrEnum):
    """Why a series, or a sample, does not pass."""

    NAME = "name"
    LABELS = "labels"
    VANTAGE = "vantage"
    TIME = "time"
    ORDER = "order"


class UnreadableRequestError(Exception):
    """Nothing of the request passes; the text says why, without a word of what it said."""


class Passed(Struct, frozen=True, kw_only=True):
    """What of a request passes. ``dropped``: series by reason, and samples where it is their time.

    ``series`` are the digests of the series that pass, to count different ones with; ``newest`` is
    the time of the newest sample (Unix seconds; 0: there is none).
    """

    body: bytes
    samples: int
    series: frozenset[int]
    newest: float
    dropped: Mapping[Dropped, int]


def plain(body: bytes) -> bytes:
    """Unpacked, within bounds. Raises ``UnreadableRequestError``."""
    if len(body) > MOST_BODY_BYTES:
        raise UnreadableRequestError(f"more than {MOST_BODY_BYTES} bytes")
    try:
        if cramjam.snappy.decompress_raw_len(body) > MOST_PLAIN_BYTES:
            raise UnreadableRequestError(f"more than {MOST_PLAIN_BYTES} bytes when unpacked")
        return bytes(cramjam.snappy.decompress_raw(body))
    except (cramjam.DecompressionError, ValueError, OverflowError, MemoryError) as error:
        raise UnreadableRequestError("not packed by snappy") from error


def passing(body: bytes, who: Enrolled, now: float) -> Passed:
    """What of ``body`` passes for ``who``. Raises ``UnreadableRequestError``."""
    request = WriteRequest()
    try:
        request.ParseFromString(plain(body))
    except (DecodeError, RecursionError) as error:
        raise UnreadableRequestError("no request of remote write") from error
    if len(request.timeseries) > MOST_SERIES:
        raise UnreadableRequestError(f"more than {MOST_SERIES} series")
    # Before anything is made of them: four millions go into a small request.
    if sum(len(one.samples) for one in request.timeseries) > MOST_SAMPLES:
        raise UnreadableRequestError(f"more than {MOST_SAMPLES} samples")
    made, dropped = WriteRequest(), Counter[Dropped]()
    said = who.labels()
    first, last = int(now * 1_000) - BEHIND_MILLISECONDS, int(now * 1_000) + AHEAD_MILLISECONDS
    count, newest, series = 0, 0, set[int]()
    for one in request.timeseries:
        labels = _labels(one, said)
        if isinstance(labels, Dropped):
            dropped[labels] += 1
            continue
        kept = [(s.timestamp, s.value) for s in one.samples if first <= s.timestamp <= last]
        dropped[Dropped.TIME] += len(one.samples) - len(kept)
        if any(later[0] <= earlier[0] for earlier, later in pairwise(kept)):
            dropped[Dropped.ORDER] += 1
            continue
        count += len(kept)
        if not kept:
            continue
        newest = max(newest, kept[-1][0])
        series.add(hash(labels))
        new = made.timeseries.add()
        for name, value in labels:
            new.labels.add(name=name, value=value)
        for timestamp, number in kept:
            new.samples.add(value=number, timestamp=timestamp)
    packed = bytes(cramjam.snappy.compress_raw(made.SerializeToString()))
    return Passed(
        body=packed,
        samples=count,
        series=frozenset(series),
        newest=newest / 1_000,
        dropped=dict(+dropped),
    )


def _labels(one: Any, said: Mapping[str, str]) -> tuple[tuple[str, str], ...] | Dropped:
    """Its labels, in order; where it is, is the hub's word."""
    if len(one.labels) > MOST_LABELS:
        return Dropped.LABELS
    found: dict[str, str] = {}
    for label in one.labels:
        if label.name in found or len(label.value.encode()) > MOST_LABEL_BYTES:
            return Dropped.LABELS
        found[label.name] = label.value
    if not _NAME.fullmatch(found.pop("__name__", "") or ""):
        return Dropped.NAME
    if not all(_LABEL.fullmatch(name) for name in found):
        return Dropped.LABELS
    if found.get("vantage", said["vantage"]) != said["vantage"]:
        return Dropped.VANTAGE
    place = {name: value for name, value in said.items() if name in found}
    whole = {
        "__name__": next(label.value for label in one.labels if label.name == "__name__"),
        **found,
        **place,
        "instance": said["vantage"],
        "job": _JOB,
    }
    return tuple(sorted((name, value) for name, value in whole.items() if value))
