"""How it stands with the controls that a probe has drawn."""

from __future__ import annotations

from msgspec import Struct


class ControlHealth(Struct, frozen=True):
    """``replaced``: how many controls were in the last week, as they did not serve here; ``held``:
    more do not, and are kept all the same, as so many were replaced already."""

    replaced: int = 0
    held: bool = False
