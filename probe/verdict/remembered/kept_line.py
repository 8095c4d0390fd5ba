"""What was normal on a line that is not the one that is measured now."""

from __future__ import annotations

from msgspec import Struct

from probe.verdict.normal.level import Level
from probe.verdict.remembered.kept_object import Kept, Object
from probe.verdict.remembered.keys import FamilyKey, MeasureKey, SeriesKey
from probe.verdict.suspected.often import Share


class OfLine(Struct, frozen=True, kw_only=True):
    """What was true of one platform on it; each as in ``PlatformMemory``."""

    began_at: float = 0.0
    swap_well_at: float = 0.0
    places: dict[FamilyKey, tuple[str, ...]] = {}
    shares: dict[MeasureKey, Share] = {}


class KeptLine(Struct, frozen=True, kw_only=True):
    """One line. ``left_at``: the last round in which it was taken for the one that is measured
    (Unix seconds). ``alike``: rounds in a row, up to the latest, that were as on it. The rest is as
    in ``Memory`` then."""

    left_at: float
    levels: dict[SeriesKey, Level]
    objects: dict[SeriesKey, Object]
    shelf: dict[SeriesKey, tuple[Kept, ...]]
    platforms: dict[str, OfLine]
    alike: int = 0
