"""How it stands with the bundle of definitions, for metrics and people."""

from __future__ import annotations

from msgspec import Struct


class BundleHealth(Struct, frozen=True, kw_only=True):
    """``version`` and ``expires_at`` (Unix seconds) are those of the bundle in use (``None``: the
    shipped definitions are). ``unusable``: one is installed and cannot be used. ``results`` count
    how looking for a newer one ended. ``refused``: what was found last may not be used (``None``:
    not looked yet); ``waits``: it waits for the operator to agree to its hosts."""

    version: int | None = None
    expires_at: float | None = None
    unusable: bool = False
    results: tuple[tuple[str, int], ...] = ()
    refused: bool | None = None
    waits: bool = False
