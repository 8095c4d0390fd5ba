"""Under which kinds of neutral names the server of a suspected target was well: a range of
addresses may be throttled or blocked for all names but those on a list. Pure.

A list of exceptions has names that many use. Under such a name the server is well, as it is where
the platform's name alone is met; an obscure name, which no list has, tells the two apart. So
bursts say an obscure name, and where that is hit as the target is, a famous one.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import Fame

SURE = 2
"""Bursts in which an obscure name was hit, before a range is said: one may be chance."""


class NamesMet(Struct, frozen=True, array_like=True):
    """Bursts in which the server was slow or failed under each kind of name, and in which not."""

    obscure_slow: int = 0
    obscure_fast: int = 0
    famous_slow: int = 0
    famous_fast: int = 0

    def after(self, fame: Fame, *, slow: bool | None) -> NamesMet:
        """After a burst under names of this kind. ``slow``: ``None`` tells nothing."""
        if slow is None:
            return self
        match fame, slow:
            case Fame.OBSCURE, True:
                return replace(self, obscure_slow=self.obscure_slow + 1)
            case Fame.OBSCURE, False:
                return replace(self, obscure_fast=self.obscure_fast + 1)
            case Fame.FAMOUS, True:
                return replace(self, famous_slow=self.famous_slow + 1)
            case Fame.FAMOUS, False:
                return replace(self, famous_fast=self.famous_fast + 1)
            case _:
                return self

    @property
    def obscure_hit(self) -> bool:
        """An obscure name is hit as the target is: it is not the platform's name that matters."""
        return self.obscure_slow > self.obscure_fast

    @property
    def famous_hit(self) -> bool:
        """A famous name is hit, too."""
        return self.famous_slow > self.famous_fast

    @property
    def spares_names(self) -> bool:
        """Obscure names are hit, and famous ones are not, at the same server."""
        sure = self.obscure_hit and self.obscure_slow >= SURE
        return sure and self.famous_fast > self.famous_slow

    def bets(self, fame: Fame) -> bool:
        """Whether a burst under names of this kind is to be evidence against the swap: decided
        before its first packet. Under a name that is known to be hit as well, it can be none."""
        return not (fame is Fame.OBSCURE and self.obscure_hit)

    @property
    def next_fame(self) -> Fame:
        """The kind of name that the next burst says."""
        if not self.obscure_hit or (self.famous_fast and self.obscure_slow < SURE):
            return Fame.OBSCURE
        return Fame.FAMOUS
