"""Goodput and handshake time of one leg."""

from __future__ import annotations

from probe.model.failure import BODY_TOO_SHORT
from probe.model.identity import FIRST_PROBER, Compares, Phase
from probe.model.observation import LegObservation, UploadInfo

_ENDED = frozenset({"connection_reset", "connection_aborted", "eof_error"})
_BEFORE_HTTP = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS})


def asked_bytes(leg: LegObservation) -> int:
    """How many body bytes the leg would have read, had nothing cut it.

    The least of the cap, the range asked for and, where the answer told it, the body's length.
    """
    limits = [leg.leg.max_bytes]
    if leg.leg.range_bytes:
        limits.append(leg.leg.range_bytes)
    if leg.http is not None and leg.http.content_length is not None:
        limits.append(leg.http.content_length)
    return min(limits)


def was_cut(leg: LegObservation) -> bool:
    """The body began and something ended it before it was whole: a sample, not missing data."""
    return (
        leg.failure is not None
        and leg.failure.phase is Phase.TRANSFER
        and leg.failure.reason != BODY_TOO_SHORT
        and leg.body_bytes is not None
        and leg.body_bytes < asked_bytes(leg)
    )


def ended(leg: LegObservation) -> bool:
    """Something else than our own deadline ended the connection amid the body: what had come until
    then is no sample of its pace, be it as quick as ever."""
    return was_cut(leg) and leg.failure is not None and leg.failure.reason in _ENDED


def goodput(leg: LegObservation) -> float | None:
    """Body bytes per second from the request to the last body byte, or ``None``.

    The time includes the wait for the first byte: a policer that drops the first flight shows
    there and not in the transfer. Goodput exists for legs that compare goodput, for the expected
    status with a whole body, and for a body that was cut after it had begun (its bytes over the
    time until the cut). A refusal, an error page or an object that is too small has none.
    """
    if leg.leg.compares is not Compares.GOODPUT or not leg.body_bytes or leg.http is None:
        return None
    if leg.http.status not in leg.leg.expect_status:
        return None
    if leg.failure is not None and not was_cut(leg):
        return None
    seconds = leg.phases.get(Phase.PROCESSING, 0.0) + leg.phases.get(Phase.TRANSFER, 0.0)
    return leg.body_bytes / seconds if seconds > 0.0 else None


FIRST_FLIGHT_BYTES = 14_600
"""Ten segments, which leave at once whatever the way is (RFC 6928)."""


def upload_goodput(upload: UploadInfo) -> float | None:
    """Acknowledged bytes per second, from the request to the last acknowledgement; ``None`` if no
    more than the first flight was acknowledged, which takes a round trip at any rate, or all of it
    within a tick of the kernel's clock."""
    if upload.acked_bytes <= FIRST_FLIGHT_BYTES or not upload.seconds:
        return None
    return upload.acked_bytes / upload.seconds


def handshake_seconds(leg: LegObservation) -> float | None:
    """Seconds of TCP connect plus TLS handshake, or ``None`` unless both ended well. Over QUIC one
    handshake is both."""
    if leg.tls is None or (leg.failure is not None and leg.failure.phase in _BEFORE_HTTP):
        return None
    connect, tls = leg.phases.get(Phase.CONNECT), leg.phases.get(Phase.TLS)
    if leg.leg.prober != FIRST_PROBER:
        connect = 0.0
    return None if connect is None or tls is None else connect + tls
