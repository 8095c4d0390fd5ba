"""The points in time that a round and its verdict tell: which of them a probe can know. Pure.

By type and field, so that one which is added is looked at (a test sees that none is missing). Each
is held against the time at which the round began, which the gate holds against the hub's clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from probe.model.curtain import Curtain
from probe.model.law import Law
from probe.model.object_record import NothingRead
from probe.model.observation import (
    DnsObservation,
    HttpFacts,
    LegObservation,
    RoundObservation,
    TlsFacts,
)
from probe.model.others_restricted import OthersRestricted
from probe.model.stored import StoredRound
from probe.model.verdict import LookingBack, TransportFinding, Verdict
from probe.model.viewers_cache import ViewersCache
from probe.model.vouch import Vouch
from probe.publish.forward.sampler import BELIEVABLE_SINCE

MOST_SECONDS = 3_600.0
"""A round or burst takes minutes at most."""
_SPARE_SECONDS = 300.0
_WEEK_SECONDS = 7 * 86_400.0
_YEAR_SECONDS = 366 * 86_400.0
# The year 9999, and as long before 1970 at most: beyond that nobody can write a date.
_ANY_SECONDS = 253_402_300_799.0
# Where no rounding of a clock is meant: legs are noted by the same clock as their round.
_BEFORE_SECONDS = 60.0

Holds = Callable[[float, float], bool]
"""Whether a time can be told by a round that began at the second one (Unix seconds)."""


def _in_round(at: float, began: float) -> bool:
    return began - _BEFORE_SECONDS <= at <= began + MOST_SECONDS + _SPARE_SECONDS


def _lately(at: float, began: float) -> bool:
    """A look-up holds for the rounds after it, as long as what it said does."""
    return began - _WEEK_SECONDS <= at <= began + MOST_SECONDS + _SPARE_SECONDS


def _past(at: float, began: float) -> bool:
    """Since there are daemons whose clock can be believed; of a clock of before, for a year."""
    oldest = min(BELIEVABLE_SINCE, began - _YEAR_SECONDS)
    return oldest <= at <= began + MOST_SECONDS + _SPARE_SECONDS


def _past_or_never(at: float, began: float) -> bool:
    return at == 0.0 or _past(at, began)


def _any(at: float, began: float) -> bool:
    """What a server says: its clock may be at anything."""
    return abs(at) <= _ANY_SECONDS


TIMES: Mapping[type[Struct], Mapping[str, Holds]] = {
    RoundObservation: {"started_at": _in_round},
    LegObservation: {"started_at": _in_round},
    DnsObservation: {"started_at": _lately},
    TlsFacts: {"certificate_not_after": _any, "dates_at": _any},
    HttpFacts: {"date": _any},
    Verdict: {"at": _in_round, "since": _past, "read_at": _past_or_never},
    TransportFinding: {"at": _past, "since": _past},
    LookingBack: {"since": _past, "until": _past},
    Curtain: {"since": _past, "well_at": _past_or_never},
    NothingRead: {"since": _past, "read_at": _past_or_never},
    ViewersCache: {"at": _past},
    Law: {"at": _past},
    OthersRestricted: {"since": _past, "until": _past},
    Vouch: {"at": _past_or_never, "read_at": _past_or_never, "long_at": _past_or_never},
}


def of_its_time(stored: StoredRound) -> bool:
    """Whether all that ``stored`` tells is of a time that it can know. Where the clock was set
    while the round was made, its legs are of two clocks."""
    began, stepped = stored.observed.started_at, stored.observed.clock_stepped
    return math.isfinite(began) and all(
        (_any if stepped and holds in (_in_round, _lately) else holds)(at, began)
        for at, holds in _times(stored)
    )


def _times(value: Any) -> Iterator[tuple[float, Holds]]:
    times, inside = _plan(value.__class__)
    for name, holds in times:
        at = getattr(value, name)
        if at is not None:
            yield at, holds
    for name in inside:
        below = getattr(value, name)
        for one in below if isinstance(below, tuple) else (below,):
            if isinstance(one, Struct):
                yield from _times(one)


@cache
def _plan(of: type[Struct]) -> tuple[tuple[tuple[str, Holds], ...], tuple[str, ...]]:
    fields = msgspec.structs.fields(of)
    inside = tuple(field.name for field in fields if _holds_structs(field.type))
    return tuple(TIMES.get(of, {}).items()), inside


def _holds_structs(kind: Any) -> bool:
    return any(
        isinstance(found, msgspec.inspect.StructType)
        for found in _parts(msgspec.inspect.type_info(kind))
    )


def _parts(found: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    if isinstance(found, msgspec.inspect.UnionType):
        for one in found.types:
            yield from _parts(one)
    elif isinstance(found, msgspec.inspect.VarTupleType):
        yield from _parts(found.item_type)
    else:
        yield found
