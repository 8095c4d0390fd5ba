"""How often a host may be asked: a token bucket per vantage and host.

Configuration cannot raise it: a probe must not load a platform, nor be mistaken for an attack.
Loopback and private addresses are exempt, so that a laboratory can go faster.
"""

from __future__ import annotations

from ipaddress import ip_address

from msgspec import Struct

LEGS_PER_HOUR = 30.0
BURST = 30.0
# No answer, forged or wrong, may silence a host for longer than this.
MOST_CLOSED_SECONDS = 86_400.0
_PER_SECOND = LEGS_PER_HOUR / 3600.0


class Bucket(Struct, frozen=True):
    """``tokens`` were left at monotonic time ``at``; none may be taken before ``closed_until``."""

    tokens: float = BURST
    at: float = 0.0
    closed_until: float = 0.0

    def refilled(self, now: float) -> Bucket:
        """The bucket at ``now``."""
        tokens = min(BURST, self.tokens + max(0.0, now - self.at) * _PER_SECOND)
        return Bucket(tokens, max(now, self.at), self.closed_until)

    def has(self, now: float, legs: int = 1) -> bool:
        """Whether ``legs`` legs may be made at ``now``."""
        return now >= self.closed_until and self.refilled(now).tokens >= legs

    def taken(self, now: float) -> Bucket:
        """The bucket after one leg."""
        full = self.refilled(now)
        return Bucket(full.tokens - 1.0, full.at, full.closed_until)

    def closed(self, until: float) -> Bucket:
        """The bucket after the host asked to be left alone (``Retry-After``)."""
        return Bucket(self.tokens, self.at, max(self.closed_until, until))


def is_exempt(address: str | None) -> bool:
    """Loopback, private and link-local addresses have no budget. ``None`` (unknown) has one."""
    if address is None:
        return False
    parsed = ip_address(address)
    return parsed.is_loopback or parsed.is_private or parsed.is_link_local


class HostBudget:
    """The buckets of all vantages and hosts of one daemon."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def has(self, vantage: str, host: str, now: float, legs: int = 1) -> bool:
        """Whether ``legs`` legs to ``host`` may be made."""
        return self._buckets.get((vantage, host), Bucket(at=now)).has(now, legs)

    def take(self, vantage: str, host: str, now: float) -> bool:
        """Take a token; ``False`` when there is none."""
        bucket = self._buckets.get((vantage, host), Bucket(at=now))
        if not bucket.has(now):
            return False
        self._buckets[vantage, host] = bucket.taken(now)
        return True

    def close(self, vantage: str, host: str, now: float, until: float) -> None:
        """Leave ``host`` alone until monotonic time ``until``, for a day at most."""
        until = min(until, now + MOST_CLOSED_SECONDS)
        bucket = self._buckets.get((vantage, host), Bucket(at=now))
        self._buckets[vantage, host] = bucket.closed(until)
