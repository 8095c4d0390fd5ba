"""What a round or burst teaches, once it is judged, and which levels begin anew."""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.observation import RoundObservation
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.ladder.judged import Judged
from probe.verdict.normal import lasting, lines_before
from probe.verdict.normal.learning import (
    all_slow,
    forget_measure,
    learn_controls,
    learn_noise,
    learn_targets,
)
from probe.verdict.normal.level import Level
from probe.verdict.one_round.readings import Readings
from probe.verdict.remembered.keys import SeriesKey
from probe.verdict.remembered.memory import Memory, PlatformMemory


def taught(
    memory: Memory, judged: Judged, observed: RoundObservation, about: About
) -> tuple[Memory, PlatformMemory]:
    """What is remembered of the vantage and of the platform after it."""
    readings = judged.lesson.readings
    if readings is None:
        return _noise_learnt(memory, judged, observed), judged.mine
    mine, levels, line = judged.mine, memory.levels, judged.line
    if line.teaches:
        measures, mine, levels = _measures(mine, levels, readings, judged.lesson.measures, about)
        if mine.episode is None and mine.proven is None:
            levels = learn_targets(
                levels,
                readings,
                measures,
                thresholds=about.thresholds,
                targets=judged.lesson.well,
            )
            mine = replace(mine, reads=judged.reads)
        levels = learn_controls(levels, readings, measures)
    mine, levels = lasting.ended(mine, levels, observed, about)
    lines = lines_before.met(memory.lines, levels, readings)
    memory = replace(memory, levels=dict(levels), lines=lines, line_rounds=line.changed_rounds)
    at, name = readings.at, observed.platform
    if (was := lines_before.back(memory)) is not None:
        mine_then = lines_before.on_it(lasting.unlearned(mine), was, name)
        return lasting.back_on(memory, was, at), mine_then
    if line.changed_rounds >= about.thresholds.line_rounds:
        return lasting.begun_anew(memory, at), lasting.unlearned(mine)
    return memory, mine


def _noise_learnt(memory: Memory, judged: Judged, observed: RoundObservation) -> Memory:
    lesson, levels = judged.lesson, memory.levels
    if lesson.noise is not None:
        for measure in lesson.measures:
            levels = learn_noise(levels, measure, lesson.noise, observed.started_at)
    return replace(memory, levels=dict(levels))


def _measures(
    mine: PlatformMemory,
    levels: dict[SeriesKey, Level],
    readings: Readings,
    measures: tuple[Measure, ...],
    about: About,
) -> tuple[tuple[Measure, ...], PlatformMemory, dict[SeriesKey, Level]]:
    """The measures in which the round may teach what is normal. When nothing was taught for long,
    because all was slow and no control had a history, that is normal now: it begins anew."""
    if mine.proven is not None:
        return measures, mine, levels
    slow = all_slow(readings, measures, thresholds=about.thresholds, domestic=about.domestic)
    untaught = {m: n for m, n in mine.untaught.items() if m not in measures}
    untaught |= {m: mine.untaught.get(m, 0) + 1 for m in slow}
    for measure in [m for m, n in untaught.items() if n >= about.thresholds.line_rounds]:
        levels = forget_measure(levels, measure)
        del untaught[measure]
    return tuple(m for m in measures if m not in slow), replace(mine, untaught=untaught), levels
