"""Rows of the file as values of the model."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import msgspec

from probe.model.stored import VerdictSpan
from probe.model.verdict import State, Verdict
from probe.store.codec import unpack_value

log = logging.getLogger(__name__)

# Of `spans` joined with `slots`.
SPAN_COLUMNS = "vantage, platform, state, started_at, ended_at, rounds, first, last"
P = ParamSpec("P")
T = TypeVar("T")


def readable(what: str, read: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
    """What ``read`` makes of a blob; ``None``, and ``what`` is in the log, if that is damaged:
    SQLite does not notice it."""
    try:
        return read(*args, **named)
    except (zlib.error, msgspec.DecodeError, ValueError) as error:
        log.warning("%s of the history is unreadable", what, extra={"error": error})
        return None


def readable_span(columns: Sequence[Any]) -> VerdictSpan | None:
    """The span of a row of ``SPAN_COLUMNS``; ``None`` if it is damaged, or from a version that knew
    more."""
    return readable("a verdict", _span, columns)


def _span(columns: Sequence[Any]) -> VerdictSpan:
    vantage, platform, state, started_at, ended_at, rounds, first, last = columns
    began = unpack_value(first, Verdict)
    return VerdictSpan(
        vantage=vantage,
        platform=platform,
        state=State(state),
        started_at=started_at,
        ended_at=ended_at,
        rounds=rounds,
        first=began,
        # A verdict that held for one round is both.
        last=began if last == first else unpack_value(last, Verdict),
    )
