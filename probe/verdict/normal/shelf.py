"""Levels belong to an object: what is asked, where, and how much of it is read. Pure.

An endpoint may be another object tomorrow: its link leads to another host, its fallback is read
instead, the configuration names another one, or so much less of it can be read that slow start
makes up more of the time. A series compares an object with itself, so another object begins a level
of its own, and the level of the one before is put on a shelf: it is taken up again when that object
is back. So it is with controls, of which each round reads as much as of its platform.

The same host, candidate and about as many bytes are the same object, whatever its path: the scripts
of a site have another name with every release, and no history would ever be known. A handshake is
the same whatever is asked after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from probe.model.identity import Compares, Family, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.effort import Measure
from probe.verdict.remembered.kept_object import Kept, Object
from probe.verdict.remembered.keys import (
    RTT,
    FamilyKey,
    SeriesKey,
    difference,
    family_key,
    series,
    target_of,
)
from probe.verdict.remembered.memory import Memory, PlatformMemory

Value = TypeVar("Value")
MOST_KEPT = 3
"""Objects of one series that are kept on the shelf."""


def turned_to(memory: Memory, observed: RoundObservation, reads: Measure | None) -> Memory:
    """``memory`` with the levels of the objects that ``observed`` measured. ``reads``: the measure
    of what it read (``None``: nothing)."""
    levels, objects = dict(memory.levels), dict(memory.objects)
    shelf, others = dict(memory.shelf), set[FamilyKey]()
    for leg in observed.legs:
        for key, now in _series(leg, observed.family, reads):
            before = objects.get(key)
            if before is not None and before.same(now):
                continue
            objects[key] = now
            if before is None:
                continue  # what was stored before objects were told apart, or never measured
            if leg.leg.role is LegRole.TARGET:
                others.add(family_key(observed.family, leg.leg.target))
            kept = [one for one in shelf.get(key, ()) if not one.object.same(now)]
            back = [one.level for one in shelf.get(key, ()) if one.object.same(now)]
            if key in levels:
                kept.append(Kept(before, levels.pop(key)))
            if back:
                levels[key] = back[-1]
            shelf[key] = tuple(kept[-MOST_KEPT:])
    if objects == memory.objects:
        return memory
    mine = memory.platform(observed.platform)
    platforms = memory.platforms
    if others:
        platforms = {**platforms, observed.platform: _of_another(mine, others)}
    return replace(memory, levels=levels, objects=objects, shelf=shelf, platforms=platforms)


def _series(
    leg: LegObservation, family: Family, reads: Measure | None
) -> list[tuple[SeriesKey, Object]]:
    """The series that a leg belongs to, each with its object."""
    host = leg.leg.connect_to
    of = {Measure.HANDSHAKE: Object(host)}
    if reads is not None and leg.leg.compares is Compares.GOODPUT:
        of[reads] = Object(host, leg.leg.max_bytes, leg.leg.candidate)
    found = [(series(leg, measure, family), one) for measure, one in of.items()]
    if leg.leg.role is LegRole.TARGET:
        found += [(difference(leg, measure, family), one) for measure, one in of.items()]
    return [*found, (series(leg, RTT, family), Object(host))]


def _of_another(mine: PlatformMemory, targets: set[FamilyKey]) -> PlatformMemory:
    """Without what was true of the objects that were: rates and suspicions of these ``targets``."""
    return replace(
        mine,
        paces=_without(mine.paces, targets),
        faster=_without(mine.faster, targets),
        limbo={k: at for k, at in mine.limbo.items() if target_of(k) not in targets},
        path_rounds=_without(mine.path_rounds, targets),
        places=_without(mine.places, targets),
    )


def _without(known: Mapping[FamilyKey, Value], targets: set[FamilyKey]) -> dict[FamilyKey, Value]:
    return {key: value for key, value in known.items() if key not in targets}
