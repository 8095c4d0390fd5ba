"""How the probes of a fleet are: who is silent, whose clock is wrong, what else needs a hand. Pure.

What a probe says of itself is believed of nobody else, and shown only where it is a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from probe.hub.engine_query import RecordedSeries
from probe.hub.enrolled import ArchivedRounds, Enrolled, VantageHeard
from probe.model.identity import Access, Role
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_bundle as names_bundle
from probe.publish.metrics import metric_names_data as names_data
from probe.publish.metrics import metric_names_line as names_line
from probe.publish.metrics import metric_names_store as names_store
from probe.publish.metrics import metric_names_target as names_target
from probe.publish.rules.upkeep_alerts import (
    BACKLOG_SECONDS,
    CLOCK_SECONDS,
    LITTLE_DATA,
    NEARLY_FULL,
    NOT_HEARD_SECONDS,
)

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]{0,79}")
_NUMBERS = (
    names.BUILD_INFO,
    names.RELOAD_SUCCESS,
    names_bundle.REFUSED,
    names_bundle.USABLE,
    names_data.BUDGET,
    names_data.LEFT,
    names_line.TUNNEL,
    names_store.STORE_BYTES,
    names_store.STORE_WRITABLE,
    names_store.FORWARD_WAITING,
)
# One question, whose answer grows with the vantages and not with their targets.
HEALTH_QUERY = (
    f'{{__name__=~"{"|".join(spec.name for spec in _NUMBERS)}", instance!=""}}\n'
    f"or {names_target.ROTTEN.name} == 1"
)


class HealthTrouble(StrEnum):
    """What needs a hand, the gravest first."""

    SILENT = "silent"
    NEVER_HEARD = "never_heard"
    TUNNEL = "tunnel"
    CLOCK = "clock"
    BACKLOG = "backlog"
    DISK = "disk"
    CONFIGURATION = "configuration"
    BUNDLE = "bundle"
    ROOM = "room"
    DATA = "data"
    ROTTEN = "rotten"
    VERSION = "version"


class VantageHealth(Struct, frozen=True, kw_only=True):
    """How one is. Times are Unix seconds; ``None``: not known, and for ``heard_at``: never heard.

    ``newest_at`` is of when its newest sample is, by its own clock, which is ``ahead_seconds``
    ahead. ``waiting``: points of a minute that were not sent yet. ``data_left``: the share of its
    monthly data that it may still use. ``archived``: what is kept of its rounds.
    """

    name: str
    country: str
    asn: int | None
    access: Access
    role: Role
    joined: float
    troubles: tuple[HealthTrouble, ...]
    heard_at: float | None = None
    newest_at: float | None = None
    ahead_seconds: float | None = None
    version: str | None = None
    history_bytes: float | None = None
    waiting: float | None = None
    data_left: float | None = None
    tunnel: bool | None = None
    rotten: tuple[str, ...] = ()
    archived: ArchivedRounds | None = None

    @property
    def mute(self) -> bool:
        """Whether it is not heard."""
        return bool({HealthTrouble.SILENT, HealthTrouble.NEVER_HEARD} & set(self.troubles))


class FleetHealth(Struct, frozen=True, kw_only=True):
    """How all are that take part, those with troubles first. ``engine``: whether it was asked."""

    at: float
    engine: bool
    vantages: tuple[VantageHealth, ...]

    @property
    def silent(self) -> int:
        """How many are not heard."""
        return sum(one.mute for one in self.vantages)

    @property
    def blind(self) -> bool:
        """Whether there are references, and none is heard."""
        abroad = [one for one in self.vantages if one.role is Role.REFERENCE]
        return bool(abroad) and all(one.mute for one in abroad)


class _Said(Struct, kw_only=True):
    """What one says of itself."""

    version: str | None = None
    rotten: list[str] = []
    numbers: dict[str, float] = {}


def fleet_health(
    members: Iterable[Enrolled],
    heard: Mapping[str, VantageHeard],
    series: Iterable[RecordedSeries] | None,
    now: float,
    archived: Mapping[str, ArchivedRounds] | None = None,
) -> FleetHealth:
    """How those are that take part, ``now``. ``series``: what the engine has of ``HEALTH_QUERY``;
    ``None``: it was not asked. ``archived``: what is kept of their rounds."""
    said = _said(series or ())
    versions = [
        number for one in said.values() if one.version and (number := _release(one.version))
    ]
    newest = max(versions, default=())
    found = [
        _of(
            who,
            heard.get(who.name),
            said.get(who.name, _Said()),
            newest,
            now,
            (archived or {}).get(who.name),
        )
        for who in members
        if who.revoked is None
    ]
    order = list(HealthTrouble)
    found.sort(key=lambda one: order.index(one.troubles[0]) if one.troubles else len(order))
    return FleetHealth(at=now, engine=series is not None, vantages=tuple(found))


def _said(series: Iterable[RecordedSeries]) -> dict[str, _Said]:
    found: dict[str, _Said] = {}
    for one in series:
        labels = one.metric
        name = labels.get("vantage") or labels.get("instance", "")
        of, value = found.setdefault(name, _Said()), one.newest
        if value is None:
            continue
        metric = labels.get("__name__", "")
        if metric == names.BUILD_INFO.name:
            of.version = word if _WORD.fullmatch(word := labels.get("version", "")) else None
        elif metric == names_target.ROTTEN.name:
            about = labels.get("platform") or labels.get("control", "")
            target = f"{about}/{labels.get('target', '')}"
            if _WORD.fullmatch(target):
                of.rotten.append(target)
        else:
            of.numbers[metric] = value
    return found


def _of(
    who: Enrolled,
    heard: VantageHeard | None,
    said: _Said,
    newest: tuple[int, ...],
    now: float,
    archived: ArchivedRounds | None,
) -> VantageHealth:
    number = said.numbers.get
    budget, left = number(names_data.BUDGET.name), number(names_data.LEFT.name)
    data_left = left / budget if budget and left is not None else None
    tunnel = number(names_line.TUNNEL.name)
    holds = {
        HealthTrouble.SILENT: heard is not None and now - heard.at > NOT_HEARD_SECONDS,
        HealthTrouble.NEVER_HEARD: heard is None,
        HealthTrouble.TUNNEL: bool(tunnel),
        HealthTrouble.CLOCK: heard is not None and abs(heard.ahead_seconds or 0) > CLOCK_SECONDS,
        HealthTrouble.BACKLOG: heard is not None and heard.at - heard.newest_at > BACKLOG_SECONDS,
        HealthTrouble.DISK: number(names_store.STORE_WRITABLE.name) == 0,
        HealthTrouble.CONFIGURATION: number(names.RELOAD_SUCCESS.name) == 0,
        HealthTrouble.BUNDLE: number(names_bundle.REFUSED.name) == 1
        or number(names_bundle.USABLE.name) == 0,
        HealthTrouble.ROOM: archived is not None
        and archived.bytes >= NEARLY_FULL * archived.room_bytes,
        HealthTrouble.DATA: data_left is not None and data_left < LITTLE_DATA,
        HealthTrouble.ROTTEN: bool(said.rotten),
        HealthTrouble.VERSION: bool(
            said.version and (own := _release(said.version)) and own < newest
        ),
    }
    return VantageHealth(
        name=who.name,
        country=who.place.country,
        asn=who.place.asn,
        access=who.place.access,
        role=who.place.role,
        joined=who.joined,
        troubles=tuple(trouble for trouble, is_so in holds.items() if is_so),
        heard_at=None if heard is None else heard.at,
        newest_at=None if heard is None else heard.newest_at,
        ahead_seconds=None if heard is None else heard.ahead_seconds,
        version=said.version,
        history_bytes=number(names_store.STORE_BYTES.name),
        waiting=number(names_store.FORWARD_WAITING.name),
        data_left=data_left,
        tunnel=None if tunnel is None else bool(tunnel),
        rotten=tuple(sorted(said.rotten)),
        archived=archived,
    )


def _release(version: str) -> tuple[int, ...]:
    """``1.2.3`` and what follows; empty: it is no such number."""
    found = re.match(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?!\d)", version)
    return tuple(map(int, found.groups())) if found else ()
