"""What a hub wishes of each of its vantages: what was set for all, for a country, for one. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import UNSET, Struct, UnsetType

from probe.config.hub_wishes import (
    ExtraRounds,
    HubWishes,
    RestrictedElsewhere,
    WishedSchedule,
    WishedSettings,
)
from probe.hub.enrolled import Enrolled

EVERYBODY = ""
"""For whom settings are that are for all; else a country or a vantage's name."""


class AskedRounds(Struct, frozen=True, kw_only=True):
    """Extra rounds, and the vantages that are asked for them."""

    extra: ExtraRounds
    names: tuple[str, ...]


def wishes_for(
    who: Enrolled,
    settings: Mapping[str, WishedSettings],
    asked: Iterable[AskedRounds],
    now: float,
    restricted: tuple[RestrictedElsewhere, ...] = (),
) -> HubWishes:
    """What is wished of ``who`` at ``now``: what is for one vantage goes before what is for its
    country, and that before what is for all, key by key. ``restricted``: what it is told."""
    schedule: dict[str, float] = {}
    platforms: tuple[str, ...] | UnsetType = UNSET
    for whom in (EVERYBODY, who.place.country, who.name):
        one = settings.get(whom)
        if one is None:
            continue
        if one.schedule is not UNSET:
            schedule |= msgspec.to_builtins(one.schedule)
        if one.platforms is not UNSET:
            platforms = one.platforms
    return HubWishes(
        version=1,
        schedule=msgspec.convert(schedule, WishedSchedule) if schedule else UNSET,
        platforms=platforms,
        extra=tuple(one.extra for one in asked if who.name in one.names and now < one.extra.until),
        restricted=restricted,
    )


def etag_of(body: bytes) -> str:
    """By which a probe asks whether it is still so."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
