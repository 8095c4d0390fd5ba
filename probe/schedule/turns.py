"""Address families take turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from probe.model.identity import Family, RoundKind
from probe.schedule.round_grid import Slot


class Turns:
    """Whose turn it is, in each slot and each kind of round for itself: light rounds and transfers
    alternate themselves, so that one family would get all of either."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[str, str, RoundKind]] = Counter()

    def next(self, families: Sequence[Family], slot: Slot, kind: RoundKind) -> Family:
        """The family of the round that is made now."""
        key = (slot.vantage, slot.platform, kind)
        turn = self._taken[key]
        self._taken[key] += 1
        return families[turn % len(families)]
