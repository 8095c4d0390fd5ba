"""Stored rounds through the present rules: what would have been said, and when. Pure.

Nothing is measured: bursts that were made are judged as they were, and those that the present rules
ask for and nobody made are counted, since without them less can be proven than would have been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from probe.model.burst import Burst
from probe.model.observation import RoundObservation
from probe.model.verdict import Verdict
from probe.verdict.about import About
from probe.verdict.decide import decide
from probe.verdict.ladder.ladder import RULES
from probe.verdict.ladder.rule import Rule
from probe.verdict.remembered.memory import Memory

Latest = Mapping[tuple[str, str], Verdict]
"""The latest verdict by vantage and platform."""
Knows = Callable[[RoundObservation, Latest], About]
"""What is known of a round's platform, given what is said of all others."""


class Recorded(Struct, frozen=True, kw_only=True):
    """A round as it was recorded; ``verdict``: what was said then (``None``: not recorded)."""

    observed: RoundObservation
    verdict: Verdict | None = None


class Replayed(Struct, frozen=True, kw_only=True):
    """A round with what was said ``then`` and what is said ``now``.

    ``changed``: the verdict now is another one than after the round before. ``unmade``: the rules
    asked for a burst after the round before this one, and this is none. ``plan``: the burst that
    they ask for after it (``None``: none).
    """

    observed: RoundObservation
    then: Verdict | None
    now: Verdict
    plan: Burst | None = None
    changed: bool = False
    unmade: bool = False

    @property
    def agrees(self) -> bool:
        """Both say the same in state and in what counts of it; true if nothing was recorded."""
        return self.then is None or outline(self.then) == outline(self.now)


def outline(verdict: Verdict) -> tuple[object, ...]:
    """What counts of a verdict when two are compared: not its numbers."""
    over = tuple(one.outline for one in verdict.over)
    return verdict.state, verdict.reason, verdict.method, verdict.trigger, over


def _as_it_is(memory: Memory) -> Memory:
    return memory


def replay(
    rounds: Iterable[Recorded],
    knows: Knows,
    rules: tuple[Rule, ...] = RULES,
    *,
    kept: Callable[[Memory], Memory] = _as_it_is,
) -> Iterator[Replayed]:
    """Judge ``rounds`` again, in their order, from an empty memory. ``kept``: what is left of a
    vantage's memory at the next round (a restart stores it and reads it again)."""
    memories: dict[str, Memory] = {}
    latest: dict[tuple[str, str], Verdict] = {}
    awaited: set[tuple[str, str]] = set()
    for recorded in rounds:
        observed = recorded.observed
        key = (observed.vantage, observed.platform)
        memory = memories.get(observed.vantage, Memory())
        decision = decide(memory, observed, knows(observed, latest), rules)
        memories[observed.vantage] = kept(decision.memory)
        before = latest.get(key)
        latest[key] = decision.verdict
        unmade = key in awaited and (observed.burst is None or bool(observed.burst.experiment))
        awaited.discard(key)
        if decision.plan is not None:
            awaited.add(key)
        yield Replayed(
            observed=observed,
            then=recorded.verdict,
            now=decision.verdict,
            plan=decision.plan,
            changed=before is None or outline(before) != outline(decision.verdict),
            unmade=unmade,
        )
