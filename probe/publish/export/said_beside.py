"""The columns of what a verdict says beside its state: over other transports, of what is normal."""

from __future__ import annotations

from probe.publish.export.leg_row import Column

SAID_BESIDE: tuple[Column, ...] = (
    Column(
        "quic_state",
        "What was said over QUIC, by its own legs; the columns above are about TCP. Empty: nothing",
        str,
        lambda r: None if r.quic is None else r.quic.state.value,
    ),
    Column("quic_reason", "Why", str, lambda r: None if r.quic is None else r.quic.reason),
    Column(
        "quic_since_unix_seconds",
        "When that state over QUIC began",
        float,
        lambda r: None if r.quic is None else r.quic.since,
    ),
    Column(
        "upload_state",
        "What was said of what is sent, by uploads alone; empty: nothing",
        str,
        lambda r: None if r.upload is None else r.upload.state.value,
    ),
    Column("upload_reason", "Why", str, lambda r: None if r.upload is None else r.upload.reason),
    Column(
        "upload_since_unix_seconds",
        "When that state of uploads began",
        float,
        lambda r: None if r.upload is None else r.upload.since,
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
