"""How the history and forwarding from it are doing, as samples."""

from __future__ import annotations

from collections.abc import Iterator

from probe.publish.forward.forward_health import ForwardHealth
from probe.publish.metrics import metric_names_store as names
from probe.publish.metrics.metric_spec import MetricSpec
from probe.store.health import StoreHealth


def store_rows(health: StoreHealth) -> Iterator[tuple[MetricSpec, dict[str, str], float]]:
    """Every series about the history; none when it is turned off."""
    if not health.on:
        return
    yield names.STORE_WRITABLE, {}, float(health.trouble is None)
    if health.trouble is not None:
        yield names.STORE_TROUBLE, {"reason": health.trouble}, 1.0
    yield names.STORE_BYTES, {}, float(health.bytes)
    if health.last_commit_at is not None:
        yield names.STORE_COMMITTED_AT, {}, health.last_commit_at
    yield names.STORE_ROUNDS, {}, float(health.committed_rounds)
    yield names.STORE_QUEUED, {}, float(health.queued)
    yield names.STORE_DROPPED, {}, float(health.dropped)
    yield names.STORE_SET_ASIDE, {}, float(health.set_aside)
    yield names.STORE_LOST, {}, float(health.lost)


def forward_rows(health: ForwardHealth) -> Iterator[tuple[MetricSpec, dict[str, str], float]]:
    """Every series about forwarding."""
    yield names.FORWARD_WORKING, {}, float(not health.trouble)
    if health.trouble:
        yield names.FORWARD_TROUBLE, {"reason": health.trouble}, 1.0
    yield names.FORWARD_SENT, {}, float(health.sent)
    for reason, count in health.refused:
        yield names.FORWARD_REFUSED, {"reason": reason}, float(count)
    yield names.FORWARD_WAITING, {}, float(health.waiting)
    if health.oldest_at is not None:
        yield names.FORWARD_OLDEST, {}, health.oldest_at
    if health.last_sent_at is not None:
        yield names.FORWARD_SENT_AT, {}, health.last_sent_at
