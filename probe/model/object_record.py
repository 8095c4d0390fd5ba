"""How it stands with the object of one target: whether it can be read, since when not, and why."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

HOUR_SECONDS = 3_600.0
HOURS = 24
ROT_SECONDS = 6 * HOUR_SECONDS
"""For so long its own server gives nothing to read: outages are mostly shorter, and within a day it
has to be told."""
UNREACHED_SECONDS = 20 * HOUR_SECONDS
"""The same where nobody reaches it, which a restriction may be the cause of as well."""
LEAST_TRIES = 2
"""Reads that have to fail before anything is said: one may be chance."""


class Why(StrEnum):
    """Why nothing could be read: its own server says that the object is not there (``gone``), no
    page leads to one (``no_link``), no resolver knows its name (``no_name``), or no answer came
    that could be trusted (``unreached``)."""

    GONE = "gone"
    NO_LINK = "no_link"
    NO_NAME = "no_name"
    UNREACHED = "unreached"


class ObjectRecord(Struct, frozen=True, kw_only=True):
    """Points in time are Unix seconds.

    ``candidate``: the mark of the object that was asked for last; ``at``: when. ``read_at``: when
    one could be read last (0: never). ``since``: since when nothing can be read (0: it can), in how
    many ``tries``, and ``why`` the last time. ``hours``: of the latest hours (since 1970) in which
    reads were tried, how many were, and how many gave something.
    """

    candidate: str = ""
    at: float = 0.0
    read_at: float = 0.0
    since: float = 0.0
    tries: int = 0
    why: Why | None = None
    hours: tuple[tuple[int, int, int], ...] = ()

    @property
    def unread(self) -> bool:
        """It gives nothing that can be read, and that is no chance."""
        return self.since > 0.0 and self.tries >= LEAST_TRIES

    @property
    def rotten(self) -> bool:
        """For so long that somebody has to look at what the configuration names."""
        limit = UNREACHED_SECONDS if self.why is Why.UNREACHED else ROT_SECONDS
        return self.unread and self.at - self.since >= limit

    def share(self, now: float) -> float | None:
        """Which share of the rounds of the last day that tried to read it could; ``None``: none
        tried."""
        oldest = int(now // HOUR_SECONDS) - HOURS
        tried = sum(n for hour, n, _ in self.hours if hour > oldest)
        gave = sum(n for hour, _, n in self.hours if hour > oldest)
        return gave / tried if tried else None

    def after(self, why: Why | None, candidate: str, at: float) -> ObjectRecord:
        """With one more round, at ``at``, that tried to read it. ``why``: it gave nothing."""
        hour, gave = int(at // HOUR_SECONDS), why is None
        kept = {one: (tried, well) for one, tried, well in self.hours if one > hour - HOURS}
        tried, well = kept.get(hour, (0, 0))
        kept[hour] = (tried + 1, well + gave)
        return ObjectRecord(
            candidate=candidate,
            at=at,
            read_at=at if gave else self.read_at,
            since=0.0 if gave else self.since or at,
            tries=0 if gave else self.tries + 1,
            why=why,
            hours=tuple((one, *found) for one, found in sorted(kept.items()))[-HOURS:],
        )


class NothingRead(Struct, frozen=True, kw_only=True):
    """A target of which nothing can be read, ``since`` when (Unix seconds), and ``why``.

    ``read_at``: when it could be read last (0: never). ``rotten``: for so long that somebody has to
    look at what the configuration names. ``reads``: an object of it is read; else it is only
    reached, and what its server answers is not what is expected.
    """

    target: str
    since: float
    why: Why
    read_at: float = 0.0
    rotten: bool = False
    reads: bool = True
