"""How the cache that a platform sends its viewers here to was, in one round."""

from __future__ import annotations

from msgspec import Struct

from probe.model.identity import Family


class ViewersCache(Struct, frozen=True, kw_only=True):
    """Of ``target`` over ``family`` in a round that began ``at`` (Unix seconds).

    ``reads``: a body was compared; else the handshake alone. ``times``: as long as is normal for it
    beside the controls of that round, beyond what its distance explains (``None``: it failed).
    ``slowed``: that is more than the margin, or it failed (``failure``: ``phase/reason``).
    ``seconds``: of its handshake, ``swap_seconds``: of that under a neutral name at the same cache
    (``None``: there was none).
    """

    target: str
    at: float
    family: Family = Family.IPV4
    reads: bool = False
    slowed: bool = False
    failure: str = ""
    times: float | None = None
    seconds: float | None = None
    swap_seconds: float | None = None
