"""Rows of the file as values of the model."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from probe.model.stored import VerdictSpan
from probe.model.verdict import State, Verdict
from probe.store.codec import unpack_value

log = logging.getLogger(__name__)

# What reading a blob raises that is damaged; SQLite does not notice that.
UNREADABLE = (zlib.error, msgspec.DecodeError, ValueError)
# Of `spans` joined with `slots`.
SPAN_COLUMNS = "vantage, platform, state, started_at, ended_at, rounds, first, last"


def readable_span(columns: Sequence[Any]) -> VerdictSpan | None:
    """The span of a row of ``SPAN_COLUMNS``; ``None`` if it is damaged, or from a version that knew
    more."""
    try:
        return _span(columns)
    except UNREADABLE as error:
        log.warning("a verdict of the history is unreadable", extra={"error": str(error)})
        return None


def _span(columns: Sequence[Any]) -> VerdictSpan:
    vantage, platform, state, started_at, ended_at, rounds, first, last = columns
    return VerdictSpan(
        vantage=vantage,
        platform=platform,
        state=State(state),
        started_at=started_at,
        ended_at=ended_at,
        rounds=rounds,
        first=unpack_value(first, Verdict),
        last=unpack_value(last, Verdict),
    )
