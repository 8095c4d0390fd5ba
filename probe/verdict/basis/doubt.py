"""Whether what a proof rests on still speaks for it. Pure.

A target may stay slow, or silent, when what was proven is over: its own servers are, by then. An
accusation that rests on what others see needs a mark of the way (``way_marks.py``): it is gone
where the restriction was lifted, and comes where a mild one, which leaves none, becomes hard. One
that rests on its swap needs a swap that is well. A single leg tells little, and so does an ordinary
round's swap where some names are met as well; it is a reason to look with a burst.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from probe.observe.effort import SILENCES
from probe.verdict.basis.way_marks import MarksSeen

LOOK = 2
"""After so many rounds in a row that show it otherwise a burst looks. Ours."""
ROUNDS = 3
"""So many end it where rounds suffice: a swap is slow by chance now and then. Ours."""
BURSTS = 2
"""So many bursts in a row that show it otherwise end it. Ours."""
REST = 2
"""After a burst that does not so many rounds more pass before the next one looks: what delays shows
itself in bursts alone, and each costs data. Ours."""


class Doubt(Struct, frozen=True, array_like=True):
    """``rounds`` in a row (less than zero: it rests), and ``bursts`` in a row, that show otherwise
    than it was proven what the proof rests on."""

    rounds: int = 0
    bursts: int = 0

    @property
    def look(self) -> bool:
        """A burst should look."""
        return self.rounds >= LOOK

    @property
    def by_rounds(self) -> bool:
        """Rounds have shown it."""
        return self.rounds >= ROUNDS

    @property
    def by_bursts(self) -> bool:
        """Bursts have."""
        return self.look and self.bursts >= BURSTS

    def after_round(self, otherwise: bool | None) -> Doubt:
        """After an ordinary round; ``None``: it says nothing."""
        if otherwise is None:
            return self
        return Doubt(self.rounds + 1, self.bursts) if otherwise else Doubt(min(self.rounds, 0))

    def after_burst(self, otherwise: bool | None) -> Doubt:
        """After a burst that looked."""
        if otherwise is None:
            return self
        return Doubt(self.rounds, self.bursts + 1) if otherwise else Doubt(-REST)


def lost_more(seen: MarksSeen | None) -> bool | None:
    """A leg of an ordinary round lost more than most controls did; ``None``: nobody knows."""
    return None if seen is None else 2 * seen.lost > seen.lost_of


def marked(seen: MarksSeen | None, failures: Sequence[str]) -> bool | None:
    """The way did it, for all that a burst shows whose legs failed so; ``None``: that cannot be
    known."""
    if failures and not (SILENCES.issuperset(failures) and seen is not None and seen.there):
        return True
    if seen is None or (not seen.late_of and not failures):
        return None
    return 2 * seen.lost > seen.lost_of or 2 * seen.late > seen.late_of or seen.stopped
