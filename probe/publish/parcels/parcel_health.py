"""How sending rounds to a hub goes, for metrics."""

from __future__ import annotations

from msgspec import Struct


class ParcelHealth(Struct, frozen=True, kw_only=True):
    """``trouble``: why nothing is sent just now (``""``: nothing is wrong). ``results`` count how
    parcels ended, ``sent`` the rounds that the hub has since the start, ``left_out`` those that it
    did not want. ``waiting`` have not been sent yet."""

    trouble: str = ""
    results: tuple[tuple[str, int], ...] = ()
    sent: int = 0
    left_out: int = 0
    waiting: int = 0
