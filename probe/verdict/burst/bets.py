"""The randomised order as the null hypothesis.

A burst makes n target and n control legs in an order drawn at random. If the target were no slower
than its margin allows, every assignment of labels to places would have been as likely as the one
that was drawn, whatever the line did meanwhile, autocorrelated or not (Fisher's sharp null). So the
number of pairs in which the target was slower (Mann and Whitney's U, 1947) has the distribution
that counting assignments gives, and a bet on it with expectation one under that distribution is an
e-value (Shafer, "Testing by betting", JRSS A 2021).

Three bettors play: a brave one who expects effects far above the leg's noise, a careful one for
effects of about one and a half times the noise, and one who does not look at how long legs took but
at how many of their segments were missing (``probe/observe/gaps.py``), by the brave one's table.
Their mean, weighted by numbers that were fixed beforehand, is an e-value too. Each plays a CUSUM
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
# The careful one's for six pairs, U = 0 ... 6: of three legs against two.
CAREFUL_OF_SIX = (0.025,) * 3 + (0.2, 0.7, 2.6, 5.5)
# What of a stake each bettor is given: brave, careful, and of gaps. With these, two bursts in which
# every pair is lost still suffice for one address, and four in all, by either witness.
WEIGHTS = (0.4, 0.2, 0.4)


class Wealth(Struct, frozen=True, array_like=True):
    """What the two bettors have won so far in one detector; their mean is its evidence."""

    brave: float = 1.0
    careful: float = 1.0
    gaps: float = 1.0

    @property
    def e_value(self) -> float:
        """The evidence against the null: 1 is none."""
        had = (self.brave, self.careful, self.gaps)
        return sum(weight * has for weight, has in zip(WEIGHTS, had, strict=True))

    @property
    def of_time(self) -> float:
        """The evidence of those who look at how long legs took, alone."""
        brave, careful, _ = WEIGHTS
        return (brave * self.brave + careful * self.careful) / (brave + careful)

    def after(self, wins: int, gap_wins: int | None = None) -> Wealth:
        """After a burst in which the target lost ``wins`` of nine pairs by the time it took, and
        ``gap_wins`` by what was missing (``None``: that cannot be compared, and nobody bets)."""
        gaps = max(1.0, self.gaps) * BRAVE[gap_wins] if gap_wins is not None else self.gaps
        return Wealth(
            max(1.0, self.brave) * BRAVE[wins], max(1.0, self.careful) * CAREFUL[wins], gaps
        )


def wins(slower: Sequence[float], faster: Sequence[float]) -> int:
    """In how many pairs the first was strictly slower. A tie is none; so is a leg that is missing,
    for an unfinished burst must not be better evidence than a finished one."""
    return sum(a > b for a in slower[:EACH] for b in faster[:EACH])
