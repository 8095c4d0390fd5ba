"""How many bytes the beacon gives and takes: of each address, and of all together.

Addresses are known here alone, in memory, for as long as something of theirs is used up. Nothing
writes them down. Times are those of a clock that is not set.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address, ip_address

DAY_SECONDS = 86_400.0
BURST_SHARE = 1 / 8
"""Of a day's bytes, so much at once."""
MOST_ADDRESSES = 10_000
"""Beyond it the one that asked least lately is forgotten: memory stays bounded."""
MOST_CONNECTIONS = 16
"""Of one address at once: a few probes may be behind one."""
_HOME_BITS = 64


class _Bucket:
    def __init__(self, day_bytes: int, now: float) -> None:
        self._most = day_bytes * BURST_SHARE
        self._rate = day_bytes / DAY_SECONDS
        self._left, self._at = self._most, now

    def left(self, now: float) -> float:
        earned = max(0.0, now - self._at) * self._rate
        self._left, self._at = min(self._most, self._left + earned), now
        return self._left

    def take(self, size: int) -> None:
        """May go below nothing: what is under way is not cut."""
        self._left -= size

    def wait(self, size: int) -> float:
        """Seconds until ``size`` bytes are there, or as many as ever are."""
        return max(0.0, (min(size, self._most) - self._left) / self._rate)


class Rations:
    """Of one beacon: ``each`` bytes a day to an address, ``all_bytes`` to all of them."""

    def __init__(self, each: int, all_bytes: int, now: float) -> None:
        self._each = each
        self._all = _Bucket(all_bytes, now)
        self._of: OrderedDict[str, _Bucket] = OrderedDict()
        self._connections: dict[str, int] = {}

    def wait(self, address: str, size: int, now: float) -> float:
        """Seconds until ``size`` bytes may be moved for ``address``; 0: they may now, and are
        counted. What is larger than is ever there at once may be moved when the bucket is full."""
        own = self._bucket(address, now)
        for bucket in (own, self._all):
            bucket.left(now)
        seconds = max(own.wait(size), self._all.wait(size))
        if seconds <= 0.0:
            self.count(address, size, now)
            return 0.0
        return seconds

    def count(self, address: str, size: int, now: float) -> bool:
        """Take ``size`` bytes that were moved already; whether any are left."""
        own = self._bucket(address, now)
        for bucket in (own, self._all):
            bucket.left(now)
            bucket.take(size)
        return own.left(now) > 0.0 and self._all.left(now) > 0.0

    def enter(self, address: str) -> bool:
        """One more connection; ``False``: there are enough of this address."""
        key = _key(address)
        if self._connections.get(key, 0) >= MOST_CONNECTIONS:
            return False
        self._connections[key] = self._connections.get(key, 0) + 1
        return True

    def leave(self, address: str) -> None:
        """One less."""
        key = _key(address)
        left = self._connections.get(key, 0) - 1
        if left > 0:
            self._connections[key] = left
        else:
            self._connections.pop(key, None)

    def _bucket(self, address: str, now: float) -> _Bucket:
        key = _key(address)
        found = self._of.get(key)
        if found is None:
            found = self._of[key] = _Bucket(self._each, now)
            if len(self._of) > MOST_ADDRESSES:
                self._of.popitem(last=False)
        self._of.move_to_end(key)
        return found


def _key(address: str) -> str:
    """Whose it is: an IPv4 address, or a home's network of IPv6."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return str(int(found) >> _HOME_BITS)
        found = found.ipv4_mapped
    return str(found)
