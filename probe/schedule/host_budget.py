"""How often a host may be asked: a token bucket per vantage and host.

Configuration cannot raise it: a probe must not load a platform, nor be mistaken for an attack. Nor
can a restart, or another process of the same machine: each says what it has asked, and the buckets
that are kept are lowered by it. Loopback and private addresses are exempt, so that a laboratory can
go faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from msgspec import Struct
from msgspec.structs import replace

from probe.schedule.data_spent import seconds_between

LEGS_PER_HOUR = 30.0
BURST = 30.0
SPARED = 12.0
"""What is left for bursts by legs that only add to a round (``manners.spared``): what two of them
need of one host, with a swap."""
# No answer may silence a host for longer than this: whoever can give one could make a probe blind.
MOST_CLOSED_SECONDS = 3_600.0
# What is kept may be damaged, but never so that a host is not asked for longer than a day.
_MOST_OWED = LEGS_PER_HOUR * 24.0
_PER_SECOND = LEGS_PER_HOUR / 3600.0
HostKey = tuple[str, str]
"""A vantage and a host."""


class Bucket(Struct, frozen=True):
    """``tokens`` were left at monotonic time ``at``. Before ``closed_until`` the host itself is not
    asked; another name at its address is."""

    tokens: float = BURST
    at: float = 0.0
    closed_until: float = 0.0

    def refilled(self, now: float) -> Bucket:
        """The bucket at ``now``."""
        tokens = min(BURST, self.tokens + max(0.0, now - self.at) * _PER_SECOND)
        return Bucket(tokens, max(now, self.at), self.closed_until)

    def has(self, now: float, legs: float = 1) -> bool:
        """Whether there are tokens for ``legs`` legs at ``now``."""
        return self.refilled(now).tokens >= legs

    def taken(self, now: float, legs: int = 1) -> Bucket:
        """The bucket after ``legs`` legs."""
        full = self.refilled(now)
        return Bucket(full.tokens - legs, full.at, full.closed_until)

    def closed(self, until: float) -> Bucket:
        """The bucket after the host asked to be left alone (``Retry-After``)."""
        return Bucket(self.tokens, self.at, max(self.closed_until, until))


class Asked(Struct, frozen=True, kw_only=True):
    """What one process has asked of a host since it last told the others: ``legs``, and for how
    many seconds from now the host is to be left alone."""

    legs: int = 0
    closed_seconds: float = 0.0


class KeptBucket(Struct, frozen=True, kw_only=True):
    """A bucket that all processes of the machine share: ``tokens`` were left, and the host was to
    be left alone for ``closed_seconds`` more, when the wall clock said ``wall`` (Unix seconds)."""

    vantage: str
    host: str
    tokens: float
    closed_seconds: float
    wall: float

    def later(self, wall: float) -> KeptBucket:
        """The bucket when the wall clock says ``wall``. A clock that cannot be believed, or was set
        back, gives nothing away."""
        seconds = seconds_between(self.wall, wall)
        return replace(
            self,
            tokens=min(BURST, max(-_MOST_OWED, self.tokens) + seconds * _PER_SECOND),
            closed_seconds=max(0.0, min(self.closed_seconds, MOST_CLOSED_SECONDS) - seconds),
            wall=wall,
        )


def after_asking(
    kept: Iterable[KeptBucket], asked: Mapping[HostKey, Asked], *, wall: float
) -> tuple[KeptBucket, ...]:
    """The shared buckets after one process has told what it ``asked``. Full ones are left out."""
    after = {(one.vantage, one.host): one.later(wall) for one in kept}
    for (vantage, host), mine in asked.items():
        empty = KeptBucket(vantage=vantage, host=host, tokens=BURST, closed_seconds=0.0, wall=wall)
        one = after.get((vantage, host), empty)
        after[vantage, host] = replace(
            one,
            tokens=one.tokens - mine.legs,
            closed_seconds=max(one.closed_seconds, mine.closed_seconds),
        )
    return tuple(one for one in after.values() if one.tokens < BURST or one.closed_seconds > 0.0)


def is_exempt(address: str | None) -> bool:
    """Loopback, private and link-local addresses have no budget. ``None`` (unknown) has one."""
    if address is None:
        return False
    parsed = ip_address(address)
    return parsed.is_loopback or parsed.is_private or parsed.is_link_local


class HostBudget:
    """The buckets of all vantages and hosts of one process.

    A leg takes its token from the host that it connects to, and is not made while the host that it
    asks (``name``; the same one, if it is not given) wants to be left alone.
    """

    def __init__(self) -> None:
        self._buckets: dict[HostKey, Bucket] = {}
        self._untold: dict[HostKey, int] = {}
        self.closed_since = False
        """Whether a host was closed since ``untold`` was last called."""

    def has(
        self, vantage: str, host: str, now: float, legs: float = 1, *, name: str | None = None
    ) -> bool:
        """Whether ``legs`` legs to ``host`` may be made."""
        if self.closed(vantage, host if name is None else name, now):
            return False
        return self._buckets.get((vantage, host), Bucket(at=now)).has(now, legs)

    def closed(self, vantage: str, name: str, now: float) -> bool:
        """Whether the host that is asked as ``name`` wants to be left alone."""
        asked = self._buckets.get((vantage, name))
        return asked is not None and now < asked.closed_until

    def take(
        self, vantage: str, host: str, now: float, *, name: str | None = None, spare: float = 0.0
    ) -> bool:
        """Take a token; ``False`` when there is none beside those to ``spare``."""
        if not self.has(vantage, host, now, 1 + spare, name=name):
            return False
        bucket = self._buckets.get((vantage, host), Bucket(at=now))
        self._buckets[vantage, host] = bucket.taken(now)
        self._untold[vantage, host] = self._untold.get((vantage, host), 0) + 1
        return True

    def close(self, vantage: str, host: str, now: float, until: float) -> None:
        """Leave ``host`` alone until monotonic time ``until``, for an hour at most."""
        until = min(until, now + MOST_CLOSED_SECONDS)
        bucket = self._buckets.get((vantage, host), Bucket(at=now))
        self._buckets[vantage, host] = bucket.closed(until)
        self.closed_since = True

    def untold(self, now: float) -> dict[HostKey, Asked]:
        """What was asked since this was last called, and which hosts are closed."""
        legs, self._untold, self.closed_since = self._untold, {}, False
        closed = {
            key: bucket.closed_until - now
            for key, bucket in self._buckets.items()
            if bucket.closed_until > now
        }
        return {
            key: Asked(legs=legs.get(key, 0), closed_seconds=closed.get(key, 0.0))
            for key in legs.keys() | closed.keys()
        }

    def not_told(self, asked: Mapping[HostKey, Asked]) -> None:
        """``asked``, from ``untold``, did not reach the others: it is told again, as are hosts that
        are closed in any case."""
        for key, mine in asked.items():
            if mine.legs:
                self._untold[key] = self._untold.get(key, 0) + mine.legs

    def heard(self, kept: Iterable[KeptBucket], now: float) -> None:
        """Take up the shared buckets, which have what was told. What was asked since is off too."""
        for one in kept:
            key = (one.vantage, one.host)
            closed = now + one.closed_seconds if one.closed_seconds > 0.0 else 0.0
            own = self._buckets.get(key, Bucket(at=now))
            shared = Bucket(one.tokens, now, max(own.closed_until, closed))
            self._buckets[key] = shared.taken(now, self._untold.get(key, 0))
