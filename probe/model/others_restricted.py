"""That others were under a proven restriction of a platform while something was learnt here."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ToldBy(StrEnum):
    """Who says so: ``own``, the verdicts of this daemon's other vantages; ``hub``, the findings
    that the fleet's hub has released."""

    OWN = "own"
    HUB = "hub"


class OthersRestricted(Struct, frozen=True, kw_only=True):
    """At other vantages of this country a platform is proven to be throttled or blocked.

    ``networks``: in how many networks. ``since``: the earliest onset, ``until``: when it was so
    last (Unix seconds; ``None``: it still is). What was normal before nobody here knows, so what is
    learnt meanwhile may be slow itself. It says nothing of this vantage, and no verdict's state
    rests on it.
    """

    networks: int
    since: float
    told_by: ToldBy
    until: float | None = None

    def with_others(self, other: OthersRestricted | None) -> OthersRestricted:
        """Both: of the time of both, and the most networks, with who says so."""
        if other is None:
            return self
        most = max(other, self, key=lambda one: one.networks)
        ends = [one.until for one in (self, other) if one.until is not None]
        return OthersRestricted(
            networks=most.networks,
            since=min(self.since, other.since),
            told_by=most.told_by,
            until=max(ends) if len(ends) == 2 else None,
        )
