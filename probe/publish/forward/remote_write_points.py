"""From frames of the history to what a receiver is to get: points in time with values. Pure.

A series that was there at one point and is not at the next has ended: it gets a stale marker, so
that queries do not look back to its last value. After a gap (the daemon was off) all series get one
at the first point of the gap, as Prometheus does when a target goes away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from probe.publish.forward.remote_write_message import STALE
from probe.store.samples import GRID_SECONDS, Frame, Labels


class Point(Struct, frozen=True, kw_only=True):
    """Values of series at ``at`` (Unix seconds)."""

    at: int
    values: Mapping[Labels, float]


def points(previous: Frame | None, frames: Sequence[Frame]) -> Iterator[Point]:
    """What ``frames`` add after ``previous``, the last frame that was sent, if it is known."""
    for frame in frames:
        if previous is None:
            yield Point(at=frame.at, values=frame.values)
        elif frame.at == previous.at + GRID_SECONDS:
            ended = dict.fromkeys(previous.values.keys() - frame.values.keys(), STALE)
            yield Point(at=frame.at, values={**ended, **frame.values})
        else:
            # Where the clock was set back there may be a frame at that point already.
            if not previous.followed:
                ended = dict.fromkeys(previous.values, STALE)
                yield Point(at=previous.at + GRID_SECONDS, values=ended)
            yield Point(at=frame.at, values=frame.values)
        previous = frame


def by_series(some: Iterable[Point]) -> dict[Labels, list[tuple[int, float]]]:
    """Samples of each series in the order of the points, with times in milliseconds."""
    found: dict[Labels, list[tuple[int, float]]] = {}
    for point in some:
        for labels, value in point.values.items():
            found.setdefault(labels, []).append((point.at * 1_000, value))
    return found
