"""A curtain: the sites of one operator alone are slow, frozen or silent on a line."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from probe.model.identity import Family


class CurtainKind(StrEnum):
    """``frozen``: reads stop after some bytes. ``slow``: they take many times as long as those of
    other operators' sites. ``silent``: nobody answers."""

    FROZEN = "frozen"
    SLOW = "slow"
    SILENT = "silent"


class Curtain(Struct, frozen=True, kw_only=True):
    """Of ``operator`` over ``family``, ``since`` (Unix seconds) the first read that showed it,
    ``well_at`` the last one before that was well (0: not known).
    ``sites``: how many of its sites were asked, all of which are so; ``others``: operators whose
    sites are well.
    ``stopped``: the bytes after which reads stop (0: nothing of the body comes, or they do not).
    ``times``: as long as those of the others, beyond what distance explains (``None``: they stop,
    or nobody answers)."""

    operator: str
    kind: CurtainKind
    family: Family = Family.IPV4
    since: float
    sites: int
    others: int
    well_at: float = 0.0
    stopped: int = 0
    times: float | None = None
