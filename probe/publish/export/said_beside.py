"""The columns of what a verdict says beside its state: over other transports, of what is normal."""

from __future__ import annotations

from collections.abc import Callable

from probe.model.verdict import TransportFinding
from probe.publish.export.leg_row import Column, LegRow, TableValue


def _of_one(
    name: str, found: Callable[[LegRow], TransportFinding | None], said: str, began: str
) -> tuple[Column, ...]:
    """The columns of the finding that is ``found`` in a row. ``said``, ``began``: what the columns
    of its state and of its beginning mean."""

    def told(of: Callable[[TransportFinding], TableValue]) -> Callable[[LegRow], TableValue]:
        return lambda row: None if (one := found(row)) is None else of(one)

    return (
        Column(f"{name}_state", said, str, told(lambda one: one.state.value)),
        Column(f"{name}_reason", "Why", str, told(lambda one: one.reason)),
        Column(f"{name}_since_unix_seconds", began, float, told(lambda one: one.since)),
    )


SAID_BESIDE: tuple[Column, ...] = (
    *_of_one(
        "quic",
        lambda row: row.quic,
        "What was said over QUIC, by its own legs; the columns above are about TCP. Empty: nothing",
        "When that state over QUIC began",
    ),
    *_of_one(
        "upload",
        lambda row: row.upload,
        "What was said of what is sent, by uploads alone; empty: nothing",
        "When that state of uploads began",
    ),
    Column(
        "normal_learnt_while_restricted_networks",
        "What is normal here was learnt while the platform was restricted at other vantages, in so "
        "many networks; empty: not so, as far as is known",
        int,
        lambda r: (
            None
            if r.stored.verdict.learnt_while is None
            else r.stored.verdict.learnt_while.networks
        ),
    ),
    Column(
        "normal_learnt_while_restricted_since_unix_seconds",
        "Since when they were",
        float,
        lambda r: (
            None if r.stored.verdict.learnt_while is None else r.stored.verdict.learnt_while.since
        ),
    ),
    Column(
        "normal_learnt_while_restricted_until_unix_seconds",
        "Until when what is normal was learnt meanwhile; empty: they still are",
        float,
        lambda r: (
            None if r.stored.verdict.learnt_while is None else r.stored.verdict.learnt_while.until
        ),
    ),
)
