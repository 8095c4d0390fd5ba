"""What an ordinary round does to what is remembered of a platform, step by step."""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.observation import RoundObservation
from probe.model.verdict import State
from probe.verdict.about import About
from probe.verdict.basis.witnesses import elsewhere_noted, others_of
from probe.verdict.burst import own_rate, testing
from probe.verdict.ladder.judged import Judged, Lesson, line_of
from probe.verdict.ladder.outcome import Numbers
from probe.verdict.line import families
from probe.verdict.line.cache_of_viewers import cache_seen
from probe.verdict.line.cut import without_long_silent
from probe.verdict.line.slow_line import with_slow_line
from probe.verdict.normal import lasting
from probe.verdict.one_round import answers, lookups, rounds, saw_the_name
from probe.verdict.one_round.compared import compare
from probe.verdict.one_round.readings import read
from probe.verdict.remembered.memory import Memory
from probe.verdict.suspected import each_address, suspects, turned
from probe.verdict.suspected.suspicion import Deed, row_of


def after_round(memory: Memory, observed: RoundObservation, about: About) -> Judged:
    """What ``observed``, no burst, comes to. ``memory``: after who answered has been noted."""
    thresholds, levels = about.thresholds, memory.levels
    readings = read(observed, levels)
    seen = compare(readings, thresholds)
    mine = rounds.noted(memory.platform(observed.platform), seen, observed)
    mine = lookups.exonerating(lookups.noted(mine, observed), observed)
    seen, ours = rounds.without_our_own(seen, lookups.leads(mine, observed), thresholds)
    mine = with_slow_line(mine, readings, seen, about)
    # What is suspected or proven.
    if mine.proven is not None:
        mine = replace(mine, proven=turned.noted(mine.proven, seen, observed, about))
    scene = suspects.scene_of(mine, seen, observed, about)
    row = row_of(mine, scene.event)
    if row.act is Deed.RESTORE:
        mine = replace(mine, proven=turned.restored(mine.before, observed), before=None)
    if row.act in (Deed.END, Deed.TURN):
        was = mine.proven
        before = was if was is not None and row.act is Deed.TURN and turned.fails(was) else None
        mine = replace(mine, proven=None, before=before, state=State.UNKNOWN)
    mine = replace(mine, before=turned.remembered(mine.before, seen, observed, about))
    episode = suspects.done(row.act, scene, mine, observed, about)
    episode = suspects.with_seen(episode, seen, observed, thresholds)
    unsuspected = not suspects.suspects_of(seen, thresholds.log_margin)
    clean = saw_the_name.clean_after(mine, observed, well=unsuspected)
    rested = own_rate.rested(mine, observed, about)
    if episode is not None:
        opens = mine.episode is None
        episode = own_rate.noted(episode, observed, rested=rested, opens=opens)
        episode = each_address.noted(episode, observed, rested=rested, opens=opens)
    if mine.proven is not None:
        proven = own_rate.noted(mine.proven, observed, rested=rested)
        mine = replace(mine, proven=each_address.noted(proven, observed, rested=rested))
    mine = own_rate.asked(mine, observed)
    mine = elsewhere_noted(replace(mine, episode=episode, clean=clean), observed, about)
    others = others_of(memory, mine.holder, observed, about)
    if mine.proven is not None:
        better = testing.watched(mine.proven, seen, observed, about)
        better = testing.weighed(better, seen, observed, about, others)
        mine = replace(mine, proven=better)
    # What outlasts it.
    mine = replace(mine, path_rounds=rounds.moved_paths(seen, mine, observed, about))
    mine = lasting.noted(mine, levels, seen, readings, about)
    held = (*mine.path_rounds, *mine.faster)
    well = rounds.well(seen, thresholds.log_margin, held, observed)
    mine = replace(mine, well_at=families.well_after(mine, observed, well))
    # What may be compared at all.
    changed_rounds = memory.line_rounds + 1 if seen.another_line else 0
    line = line_of(memory, mine, observed, about, changed_rounds=changed_rounds)
    plan = None
    if line.bears_bursts:
        plan = testing.asked(row.ask, mine, levels, observed, about)
    if line.as_ever:
        alive = without_long_silent(readings, memory.controls)
        mine = lasting.tallied(mine, seen, alive, about)
    mine = replace(
        mine,
        heard=answers.latest(mine.heard, observed),
        ours=ours,
        raw_slower=rounds.raw_slower(seen, thresholds),
        viewers_cache=cache_seen(seen.contrasts, observed, about),
    )
    return Judged(
        mine=mine,
        line=line,
        others=others,
        numbers=Numbers(seen.contrasts, seen.decoys),
        plan=plan,
        lesson=Lesson(readings=readings, measures=seen.measures, well=well),
        reads=answers.reads_after(mine.reads, observed),
        ours=ours,
        dates=mine.dates,
    )
