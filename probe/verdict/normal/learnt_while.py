"""What is said of a normal that was learnt while others were restricted. Pure.

The mark stands on the levels (``level_mark.py``). A verdict tells it where it rests on such a
level: not of a line that is dead, of what is blocked, or of what is as fast as a neutral name at
the same server. No rule looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.model.others_restricted import OthersRestricted
from probe.model.verdict import State, Verdict
from probe.observe.effort import Measure
from probe.verdict.ladder.facts import Facts
from probe.verdict.ladder.outcome import Numbers
from probe.verdict.normal.level import Levels
from probe.verdict.normal.level_mark import marked
from probe.verdict.normal.pace import KnownBy
from probe.verdict.remembered.keys import Series, parts
from probe.verdict.remembered.memory import Memory
from probe.verdict.words.words_others import NOT_CLAIMED, learnt_while_words

_SAYS_NORMAL = ("as long as normal", "as long as usual")
"""Of the sentences' words: with these the platform's own normal is told, and with no others."""


def noted(before: Levels, memory: Memory, observed: RoundObservation) -> Memory:
    """``memory`` after ``observed`` has taught it, where the levels were ``before``: those of its
    platform that have learnt are marked, if others were restricted then."""
    others = observed.others_restricted
    if others is None:
        return memory
    news = {
        key: marked(level, others, observed.started_at)
        for key, level in memory.levels.items()
        if level.values
        and level is not before.get(key)
        and (its := parts(key)) is not None
        and its.owner == observed.platform
    }
    return replace(memory, levels={**memory.levels, **news}) if news else memory


def told(
    verdict: Verdict, facts: Facts, levels: Levels, numbers: Numbers, observed: RoundObservation
) -> Verdict:
    """``verdict`` with what has to be said of the normal that it rests on."""
    if not _rests_on_normal(verdict, facts):
        return verdict
    found: OthersRestricted | None = None
    for target, measure in _compared(numbers, observed):
        key = Series(observed.family, LegRole.TARGET, observed.platform, target, measure).key
        level = levels.get(key)
        if level is not None and level.mark is not None:
            found = level.mark.of.with_others(found)
    if found is None:
        return verdict
    if observed.others_restricted is not None:
        found = replace(found, until=None)
    return replace(
        verdict,
        learnt_while=found,
        sentence=f"{verdict.sentence} {learnt_while_words(found)}",
        may_not_claim=(*verdict.may_not_claim, NOT_CLAIMED),
    )


def _compared(numbers: Numbers, observed: RoundObservation) -> Iterable[tuple[str, str]]:
    """The targets, each with the measure, that were compared with their own normal."""
    if numbers.score is None:
        return [(one.target, one.measure) for one in numbers.contrasts if one.usual]
    if observed.burst is None or not numbers.score.usual:
        return []
    return [(observed.burst.target, measure) for measure in Measure]


def _rests_on_normal(verdict: Verdict, facts: Facts) -> bool:
    """It compares the platform with its own normal and says so; or it is fine, and neither a
    neutral name at the same server nor other sites say how fast it should be."""
    if any(words in verdict.sentence for words in _SAYS_NORMAL):
        return True
    known = None if facts.paces is None else facts.paces.known
    return verdict.state is State.OK and known not in (KnownBy.SWAP, KnownBy.CONTROLS)
