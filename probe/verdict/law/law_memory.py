"""What is kept of the experiments on one throttle."""

from __future__ import annotations

from msgspec import Struct

from probe.model.law import TriedRead
from probe.model.verdict import Verdict


class LawMemory(Struct, frozen=True, kw_only=True):
    """What experiments have shown of a throttle that is proven since ``onset`` (Unix seconds):
    their ``reads`` of the last day, when each was ``made``, and what was ``said`` last."""

    onset: float
    reads: tuple[TriedRead, ...] = ()
    made: tuple[float, ...] = ()
    said: Verdict | None = None
