"""How forwarding is doing, for metrics."""

from __future__ import annotations

from msgspec import Struct


class ForwardHealth(Struct, frozen=True, kw_only=True):
    """``trouble`` is why nothing can be sent just now (``""``: nothing is wrong), one of a closed
    set. ``waiting`` frames have not been sent, the oldest of ``oldest_at`` (Unix seconds).
    ``sent`` samples were taken by the receiver since the start, ``refused`` ones never will be."""

    trouble: str = ""
    waiting: int = 0
    oldest_at: float | None = None
    last_sent_at: float | None = None
    sent: int = 0
    refused: tuple[tuple[str, int], ...] = ()
