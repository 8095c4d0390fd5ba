"""The keys of what is remembered: of series, and of what each address family has by itself.

A key has a type of its own and is stored as text, its parts between bars. Only here is such a text
put together or taken apart. No part has a bar in it: names are the configuration's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NewType, TypeVar

from msgspec import Struct

from probe.model.identity import Family
from probe.model.observation import LegObservation
from probe.observe.effort import Measure

T = TypeVar("T")

SeriesKey = NewType("SeriesKey", str)
"""Of a level: what is normal for one endpoint in one role, measure and address family."""
FamilyKey = NewType("FamilyKey", str)
"""Of a name (a target, a host, or ``owner/target``) over one address family: addresses of one do
not stand in for those of the other, and each goes its own way."""
MeasureKey = NewType("MeasureKey", str)
"""Of a target in one measure over one address family."""

RTT = "rtt"
"""In the place of a measure: the round trip."""
LATE = "late"
"""In the place of a measure: by how much round trips grew while it was asked."""
DIFFERENCE = "difference"
"""In the place of a role: how much slower a target is than its swap, learnt as one series, so that
the two cannot get out of step."""
_NOISE = "noise"


class Series(Struct, frozen=True):
    """The parts of a ``SeriesKey``. ``role``: a leg's, or ``DIFFERENCE``; ``measure``: a
    ``Measure``, ``RTT``, ``LATE`` or one of ``gaps_key``."""

    family: str
    role: str
    owner: str
    target: str
    measure: str

    @property
    def key(self) -> SeriesKey:
        """As it is stored."""
        return SeriesKey("|".join((self.family, self.role, self.owner, self.target, self.measure)))

    @property
    def endpoint(self) -> tuple[str, str, str]:
        """Which endpoint it is about, over which family."""
        return self.family, self.owner, self.target


def series(leg: LegObservation, measure: str, family: str) -> SeriesKey:
    """The series that ``leg`` belongs to in ``measure``."""
    one = leg.leg
    return SeriesKey(f"{family}|{one.role}|{one.owner}|{one.target}|{measure}")


def difference(leg: LegObservation, measure: str, family: str) -> SeriesKey:
    """The series of the difference between a target (or swap) ``leg`` and the other."""
    return SeriesKey(f"{family}|{DIFFERENCE}|{leg.leg.owner}|{leg.leg.target}|{measure}")


def noise_key(measure: Measure) -> SeriesKey:
    """The series of how much the legs of one burst differ, whoever's they are."""
    return SeriesKey(f"{_NOISE}|{measure}")


def gaps_key(measure: Measure) -> str:
    """In the place of a measure: how many segments of a leg were missing, in what is compared."""
    return f"gaps-{measure}"


def parts(key: SeriesKey) -> Series | None:
    """What ``key`` is made of; ``None`` for the noise, which is no endpoint's."""
    found = key.split("|")
    return Series(*found) if len(found) == len(Series.__struct_fields__) else None


def measure_of(key: SeriesKey) -> str:
    """The measure of any series, the noise's too."""
    return key.rpartition("|")[2]


def family_key(family: Family, name: str) -> FamilyKey:
    """The key of ``name`` over ``family``."""
    return FamilyKey(f"{family}|{name}")


def name_of(key: FamilyKey) -> str:
    """The name that it is the key of."""
    return key.partition("|")[2]


def of_family(kept: Mapping[FamilyKey, T], family: Family) -> Iterator[tuple[str, T]]:
    """Names with what is kept of them over ``family``."""
    mark = f"{family}|"
    for key, value in kept.items():
        if key.startswith(mark):
            yield key[len(mark) :], value


def family_of(key: FamilyKey) -> Family:
    """The family that it is about."""
    return Family(key.partition("|")[0])


def measure_key(family: Family, target: str, measure: Measure) -> MeasureKey:
    """The key of ``target`` in ``measure`` over ``family``."""
    return MeasureKey(f"{family}|{target}|{measure}")


def target_of(key: MeasureKey) -> FamilyKey:
    """The key of the target that it is about."""
    family, target, _ = key.split("|")
    return FamilyKey(f"{family}|{target}")


def measured(key: MeasureKey) -> tuple[Family, str, Measure]:
    """The family, target and measure that it is the key of."""
    family, target, measure = key.split("|")
    return Family(family), target, Measure(measure)
