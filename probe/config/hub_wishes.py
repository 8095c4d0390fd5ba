"""What a hub wishes of a probe, and what becomes of it here: no more than the operator's own file
lets the hub set (``hub.may_set``). Pure.

A hub is believed no more than a stranger. It may change how often is measured, within bounds and
budgets; leave platforms out; and ask for a few rounds now. It names no host, key, file or vantage,
so whatever it says, nobody is contacted who is not listed by ``throttlewatch platforms``. Beside
its wishes it tells what it has released of other networks, which sets nothing here and is said with
its source (``restricted``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from probe.config.schema import Config, HubConfig, MaySet, ScheduleConfig, TargetsConfig
from probe.config.values import Name, Seconds

WISHES_PATH = "/api/v1/wishes"
BUNDLE_PATH = "/api/v1/bundle"
MOST_BYTES = 16_384
"""Of what a hub says: some hundred are usual."""
MOST_ROUNDS = 6
MOST_RESTRICTED = 64
_Unset = UnsetType


class WishedSchedule(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Seconds from one round to the next, by kind; what is not set stays as it is here. The bounds
    are ours: as often as hosts' budgets bear, and as seldom as still says anything of a day."""

    light: Annotated[float, Meta(ge=60.0, le=3_600.0)] | _Unset = UNSET
    transfer: Annotated[float, Meta(ge=300.0, le=21_600.0)] | _Unset = UNSET
    long: Annotated[float, Meta(ge=14_400.0, le=604_800.0)] | _Unset = UNSET


class ExtraRounds(Struct, frozen=True, kw_only=True):
    """So many rounds of a platform now, not after ``until`` (Unix seconds). Each ``id`` once."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9]{8,32}\Z")]
    platform: Name
    rounds: Annotated[int, Meta(ge=1, le=MOST_ROUNDS)]
    until: Annotated[float, Meta(ge=0.0, le=1e11)]


class WishedSettings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be set; what is not there stays as it is."""

    schedule: WishedSchedule | _Unset = UNSET
    platforms: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)] | _Unset = UNSET


class RestrictedElsewhere(Struct, frozen=True, kw_only=True):
    """A platform that is restricted in so many other networks of the probe's country, since then
    (Unix seconds), and still is. No wish: nothing is set by it."""

    platform: Name
    networks: Annotated[int, Meta(ge=1, le=100_000)]
    since: Annotated[float, Meta(ge=0.0, le=1e11)]


class HubWishes(WishedSettings, frozen=True, kw_only=True, omit_defaults=True):
    """The document. Of a later version nothing is taken."""

    version: Literal[1]
    extra: Annotated[tuple[ExtraRounds, ...], Meta(max_length=16)] = ()
    restricted: Annotated[tuple[RestrictedElsewhere, ...], Meta(max_length=MOST_RESTRICTED)] = ()


class WishRefusal(StrEnum):
    """Why a part of it is not heeded."""

    SCHEDULE_NOT_ALLOWED = "schedule: not allowed"
    SCHEDULE_NOT_RISING = "schedule: a longer round more often than a shorter one"
    PLATFORMS_NOT_ALLOWED = "platforms: not allowed"
    PLATFORMS_NOT_OURS = "platforms: one that the own file does not name"
    ROUNDS_NOT_ALLOWED = "rounds: not allowed"
    ROUNDS_NOT_OURS = "rounds: of a platform that is not measured here"


class Heeded(Struct, frozen=True, kw_only=True):
    """The configuration with what may be set, the extra rounds that may be made, and what was
    refused."""

    config: Config
    extra: tuple[ExtraRounds, ...] = ()
    refused: tuple[WishRefusal, ...] = ()


def from_hub(targets: TargetsConfig, hub: HubConfig) -> TargetsConfig:
    """Where bundles are looked for: at the hub, if that may be and nowhere else is named; then by
    its way, and with its certificates, unless they have their own."""
    if hub.url is None or targets.url is not None or MaySet.TARGETS not in hub.may_set:
        return targets
    return structs.replace(
        targets,
        url=hub.url.rstrip("/") + BUNDLE_PATH,
        vantage=targets.vantage or hub.vantage,
        ca_file=targets.ca_file or hub.ca_file,
    )


def heeded(config: Config, wishes: HubWishes) -> Heeded:
    """What becomes of ``wishes`` where ``config`` is the operator's own."""
    may, refused = config.settings.hub.may_set, list[WishRefusal]()
    if wishes.platforms is not UNSET:
        ours = [one.name for one in config.platforms]
        if MaySet.PLATFORMS not in may:
            refused.append(WishRefusal.PLATFORMS_NOT_ALLOWED)
        elif not set(wishes.platforms) <= set(ours):
            refused.append(WishRefusal.PLATFORMS_NOT_OURS)
        else:
            config = _with_platforms(config, frozenset(wishes.platforms))
    if wishes.schedule is not UNSET:
        schedule = _scheduled(config.settings.schedule, wishes.schedule)
        if MaySet.SCHEDULE not in may:
            refused.append(WishRefusal.SCHEDULE_NOT_ALLOWED)
        elif not schedule.light <= schedule.transfer <= schedule.long:
            refused.append(WishRefusal.SCHEDULE_NOT_RISING)
        else:
            settings = structs.replace(config.settings, schedule=schedule)
            config = structs.replace(config, settings=settings)
    measured = {one.name for one in config.platforms}
    extra = tuple(one for one in wishes.extra if one.platform in measured)
    if wishes.extra and MaySet.ROUNDS not in may:
        extra = ()
        refused.append(WishRefusal.ROUNDS_NOT_ALLOWED)
    elif len(extra) < len(wishes.extra):
        refused.append(WishRefusal.ROUNDS_NOT_OURS)
    return Heeded(config=config, extra=extra, refused=tuple(refused))


def _with_platforms(config: Config, names: frozenset[str]) -> Config:
    settings = structs.replace(
        config.settings, platforms=tuple(n for n in config.settings.platforms if n in names)
    )
    kept = tuple(one for one in config.platforms if one.name in names)
    return structs.replace(config, settings=settings, platforms=kept)


def _scheduled(own: ScheduleConfig, wished: WishedSchedule) -> ScheduleConfig:
    """Budgets, quiet hours and jitter stay the operator's."""
    said = {key: getattr(wished, key) for key in ("light", "transfer", "long")}
    return structs.replace(
        own, **{key: Seconds(value) for key, value in said.items() if value is not UNSET}
    )
