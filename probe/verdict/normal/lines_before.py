"""A line that becomes another one may come back: what was normal on it is kept for then. Pure.

A queue that fills every evening, a tunnel that is up now and then, a modem that falls back to an
older network: each changes every round trip, so all begins anew (``another_line.py``), and what
begins to be slowed meanwhile would be normal ever after. A line is known again by the round trips
to its controls, as nobody slows those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from msgspec.structs import replace

from probe.model.identity import LegRole
from probe.verdict.normal.level import Level
from probe.verdict.one_round.readings import LegReading, Readings
from probe.verdict.remembered.kept_line import KeptLine, OfLine
from probe.verdict.remembered.keys import RTT, SeriesKey, series
from probe.verdict.remembered.memory import Memory, PlatformMemory
from probe.verdict.suspected import often

MOST = 3
"""Lines that are kept beside the one that is measured: those on which the most was learnt."""
KEPT_SECONDS = 28 * 86_400.0
"""As long as the long memory of a level (``level.DAYS``)."""
ALIKE = 1.25
"""A round trip that differs from what was normal by no more than this factor is as it was: what
makes another line (``Thresholds.path_rtt``, 1.5) is more than as much again away. Ours."""
ALIKE_ROUNDS = 3
"""Rounds in a row that are as on a kept line until it is back: as many as until another line is
said (``judged.LINE_CHANGED_ROUNDS``). Ours."""
_LEAST_CONTROLS = 2


def left(memory: Memory, at: float) -> tuple[KeptLine, ...]:
    """The lines to keep once the one that is measured is taken for another from ``at`` on (Unix
    seconds): those there are, and this one."""
    kept = list(memory.lines)
    this = KeptLine(
        left_at=at,
        levels={key: level for key, level in memory.levels.items() if level.known},
        objects=memory.objects,
        shelf=memory.shelf,
        platforms={name: _of_line(mine) for name, mine in memory.platforms.items()},
    )
    if this.levels:
        kept.append(this)
    return tuple(sorted(kept, key=lambda one: _learnt(one.levels))[-MOST:])


def met(
    lines: Sequence[KeptLine], levels: Mapping[SeriesKey, Level], read: Readings
) -> tuple[KeptLine, ...]:
    """``lines`` after a round: how many in a row were as on each of them, and not as on the line
    that is measured, or more is known of the kept one; without those that were left too long ago.
    ``levels``: those of the line that is measured."""
    lines = tuple(one for one in lines if read.at - one.left_at <= KEPT_SECONDS)
    controls = [leg for leg in read.by_role(LegRole.CONTROL) if leg.rtt is not None and leg.seen.ok]
    if not controls:
        return lines
    # Of one that has just begun anew, or has come near the other, no more is known.
    here = _learnt(levels) if any(_alike(read, controls, levels)) else 0
    return tuple(_counted(one, read, controls, here=here) for one in lines)


def back(memory: Memory) -> KeptLine | None:
    """The kept line that the one which is measured has become again."""
    return next((one for one in memory.lines if one.alike >= ALIKE_ROUNDS), None)


def returned(memory: Memory, line: KeptLine, at: float) -> Memory:
    """``memory`` on ``line``, which is back; the one that it was until now is kept."""
    others = tuple(one for one in memory.lines if one is not line)
    lines = left(replace(memory, lines=others), at)
    return replace(
        memory,
        levels=line.levels,
        objects={**memory.objects, **line.objects},
        shelf=line.shelf,
        lines=tuple(replace(one, alike=0) if one.alike else one for one in lines),
        line_rounds=0,
    )


def on_it(mine: PlatformMemory, line: KeptLine, name: str) -> PlatformMemory:
    """``mine``, which is not of any line yet, with what was true of the platform on ``line``."""
    was = line.platforms.get(name, OfLine())
    return replace(
        mine,
        began_at=was.began_at,
        swap_well_at=was.swap_well_at,
        places=was.places,
        # What was thought of them when the line was left was of that time.
        shares={key: often.begun_anew(share) for key, share in was.shares.items()},
    )


def _of_line(mine: PlatformMemory) -> OfLine:
    return OfLine(
        began_at=mine.began_at,
        swap_well_at=mine.swap_well_at,
        places=mine.places,
        shares=mine.shares,
    )


def _learnt(levels: Mapping[SeriesKey, Level]) -> int:
    """In how many rounds."""
    return max((level.seen for level in levels.values()), default=0)


def _counted(
    line: KeptLine, read: Readings, controls: Sequence[LegReading], *, here: int
) -> KeptLine:
    found = _alike(read, controls, line.levels)
    is_it = len(found) >= _LEAST_CONTROLS and all(found) and here < _learnt(line.levels)
    alike = line.alike + 1 if is_it else 0
    return line if alike == line.alike else replace(line, alike=alike)


def _alike(
    read: Readings, controls: Sequence[LegReading], levels: Mapping[SeriesKey, Level]
) -> list[bool]:
    """Of each control whose round trip is known there, whether it is as it was."""
    limit, found = log(ALIKE), []
    for leg in controls:
        level = levels.get(series(leg.seen, RTT, read.observed.family.value))
        if leg.rtt is not None and level is not None and level.known:
            found.append(abs(leg.rtt - level.centre) <= limit)
    return found
