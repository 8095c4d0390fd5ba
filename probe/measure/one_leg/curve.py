"""The goodput curve of a leg, kept small: its bends are kept, its straights thinned."""

from __future__ import annotations

from collections.abc import Sequence

from probe.model.observation import Sample

MOST_SAMPLES = 64
STALL_SECONDS = 0.05
"""A gap from here on may be a stall: several round trips on a fast line, one on a slow one."""
MOST_STALLS = 15


def thin(samples: Sequence[Sample], most: int = MOST_SAMPLES) -> tuple[Sample, ...]:
    """At most ``most`` (>= 34) of ``samples``, in order.

    Kept are the first, the last, both ends of the longest gaps (up to ``MOST_STALLS`` gaps of at
    least ``STALL_SECONDS``), and of the others every n-th.
    """
    if len(samples) <= most:
        return tuple(samples)
    gaps = sorted(
        (i for i in range(1, len(samples)) if _gap(samples, i) >= STALL_SECONDS),
        key=lambda i: _gap(samples, i),
        reverse=True,
    )
    kept = {0, len(samples) - 1}
    for i in gaps[:MOST_STALLS]:
        kept |= {i - 1, i}
    others = [i for i in range(len(samples)) if i not in kept]
    room = most - len(kept)
    kept |= {others[k * len(others) // room] for k in range(room)}
    return tuple(samples[i] for i in sorted(kept))


def _gap(samples: Sequence[Sample], i: int) -> float:
    return samples[i].seconds - samples[i - 1].seconds
