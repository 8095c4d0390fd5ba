"""From one more round to a verdict, and to what should be measured next.

``decide`` is a pure function: what it remembers goes in and comes out as a frozen value, so last
month can be judged again with other thresholds. The caller carries the plan that comes out to the
measuring room and decides again with what that saw, until there is no plan.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.model.verdict import State, Verdict
from probe.observe.effort import Measure
from probe.verdict import (
    answers,
    families,
    forged,
    lasting,
    lookups,
    names,
    pace,
    rounds,
    shelf,
    testing,
)
from probe.verdict.about import About
from probe.verdict.clock import dates_found
from probe.verdict.cut import heard, line_cut_off, nobody_to_ask
from probe.verdict.episode import Others
from probe.verdict.facts import BUDGETS, Facts, answered, elsewhere
from probe.verdict.families import NoNews
from probe.verdict.keys import SeriesKey
from probe.verdict.learning import (
    all_slow,
    forget_measure,
    learn_controls,
    learn_noise,
    learn_targets,
)
from probe.verdict.level import Level
from probe.verdict.memory import Episode, Memory, PlatformMemory, Proven
from probe.verdict.outcome import Numbers, publish
from probe.verdict.outside import heard as heard_outside
from probe.verdict.outside import vouched
from probe.verdict.rules import RULES, Rule, first
from probe.verdict.score import score
from probe.verdict.shown import Told, told
from probe.verdict.together import together

LINE_CHANGED_ROUNDS = 3


class Decision(Struct, frozen=True, kw_only=True):
    """The verdict, what to remember, and the burst to make now (``None``: nothing more)."""

    verdict: Verdict
    memory: Memory
    plan: Burst | None = None


def decide(
    memory: Memory, observed: RoundObservation, about: About, rules: tuple[Rule, ...] = RULES
) -> Decision:
    """What ``observed`` adds to ``memory``, and what follows."""
    memory = heard(memory, observed, about)
    asked = (*observed.by_role(LegRole.TARGET), *observed.by_role(LegRole.CONTROL))
    memory = families.heard_over(memory, observed, any(map(answered, asked)))
    why = families.no_news(memory.families, observed, about.families)
    if why is not None:
        return _no_news(memory, observed, about, rules, why)
    if observed.burst is not None:
        return _burst(memory, observed, about, rules)
    return _ordinary(memory, observed, about, rules)


def _no_news(
    memory: Memory,
    observed: RoundObservation,
    about: About,
    rules: tuple[Rule, ...],
    why: NoNews,
) -> Decision:
    """What holds while a round says nothing of its platform: nothing is learnt from it, and what
    was said over another family goes on."""
    mine = memory.platform(observed.platform)
    facts = Facts(
        title=about.title,
        family=observed.family,
        controls=observed.by_role(LegRole.CONTROL),
        no_news=why,
    )
    verdict = families.repeated(mine, observed, why)
    if verdict is None:
        verdict = publish(first(facts, rules), facts, mine, observed, about, Numbers())
    return _said(memory, mine, observed, verdict, None)


def _ordinary(
    memory: Memory, observed: RoundObservation, about: About, rules: tuple[Rule, ...]
) -> Decision:
    thresholds = about.thresholds
    memory = shelf.turned_to(memory, observed, rounds.reads(observed.kind))
    seen = rounds.compare(memory.levels, observed, about)
    mine = rounds.noted(memory.platform(observed.platform), seen, observed)
    mine = lookups.noted(mine, observed)
    mine = lookups.exonerating(mine, observed)
    seen, ours = rounds.without_our_own(seen, lookups.leads(mine, observed), thresholds)
    mine = rounds.with_slow_line(mine, memory.levels, observed, seen, about)
    episode = rounds.episode_after(mine, seen, observed, about)
    episode = rounds.with_seen(episode, seen, observed, thresholds)
    clean = rounds.clean_after(mine, seen, observed, about)
    mine = _heard_outside(replace(mine, episode=episode, clean=clean), observed, about)
    others = _others(memory, mine.proven or mine.episode, observed, about)
    if mine.proven is not None:
        better = testing.watched(mine.proven, seen, observed, about)
        better = testing.weighed(better, seen, observed, about, others)
        mine = replace(mine, proven=better)
    mine = replace(mine, path_rounds=rounds.moved_paths(seen, mine, observed, about))
    mine = lasting.noted(mine, memory.levels, seen, observed, about)
    held = (*mine.path_rounds, *mine.faster)
    well = rounds.well(seen, thresholds.log_margin, held, observed)
    mine = replace(mine, well_at=families.well_after(mine, observed, well))
    line_rounds = memory.line_rounds + 1 if seen.another_line else 0
    cut = line_cut_off(mine, memory.controls, observed, about)
    opened = forged.opened(observed.by_role(LegRole.TARGET), memory.controls, observed.started_at)
    plan = None
    if cut is None and not opened:  # else bursts compare it with the few that answer or are spared
        plan = testing.plan_after_round(mine, seen, memory.levels, observed, about)
    slow_line = rounds.slow_line(mine, about)
    if cut is None and not opened and slow_line is None and not line_rounds:
        mine = lasting.tallied(mine, memory.levels, seen, observed, about)
    mine = replace(
        mine,
        heard=answers.latest(mine.heard, observed),
        ours=ours,
        raw_slower=rounds.raw_slower(seen, thresholds),
    )
    at, reads = observed.started_at, answers.reads_after(mine.reads, observed)
    numbers = Numbers(seen.contrasts, seen.decoys)
    facts = Facts(
        title=about.title,
        targets=observed.by_role(LegRole.TARGET),
        controls=observed.by_role(LegRole.CONTROL),
        skipped=sum(one.reason in BUDGETS for one in observed.skipped),
        clock_stepped=observed.clock_stepped,
        dates=mine.dates,
        other_resolvers_answer=names.others_answer(observed),
        server_errors=mine.server_errors,
        proven=mine.proven,
        often=lasting.too_often(mine, observed),
        episode=mine.episode,
        suspicion=testing.suspicion(mine, tested=plan is None),
        elsewhere=elsewhere(about.references),
        has_references=about.has_references,
        vouched=others.vouched,
        outside=about.outside,
        slow_line=slow_line,
        line_changed=line_rounds >= LINE_CHANGED_ROUNDS,
        cut_off=cut,
        opened=opened,
        family=observed.family,
        several=len(about.families) > 1,
        well_at=mine.well_at,
        nobody_to_ask=nobody_to_ask(memory.controls, observed),
        raw_slower=mine.raw_slower,
        farther=mine.farther,
        slower=mine.slower,
        paces=pace.paces(mine, memory.controls, observed, about.domestic),
        relief=mine.relief,
        usual=bool(seen.contrasts) and all(c.usual for c in seen.contrasts),
        compared=any(c.slowdown is not None for c in seen.contrasts),
        ours=ours,
        tested_bytes=answers.most_read(reads, at),
        read_at=reads[-1][0] if reads else 0.0,
        at=at,
        working=answers.working(mine, observed),
        times=numbers.times,
        usual_times=numbers.usual_times,
        told=_told(mine, about),
        margin=thresholds.margin,
        evident=testing.evident(mine, thresholds),
    )
    levels = memory.levels
    if slow_line is None and not observed.clock_stepped and not seen.another_line:
        measures, mine, levels = _teaching(mine, levels, observed, seen.measures, about)
        if mine.episode is None and mine.proven is None:
            levels = learn_targets(levels, observed, measures, thresholds=thresholds, targets=well)
            mine = replace(mine, reads=reads)
        levels = learn_controls(levels, observed, measures)
    mine, levels = lasting.ended(mine, levels, observed, about)
    memory = replace(memory, levels=dict(levels), line_rounds=line_rounds)
    if line_rounds >= thresholds.line_rounds:
        memory, mine = lasting.begun_anew(memory), lasting.unlearned(mine)
    return _decided(memory, mine, observed, about, facts, rules, plan, numbers)


def _told(mine: PlatformMemory, about: About) -> Told | None:
    """What was measured of what is proven."""
    if mine.proven is None or mine.proven.state is State.BLOCKED:
        return None
    found, margin = mine.proven, about.thresholds.margin
    if not found.shown and found.factor is not None and found.factor > margin:
        return Told(at=found.seen_at, times=found.factor)  # stored before each round was kept
    return told(found.shown, margin)


def _heard_outside(
    mine: PlatformMemory, observed: RoundObservation, about: About
) -> PlatformMemory:
    """What is suspected or proven, knowing what references say of it now."""
    at = observed.started_at
    return replace(
        mine,
        episode=None if mine.episode is None else heard_outside(mine.episode, at, about),
        proven=None if mine.proven is None else heard_outside(mine.proven, at, about),
    )


def _others(
    memory: Memory, holder: Episode | Proven | None, observed: RoundObservation, about: About
) -> Others:
    """What other platforms and references say of what ``holder`` is about."""
    if holder is None:
        return Others()
    # While it is so elsewhere, too, nothing that is hit beside it says where the cause is.
    alone = holder.elsewhere_at == observed.started_at
    return Others(
        together=() if alone else together(memory, observed.platform, holder, about),
        vouched=vouched(holder, observed.started_at, about),
        certificates_by=_certificates_by(memory, observed, about),
    )


def _certificates_by(memory: Memory, observed: RoundObservation, about: About) -> frozenset[str]:
    """Who makes certificates for platforms of other operators. Whose operator is not known may be
    the same one's."""
    own = about.operators.get(observed.platform)
    oldest = observed.started_at - forged.OPENED_SECONDS
    return forged.issuers(
        leg
        for name, known in memory.platforms.items()
        if own is not None and about.operators.get(name, own) != own
        for leg in known.heard.values()
        if leg.started_at >= oldest
    )


def _teaching(
    mine: PlatformMemory,
    levels: dict[SeriesKey, Level],
    observed: RoundObservation,
    measures: tuple[Measure, ...],
    about: About,
) -> tuple[tuple[Measure, ...], PlatformMemory, dict[SeriesKey, Level]]:
    """The measures in which the round may teach what is normal. When nothing was taught for long,
    because all was slow and no control had a history, that is normal now: it begins anew."""
    if mine.proven is not None:
        return measures, mine, levels
    slow = all_slow(
        observed, measures, levels=levels, thresholds=about.thresholds, domestic=about.domestic
    )
    untaught = {m: n for m, n in mine.untaught.items() if m not in measures}
    untaught |= {m: mine.untaught.get(m, 0) + 1 for m in slow}
    for measure in [m for m, n in untaught.items() if n >= about.thresholds.line_rounds]:
        levels = forget_measure(levels, measure)
        del untaught[measure]
    return tuple(m for m in measures if m not in slow), replace(mine, untaught=untaught), levels


def _reads_in_burst(memory: Memory, observed: RoundObservation) -> Measure | None:
    """The measure of what a burst reads: that of what it tests."""
    mine = memory.platform(observed.platform)
    holder = mine.proven or mine.episode
    return None if holder is None or holder.measure is Measure.HANDSHAKE else holder.measure


def _burst(
    memory: Memory, observed: RoundObservation, about: About, rules: tuple[Rule, ...]
) -> Decision:
    memory = shelf.turned_to(memory, observed, _reads_in_burst(memory, observed))
    mine, levels = memory.platform(observed.platform), memory.levels
    mine = replace(mine, clean=rounds.clean_after(mine, None, observed, about))
    cut = line_cut_off(mine, memory.controls, observed, about)
    opened = forged.opened(observed.by_role(LegRole.TARGET), memory.controls, observed.started_at)
    holder = mine.proven or mine.episode
    # Without a holder it was asked for by a daemon that has forgotten why: nothing follows.
    measure = Measure.HANDSHAKE if holder is None else holder.measure
    slowed = 0.0 if mine.proven is None else mine.proven.log_factor
    found = score(observed, measure, levels=levels, thresholds=about.thresholds, slowed=slowed)
    mine = _heard_outside(mine, observed, about)
    others = _others(memory, mine.proven or mine.episode, observed, about)
    plan: Burst | None = None
    if cut is not None or opened:
        pass  # of this burst nothing follows
    elif mine.proven is not None and observed.burst is not None and observed.burst.with_swap:
        mine, plan = testing.strengthen(mine, mine.proven, found, levels, observed, about)
    elif mine.proven is not None:
        mine, plan = testing.recover(mine, mine.proven, found, levels, observed, about)
    else:
        mine, plan = testing.test(mine, found, levels, observed, about, others)
    numbers = Numbers(score=found)
    looked_at = {leg.leg.target for leg in observed.by_role(LegRole.TARGET)}
    facts = Facts(
        title=about.title,
        targets=observed.by_role(LegRole.TARGET),
        controls=observed.by_role(LegRole.CONTROL),
        skipped=sum(one.reason in BUDGETS for one in observed.skipped),
        clock_stepped=observed.clock_stepped,
        dates=dates_found(observed) or mine.dates,
        server_errors=mine.server_errors,
        proven=mine.proven,
        often=lasting.too_often(mine, observed),
        episode=mine.episode,
        suspicion=testing.suspicion(mine, tested=plan is None),
        elsewhere=elsewhere(about.references),
        has_references=about.has_references,
        vouched=others.vouched,
        outside=about.outside,
        slow_line=rounds.slow_line(mine, about),
        line_changed=memory.line_rounds >= LINE_CHANGED_ROUNDS,
        cut_off=cut,
        opened=opened,
        family=observed.family,
        several=len(about.families) > 1,
        well_at=mine.well_at,
        nobody_to_ask=nobody_to_ask(memory.controls, observed),
        farther=mine.farther,
        slower=mine.slower,
        paces=pace.paces(mine, memory.controls, observed, about.domestic),
        relief=mine.relief,
        usual=found.usual,
        compared=found.complete,
        tested_bytes=answers.most_read(mine.reads, observed.started_at),
        read_at=mine.reads[-1][0] if mine.reads else 0.0,
        at=observed.started_at,
        raw_slower=mine.raw_slower,
        ours={name: led for name, led in mine.ours.items() if name not in looked_at},
        others=answers.others(mine, observed),
        working=answers.working(mine, observed),
        times=numbers.times,
        usual_times=numbers.usual_times,
        told=_told(mine, about),
        margin=about.thresholds.margin,
        evident=testing.evident(mine, about.thresholds),
    )
    if found.noise is not None:
        levels = learn_noise(levels, measure, found.noise, observed.started_at)
    memory = replace(memory, levels=dict(levels))
    return _decided(memory, mine, observed, about, facts, rules, plan, numbers)


def _decided(
    memory: Memory,
    mine: PlatformMemory,
    observed: RoundObservation,
    about: About,
    facts: Facts,
    rules: tuple[Rule, ...],
    plan: Burst | None,
    numbers: Numbers,
) -> Decision:
    verdict = publish(first(facts, rules), facts, mine, observed, about, numbers)
    if len(about.families) > 1:
        mine = families.noted(mine, observed, verdict)
    return _said(memory, mine, observed, verdict, plan)


def _said(
    memory: Memory,
    mine: PlatformMemory,
    observed: RoundObservation,
    verdict: Verdict,
    plan: Burst | None,
) -> Decision:
    mine = replace(
        mine,
        state=verdict.state,
        reason=verdict.reason,
        since=verdict.since,
        at=verdict.at,
        holds_seconds=verdict.holds_seconds,
    )
    platforms = {**memory.platforms, observed.platform: mine}
    return Decision(verdict=verdict, memory=replace(memory, platforms=platforms), plan=plan)
