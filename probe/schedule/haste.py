"""Which platforms are read in every round for a while, and which are looked at at once, so that
what is wrong is said soon.

A round in three reads; waiting for the next one puts off what is said by a quarter of an hour. So
what is suspected and not proven yet, or is slow and could not be proven so far, is read in every
round; and so is what has just been found ``impaired``, as whether it is so here alone is told by a
round that reads after others have looked (a reference outside, or a platform of another operator).
A light round that leaves a suspicion behind is followed by one that reads at once.

What hits several platforms at once (Pakistan, January 2024) begins in the same minutes: when bursts
bear out a suspicion of one platform, or something is proven of it, the others of the vantage are
looked at at once, and read once or twice. Chance alone bears out one suspicion in a hundred, so
calm days stay as they are. And what is borne out and waits for its second round has that as soon as
something was proven of another platform.
"""

from __future__ import annotations

from msgspec import Struct

from probe.model.identity import VantagePlatform
from probe.model.verdict import AILING, UNPROVEN, State, Verdict

# What is neither proven nor gone after so many light intervals had a read in each of them, and may
# stay for days.
SUSPECTED_INTERVALS = 8.0
# Others have looked by then (a reference reads three times an hour); a host's 30 legs an hour are
# wanted for the bursts that find the end of it.
IMPAIRED_INTERVALS = 4.0
# So many light intervals after something was said of one platform the others still read.
NEWS_INTERVALS = 2.0
# The evidence (an e-value) from which on a suspicion is news: two bursts that are all won.
NEWS_EVIDENCE = 100.0
# Two rounds that prove something are not so close that one passing trouble meets both: so much of
# the light interval is between them at least.
APART_SHARE = 0.2


class _Found(Struct, frozen=True):
    """What is ``impaired``, or restricted, since ``onset`` (Unix seconds): when that was found."""

    onset: float
    at: float
    impaired: bool


class Haste:
    """Since when each platform of a vantage is suspected, or impaired, without a break, when each
    was last looked at, and when each vantage last had news, on a monotonic clock."""

    def __init__(self) -> None:
        self._suspected: dict[VantagePlatform, float] = {}
        # By its onset: what is said again since the same onset is no news, whatever was said of a
        # few rounds between.
        self._found: dict[VantagePlatform, _Found] = {}
        self._unread: set[VantagePlatform] = set()
        self._ailing: set[VantagePlatform] = set()
        self._proven: set[VantagePlatform] = set()
        self._began: dict[VantagePlatform, float] = {}
        self._looked: dict[VantagePlatform, float] = {}
        self._news: dict[str, float] = {}
        self._proof: dict[str, float] = {}

    def looked(self, vantage: str, platform: str, now: float) -> None:
        """A round was due at ``now``, whether or not it may be made."""
        self._began[vantage, platform] = self._looked[vantage, platform] = now
        self._unread.discard((vantage, platform))

    def judged(self, verdict: Verdict, now: float, *, light: bool) -> None:
        """What was said at ``now``; ``light``: of a light round."""
        slot = (verdict.vantage, verdict.platform)
        self._looked[slot] = now
        if verdict.state is State.UNKNOWN and verdict.reason in UNPROVEN:
            if light and slot not in self._suspected:
                self._unread.add(slot)
            self._suspected.setdefault(slot, now)
        else:
            self._suspected.pop(slot, None)
            self._unread.discard(slot)
        proven, known = verdict.state in AILING, self._found.get(slot)
        again = proven and known is not None and known.onset == verdict.since
        if proven and not again:
            self._found[slot] = _Found(verdict.since, now, verdict.state is State.IMPAIRED)
        borne_out = verdict.suspected and (verdict.e_value or 0.0) >= NEWS_EVIDENCE
        if proven and not again and slot not in self._proven:
            self._proof[verdict.vantage] = now
        if (proven or borne_out) and not again and slot not in self._ailing:
            self._news[verdict.vantage] = now
        for among, holds in ((self._proven, proven), (self._ailing, proven or borne_out)):
            (among.add if holds else among.discard)(slot)

    def of(self, vantage: str, platform: str, now: float, light_seconds: float) -> bool:
        """Whether every round of it should read; ``light_seconds``: from one round to the next."""
        slot = (vantage, platform)
        if (since := self._suspected.get(slot)) is not None:
            return now - since < SUSPECTED_INTERVALS * light_seconds
        known = self._found.get(slot)
        if slot in self._proven and known is not None and known.impaired:
            return now - known.at < IMPAIRED_INTERVALS * light_seconds
        return slot not in self._ailing and self._has_news(vantage, now, light_seconds)

    def at_once(self, vantage: str, platform: str, now: float, light_seconds: float) -> bool:
        """Whether it should be looked at now, not at its next place on the grid: a light round of
        it left a suspicion behind; or it is borne out and something was proven of another platform
        of the vantage since its round began; or nothing is known against it and another had news
        since it was looked at last."""
        slot = (vantage, platform)
        if slot in self._suspected:
            began = self._began.get(slot, now)
            waits = slot in self._ailing and began < self._proof.get(vantage, began)
            return slot in self._unread or (waits and now - began >= APART_SHARE * light_seconds)
        return (
            slot not in self._ailing
            and self._has_news(vantage, now, light_seconds)
            and self._looked.get(slot, now) < self._news[vantage]
        )

    def _has_news(self, vantage: str, now: float, light_seconds: float) -> bool:
        news = self._news.get(vantage)
        return news is not None and now - news < NEWS_INTERVALS * light_seconds
