"""Which platforms read in every round for a while, so that what is wrong is said soon.

A round in three reads; waiting for the next one puts off what is said by a quarter of an hour. So
what is suspected and not proven yet is read in every round; and so is what has just been found
``impaired``, as whether it is so here alone is told by a round that reads after others have looked
(a reference outside, or a platform of another operator). And when something was proven of one
platform, the others of the vantage read once or twice: what hits several of them at once (Pakistan,
January 2024) begins in the same minutes.
"""

from __future__ import annotations

from probe.model.identity import VantagePlatform
from probe.model.verdict import AILING, State, Verdict

# What is neither proven nor gone (or ``impaired`` and no more) after so many light intervals had a
# read in each of them, and may stay for days.
SUSPECTED_INTERVALS = 8.0
# So many light intervals after something was said of one platform the others still read.
NEWS_INTERVALS = 2.0


class Haste:
    """Since when each platform of a vantage is suspected, or impaired, without a break, and when
    something was last proven at each vantage, on a monotonic clock."""

    def __init__(self) -> None:
        self._suspected: dict[VantagePlatform, float] = {}
        self._impaired: dict[VantagePlatform, float] = {}
        self._ailing: set[VantagePlatform] = set()
        self._news: dict[str, float] = {}

    def judged(self, verdict: Verdict, now: float) -> None:
        """What was said at ``now``."""
        slot = (verdict.vantage, verdict.platform)
        if verdict.suspected:
            self._suspected.setdefault(slot, now)
        else:
            self._suspected.pop(slot, None)
        if verdict.state is State.IMPAIRED:
            self._impaired.setdefault(slot, now)
        else:
            self._impaired.pop(slot, None)
        if verdict.state not in AILING:
            self._ailing.discard(slot)
        elif slot not in self._ailing:
            self._ailing.add(slot)
            self._news[verdict.vantage] = now

    def of(self, vantage: str, platform: str, now: float, light_seconds: float) -> bool:
        """Whether every round of it should read; ``light_seconds``: from one round to the next."""
        slot = (vantage, platform)
        if (since := self._suspected.get(slot, self._impaired.get(slot))) is not None:
            return now - since < SUSPECTED_INTERVALS * light_seconds
        news = self._news.get(vantage)
        return (
            news is not None
            and slot not in self._ailing
            and now - news < NEWS_INTERVALS * light_seconds
        )
