"""What is remembered of targets' objects, in the form that outlives a restart. Pure.

In memory its times are monotonic, which mean nothing to another run. So they are kept as seconds
before or after the moment of keeping, with what the wall clock said then. A clock that cannot be
believed, or was set back, lets no time pass: then what was gone stays so for longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

from probe.config.candidates import candidates_of, mark_of
from probe.config.definition import Definition, Target
from probe.config.schema import Config
from probe.measure.objects.links import usable
from probe.measure.objects.objects import (
    MOST_REFUSED,
    MOST_REMEMBER_SECONDS,
    MOST_TIMES,
    NOTHING,
    REMEMBER_SECONDS,
    KnownObject,
    KnownTarget,
)
from probe.schedule.data_spent import seconds_between

ObjectMemories = Mapping[tuple[str, str, str], KnownTarget]
"""By vantage, owner and target."""
_TIMES = ("looked_at", "again_at", "gone_at", "gone_until")
_MOST_BYTES = 2**40


class KeptObject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One candidate, by its ``mark``. ``known`` has seconds from the moment of keeping on in place
    of points in time (what was is negative, what never was ``None``: ``_TIMES``)."""

    vantage: str
    owner: str
    target: str
    mark: str
    known: KnownObject = NOTHING
    looked_at: float | None = None
    again_at: float | None = None
    gone_at: float | None = None
    gone_until: float | None = None


class KeptObjects(Struct, frozen=True):
    """All of them, as they were when the wall clock said ``wall`` (Unix seconds)."""

    wall: float
    objects: tuple[KeptObject, ...] = ()


def kept(memories: ObjectMemories, *, now: float, wall: float) -> KeptObjects:
    """``memories`` at monotonic time ``now``, to be kept."""
    return KeptObjects(
        wall,
        tuple(
            KeptObject(
                vantage=vantage,
                owner=owner,
                target=target,
                mark=mark,
                known=replace(known, **dict.fromkeys(_TIMES, 0.0)),
                **{
                    name: round(at - now, 1)
                    for name in _TIMES
                    if isfinite(at := getattr(known, name))
                },
            )
            for (vantage, owner, target), memory in sorted(memories.items())
            for mark, known in sorted(memory.candidates.items())
            if known != NOTHING
        ),
    )


def taken_up(
    left: KeptObjects, present: ObjectMemories, config: Config, *, now: float, wall: float
) -> ObjectMemories:
    """``present`` with what an earlier run ``left``, as far as ``config`` still names it. What this
    run has been told itself holds; a link must still lead to a host that is declared."""
    passed = seconds_between(left.wall, wall)
    vantages = {one.name for one in config.settings.vantages}
    named = dict(_named(config))
    found = dict(present)
    for one in left.objects:
        key = (one.owner, one.target, one.mark)
        if one.vantage not in vantages or key not in named:
            continue
        definition, candidate = named[key]
        place = (one.vantage, one.owner, one.target)
        memory = found.get(place, KnownTarget())
        told = memory.of(candidate)
        known = _at(one, definition, candidate, now - passed, now)
        if known != NOTHING and not told.gone:
            found[place] = memory.after(candidate, known)
    return found


def _named(
    config: Config,
) -> Iterator[tuple[tuple[str, str, str], tuple[Definition, Target]]]:
    for definition in (*config.platforms, *config.controls):
        for target in definition.targets:
            for one in candidates_of(target):
                yield (definition.name, target.name, mark_of(one)), (definition, one)


def _at(
    one: KeptObject, definition: Definition, candidate: Target, then: float, now: float
) -> KnownObject:
    """With points in time again; ``then``: the moment of keeping. Whatever stands in the file, a
    candidate is left alone for no longer than it would be otherwise."""
    discovery = candidate.discover
    if discovery is None:
        known = replace(one.known, url=None, refused=())
    else:
        hosts = (*definition.hosts, *discovery.hosts)
        fit = [u for u in one.known.refused if usable(discovery.page, u, hosts) == u]
        url = one.known.url
        if url is not None and usable(discovery.page, url, hosts) != url:
            return NOTHING
        known = replace(one.known, refused=tuple(fit[-MOST_REFUSED:]))
    times = {
        name: NOTHING.gone_at if at is None else min(then + at, now + MOST_REMEMBER_SECONDS)
        for name in _TIMES
        for at in (getattr(one, name),)
    }
    for name in ("looked_at", "gone_at"):
        times[name] = min(times[name], now)
    times["again_at"] = min(times["again_at"], now + REMEMBER_SECONDS)
    return replace(
        known,
        **times,
        gone=min(max(0, known.gone), MOST_TIMES),
        dry=min(max(0, known.dry), MOST_TIMES),
        size=min(max(0, known.size), _MOST_BYTES),
    )
