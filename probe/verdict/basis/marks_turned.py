"""Whether the marks of the way on a slow target are otherwise than when it was proven. Pure.

An accusation that rests on what others see needs a mark of the way (``way_marks.py``). Where the
restriction is lifted, and the platform's own servers near here are slow or silent meanwhile, the
target stays slow and the mark is gone. And where only a hard restriction leaves one, it comes when
a mild one becomes hard. A single leg tells little; it is a reason to look with a burst, and bursts
decide.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from probe.observe.effort import SILENCES
from probe.verdict.basis.way_marks import MarksSeen

LOOK = 2
"""After so many rounds in a row that show it otherwise a burst looks. Ours."""
BURSTS = 2
"""So many bursts in a row that show it otherwise end what was proven. Ours."""
REST = 4
"""After a burst that does not so many rounds more pass before the next one looks: what delays shows
itself in bursts alone, and each costs data. Ours."""


class MarksTurned(Struct, frozen=True, array_like=True):
    """``rounds`` in a row (less than zero: it rests), and ``bursts`` in a row, that show marks and
    were proven without, or none and were proven with them."""

    rounds: int = 0
    bursts: int = 0

    @property
    def look(self) -> bool:
        """A burst should look."""
        return self.rounds >= LOOK

    @property
    def shown(self) -> bool:
        """Bursts have shown it."""
        return self.look and self.bursts >= BURSTS

    def after_round(self, seen: MarksSeen | None, *, marked: bool) -> MarksTurned:
        """After an ordinary round in which it was slow or silent; ``marked``: as it was proven."""
        if seen is None:
            return self
        if (2 * seen.lost > seen.lost_of) is marked:
            return MarksTurned()
        return MarksTurned(self.rounds + 1, self.bursts)

    def after_burst(
        self, seen: MarksSeen | None, failures: Sequence[str], *, marked: bool
    ) -> MarksTurned:
        """After a burst that looked; ``failures``: how its legs failed."""
        now = _marked(seen, failures)
        if now is None:
            return self
        return MarksTurned(-REST) if now is marked else MarksTurned(self.rounds, self.bursts + 1)


def _marked(seen: MarksSeen | None, failures: Sequence[str]) -> bool | None:
    """The way did it, for all that a burst shows; ``None``: that cannot be known."""
    if failures and not (SILENCES.issuperset(failures) and seen is not None and seen.there):
        return True
    if seen is None or (not seen.late_of and not failures):
        return None
    return 2 * seen.lost > seen.lost_of or 2 * seen.late > seen.late_of or seen.stopped
