"""From one more round over one transport to a verdict, and to what should be measured next.

Pure, and blind to which transport it is: ``decide`` runs it over TCP, and over each other transport
with the legs and the memory of that one (``lanes.py``).
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import Family, LegRole
from probe.model.observation import RoundObservation
from probe.model.verdict import Verdict
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.basis.vouching import vouches_after
from probe.verdict.burst.after_burst import after_burst
from probe.verdict.ladder.facts import Facts, answered
from probe.verdict.ladder.judged import facts_of
from probe.verdict.ladder.ladder import RULES, first
from probe.verdict.ladder.outcome import Numbers, publish
from probe.verdict.ladder.rule import Rule
from probe.verdict.line import curtains, families
from probe.verdict.line.cut import heard
from probe.verdict.line.families import NoNews
from probe.verdict.normal import learnt_while, shelf
from probe.verdict.normal.teach import taught
from probe.verdict.one_round import last_reads, nameless, object_records
from probe.verdict.one_round.after_round import after_round
from probe.verdict.one_round.compared import reads
from probe.verdict.remembered.keys import of_family
from probe.verdict.remembered.memory import Memory, PlatformMemory


class Decision(Struct, frozen=True, kw_only=True):
    """The verdict, what to remember, and the burst to make now (``None``: nothing more).
    ``experiment``: what to make once no burst is left; its observation is decided on as well."""

    verdict: Verdict
    memory: Memory
    plan: Burst | None = None
    experiment: Burst | None = None


def decide_over_one(
    memory: Memory, observed: RoundObservation, about: About, rules: tuple[Rule, ...] = RULES
) -> Decision:
    """What ``observed``, whose legs are of one transport, adds to ``memory``, and what follows.

    Who answered is noted. A round that says nothing of its platform ends there. Else it is compared
    with what is normal of what it measured, and tells of what is suspected or proven; from that the
    facts are put together, of which the first rule that holds speaks. What it teaches comes last.
    """
    memory, observed = _named(memory, observed)
    memory = curtains.noted(heard(memory, observed, about), observed, about)
    hidden = {one: curtains.behind(memory.curtains, one, about) for one in about.families}
    silent = {one: _silent(memory, one) | hidden[one] for one in about.families}
    about = replace(about.of(observed), silent=silent)
    asked = (*observed.by_role(LegRole.TARGET), *observed.by_role(LegRole.CONTROL))
    memory = families.heard_over(memory, observed, any(map(answered, asked)))
    why = families.no_news(memory.families, observed, about.families)
    if why is not None:
        return _no_news(memory, observed, about, rules, why)
    memory = _with_reads(memory, observed, about)
    observed = curtains.apart(observed, hidden.get(observed.family, frozenset()))
    memory = shelf.turned_to(memory, observed, _reads(memory, observed))
    step = after_round if observed.burst is None else after_burst
    judged = step(memory, observed, about)
    facts = facts_of(judged, memory, observed, about)
    levels = memory.levels
    memory, mine = taught(memory, judged, observed, about)
    memory = learnt_while.noted(levels, memory, observed)
    if about.outside:
        mine = replace(mine, vouches=vouches_after(mine.vouches, facts, observed, about, rules))
    verdict = publish(first(facts, rules), facts, mine, observed, about, judged.numbers)
    verdict = learnt_while.told(verdict, facts, levels, judged.numbers, observed)
    if len(about.families) > 1:
        mine = families.noted(mine, observed, verdict)
    return _said(memory, mine, observed, verdict, judged.plan)


def nothing_new(
    memory: Memory, observed: RoundObservation, about: About, rules: tuple[Rule, ...]
) -> Decision:
    """What is said where a round has nothing of this transport and nothing was said before."""
    facts, mine = Facts(title=about.title), memory.platform(observed.platform)
    verdict = publish(first(facts, rules), facts, mine, observed, about, Numbers())
    return Decision(verdict=verdict, memory=memory)


def _with_reads(memory: Memory, observed: RoundObservation, about: About) -> Memory:
    """``memory`` with what was read, and with which reads stopped."""
    mine = memory.platform(observed.platform)
    mine = replace(mine, stopped=last_reads.stopped_reads(mine.stopped, observed))
    return replace(
        memory,
        records=object_records.noted(memory.records, observed, about),
        platforms={**memory.platforms, observed.platform: mine},
    )


def _named(memory: Memory, observed: RoundObservation) -> tuple[Memory, RoundObservation]:
    """``observed`` without what has no name, which ``memory`` keeps in mind."""
    mine = memory.platform(observed.platform)
    gone = nameless.vanished(mine.vanished, observed)
    platforms = {**memory.platforms, observed.platform: replace(mine, vanished=gone)}
    memory = replace(memory, platforms=platforms)
    return memory, nameless.without_nameless(observed, gone, mine.addresses, mine.encrypted)


def _reads(memory: Memory, observed: RoundObservation) -> Measure | None:
    """The measure of what is read: a burst's is that of what it tests."""
    if observed.burst is None:
        return reads(observed.kind)
    holder = memory.platform(observed.platform).holder
    return None if holder is None or holder.measure is Measure.HANDSHAKE else holder.measure


def _silent(memory: Memory, family: Family) -> frozenset[str]:
    """The controls that did not answer when they were asked last."""
    return frozenset(name for name, one in of_family(memory.controls, family) if one.silent_since)


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
