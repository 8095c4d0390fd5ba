"""Rows of the file as values of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from probe.model.stored import VerdictSpan
from probe.model.verdict import State, Verdict
from probe.store.codec import unpack_value

# Of `spans` joined with `slots`.
SPAN_COLUMNS = "vantage, platform, state, started_at, ended_at, rounds, first, last"


def span_of(columns: Sequence[Any]) -> VerdictSpan:
    """The span of a row of ``SPAN_COLUMNS``."""
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
