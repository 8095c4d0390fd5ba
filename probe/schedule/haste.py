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

from enum import StrEnum

from msgspec import Struct

from probe.model.identity import VantagePlatform
from probe.model.verdict import AILING, UNPROVEN, State, Verdict

# The evidence (an e-value) from which on a suspicion is news: two bursts that are all won.
NEWS_EVIDENCE = 100.0
# Two rounds that prove something are not so close that one passing trouble meets both: so much of
# the light interval is between them at least.
APART_SHARE = 0.2
# Between rounds that somebody asked for there is as much, and no more than this: who waits for the
# answer waits for minutes.
WISHED_APART_SECONDS = 60.0


class HasteOf(StrEnum):
    """How a platform of a vantage stands, as far as haste goes."""

    SUSPECTED = "suspected"
    IMPAIRED = "impaired"
    BESIDE = "beside"
    WISHED = "wished"


class HasteRow(Struct, frozen=True, kw_only=True):
    """While a platform stands so, every round of it reads for ``intervals`` light intervals since
    ``since``; ``at_once``: when it is looked at without waiting for its place on the grid."""

    standing: HasteOf
    since: str
    intervals: float
    at_once: str


TABLE: tuple[HasteRow, ...] = (
    # What is neither proven nor gone by then may stay for days.
    HasteRow(
        standing=HasteOf.SUSPECTED,
        since="it is suspected, or slow and not proven, without a break",
        intervals=8.0,
        at_once="a light round left the suspicion behind; or it is borne out, something was proven "
        "of another platform since its round began, and a fifth of an interval has passed",
    ),
    # Others have looked by then (a reference reads three times an hour); a host's 30 legs an hour
    # are wanted for the bursts that find the end of it.
    HasteRow(
        standing=HasteOf.IMPAIRED,
        since="it was found impaired, for the first time since its onset",
        intervals=4.0,
        at_once="never",
    ),
    HasteRow(
        standing=HasteOf.BESIDE,
        since="another platform was borne out or proven, and nothing is known against this one",
        intervals=2.0,
        at_once="it was not looked at since",
    ),
    # Six rounds at most, a fifth of an interval apart, and some that wait for their line.
    HasteRow(
        standing=HasteOf.WISHED,
        since="the fleet's hub asked for some rounds now, and these are not made yet",
        intervals=3.0,
        at_once="a fifth of an interval, or a minute, has passed since it was last looked at",
    ),
)
INTERVALS = {row.standing: row.intervals for row in TABLE}


class _Found(Struct, frozen=True):
    """What is ``impaired``, or restricted, since ``onset`` (Unix seconds): when that was found."""

    onset: float
    at: float
    impaired: bool


class _Wished(Struct, frozen=True):
    """So many rounds were asked for ``at``."""

    rounds: int
    at: float


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
        self._wished: dict[VantagePlatform, _Wished] = {}

    def looked(self, vantage: str, platform: str, now: float) -> None:
        """A round was due at ``now``, whether or not it may be made."""
        self._began[vantage, platform] = self._looked[vantage, platform] = now
        self._unread.discard((vantage, platform))
        if (wish := self._wished.pop((vantage, platform), None)) and wish.rounds > 1:
            self._wished[vantage, platform] = _Wished(wish.rounds - 1, wish.at)

    def wished(self, vantage: str, platform: str, rounds: int, now: float) -> None:
        """Somebody who may asked at ``now`` for so many rounds."""
        self._wished[vantage, platform] = _Wished(rounds, now)

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
        if self._is_wished(vantage, platform, now, light_seconds):
            return True
        standing, since = self._standing(vantage, platform)
        return standing is not None and now - since < INTERVALS[standing] * light_seconds

    def at_once(self, vantage: str, platform: str, now: float, light_seconds: float) -> bool:
        """Whether it should be looked at now, not at its next place on the grid."""
        slot, (standing, since) = (vantage, platform), self._standing(vantage, platform)
        apart = min(APART_SHARE * light_seconds, WISHED_APART_SECONDS)
        if self._is_wished(vantage, platform, now, light_seconds) and (
            slot not in self._looked or now - self._looked[slot] >= apart
        ):
            return True
        if standing is HasteOf.SUSPECTED:
            began = self._began.get(slot, now)
            waits = slot in self._ailing and began < self._proof.get(vantage, began)
            return slot in self._unread or (waits and now - began >= APART_SHARE * light_seconds)
        if standing is HasteOf.BESIDE:
            fresh = now - since < INTERVALS[standing] * light_seconds
            return fresh and self._looked.get(slot, now) < since
        return False

    def _is_wished(self, vantage: str, platform: str, now: float, light_seconds: float) -> bool:
        wish = self._wished.get((vantage, platform))
        return wish is not None and now - wish.at < INTERVALS[HasteOf.WISHED] * light_seconds

    def _standing(self, vantage: str, platform: str) -> tuple[HasteOf | None, float]:
        """How it stands, and since when."""
        slot = (vantage, platform)
        if (since := self._suspected.get(slot)) is not None:
            return HasteOf.SUSPECTED, since
        known = self._found.get(slot)
        if slot in self._proven and known is not None and known.impaired:
            return HasteOf.IMPAIRED, known.at
        if slot not in self._ailing and (news := self._news.get(vantage)) is not None:
            return HasteOf.BESIDE, news
        return None, 0.0
