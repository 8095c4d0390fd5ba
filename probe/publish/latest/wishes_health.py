"""How it stands with what a hub wishes, for metrics."""

from __future__ import annotations

from msgspec import Struct


class WishesHealth(Struct, frozen=True, kw_only=True):
    """``results`` count how asking the hub ended. ``refused``: what it said last, or a part of it,
    is not used."""

    results: tuple[tuple[str, int], ...] = ()
    refused: bool = False
