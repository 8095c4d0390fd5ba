"""The randomised order as the null hypothesis.

A burst makes n target and n control legs in an order drawn at random. If the target were no slower
than its margin allows, every assignment of labels to places would have been as likely as the one
that was drawn, whatever the line did meanwhile, autocorrelated or not (Fisher's sharp null). So the
number of pairs in which the target was slower (Mann and Whitney's U, 1947) has the distribution
that counting assignments gives, and a bet on it with expectation one under that distribution is an
e-value (Shafer, "Testing by betting", JRSS A 2021).

Two bettors play: a brave one who expects effects far above the leg's noise, and a careful one for
effects of about one and a half times the noise. Their mean is an e-value too. Each plays a CUSUM
e-detector: what it has is never less than one before the next bet (Shin, Ramdas, Rinaldo,
arXiv:2203.03532, section 2.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

EACH = 3
# What a stake of one becomes, for U = 0 ... 9; each row has expectation one (a test holds that).
BRAVE = (0.01 / 0.65,) * 6 + (0.1, 0.5, 2.5, 16.0)
CAREFUL = (0.0125 / 0.35,) * 4 + (0.1, 0.25, 0.7, 1.8, 4.0, 9.0)


class Wealth(Struct, frozen=True, array_like=True):
    """What the two bettors have."""

    brave: float = 1.0
    careful: float = 1.0

    @property
    def e_value(self) -> float:
        """The evidence against the null: 1 is none."""
        return (self.brave + self.careful) / 2.0

    def after(self, wins: int) -> Wealth:
        """After a burst in which the target won ``wins`` of nine pairs."""
        return Wealth(max(1.0, self.brave) * BRAVE[wins], max(1.0, self.careful) * CAREFUL[wins])


def wins(slower: Sequence[float], faster: Sequence[float]) -> int:
    """In how many pairs the first was strictly slower. A tie is none; so is a leg that is missing,
    for an unfinished burst must not be better evidence than a finished one."""
    return sum(a > b for a in slower[:EACH] for b in faster[:EACH])
