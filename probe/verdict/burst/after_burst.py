"""What a burst does to what is remembered of a platform: evidence for or against what is suspected
or proven, and nothing else."""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.basis.certificate_dates import dates_found
from probe.verdict.basis.witnesses import elsewhere_noted, others_of
from probe.verdict.burst import own_rate, testing
from probe.verdict.burst.score import score
from probe.verdict.ladder.judged import Judged, Lesson, line_of
from probe.verdict.ladder.outcome import Numbers
from probe.verdict.one_round import answers, saw_the_name
from probe.verdict.remembered.memory import Memory
from probe.verdict.suspected.suspicion import row_of


def after_burst(memory: Memory, observed: RoundObservation, about: About) -> Judged:
    """What the burst ``observed`` comes to. ``memory``: after who answered has been noted."""
    levels, mine = memory.levels, memory.platform(observed.platform)
    mine = own_rate.asked(mine, observed)
    mine = replace(mine, clean=saw_the_name.clean_after(mine, observed, well=False))
    line = line_of(memory, mine, observed, about, changed_rounds=memory.line_rounds)
    holder = mine.holder
    # Without a holder it was asked for by a daemon that has forgotten why: nothing follows.
    measure = Measure.HANDSHAKE if holder is None else holder.measure
    slowed = 0.0 if mine.proven is None else mine.proven.log_factor
    found = score(observed, measure, levels=levels, thresholds=about.thresholds, slowed=slowed)
    mine = elsewhere_noted(mine, observed, about)
    others = others_of(memory, mine.holder, observed, about)
    plan: Burst | None = None
    if line.bears_bursts:  # else nothing follows from this burst
        scene = testing.scene_of(mine, found, observed, about, others)
        row = row_of(mine, scene.event)
        mine = testing.done(row.act, scene, mine, observed, about, others)
        plan = testing.asked(row.ask, mine, levels, observed, about)
    looked_at = {leg.leg.target for leg in observed.by_role(LegRole.TARGET)}
    return Judged(
        mine=mine,
        line=line,
        others=others,
        numbers=Numbers(score=found),
        plan=plan,
        lesson=Lesson(noise=found.noise, measures=(measure,)),
        reads=mine.reads,
        ours={name: led for name, led in mine.ours.items() if name not in looked_at},
        dates=dates_found(observed) or mine.dates,
        beside=answers.others(mine, observed),
    )
