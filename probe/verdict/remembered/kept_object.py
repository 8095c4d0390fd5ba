"""Which object a level is of."""

from __future__ import annotations

from msgspec import Struct

from probe.verdict.normal.level import Level

ALIKE = 1.5
"""Reads whose lengths differ by no more than this factor differ by no more in seconds for a byte,
as a longer read takes no less time: that is below every margin."""


class Object(Struct, frozen=True, array_like=True):
    """``host`` is what is connected to, ``size`` the bytes that are read of it (0: a handshake),
    ``candidate`` the mark of which of its target's objects it is (empty: not known)."""

    host: str
    size: int = 0
    candidate: str = ""

    def same(self, other: Object) -> bool:
        """Whether both are one object."""
        if self.host != other.host or bool(self.size) != bool(other.size):
            return False
        if self.candidate and other.candidate and self.candidate != other.candidate:
            return False
        return max(self.size, other.size) <= ALIKE * min(self.size, other.size)


class Kept(Struct, frozen=True, array_like=True):
    """The level of an object that is not measured at the moment."""

    object: Object
    level: Level
