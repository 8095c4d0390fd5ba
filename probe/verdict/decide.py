"""From one more round to a verdict, and to what should be measured next.

``decide`` is a pure function: what it remembers goes in and comes out as a frozen value, so last
month can be judged again with other thresholds. The caller carries the plan that comes out to the
measuring room and decides again with what that saw, until there is no plan.

Each transport is judged by itself (``one_lane.py``, ``lanes.py``); here they are run one after the
other, and what they say is joined (``transports.py``).
"""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import FIRST_PROBER, RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import TransportFinding, Verdict
from probe.verdict.about import About, Lane
from probe.verdict.ladder.ladder import RULES
from probe.verdict.ladder.rule import Rule
from probe.verdict.lanes import known_over, over
from probe.verdict.law import laws
from probe.verdict.one_lane import Decision, decide_over_one, nothing_new
from probe.verdict.remembered.memory import Memory
from probe.verdict.transports import finding_of, joined


def decide(
    memory: Memory, observed: RoundObservation, about: About, rules: tuple[Rule, ...] = RULES
) -> Decision:
    """What ``observed`` adds to ``memory``, and what follows.

    An experiment adds to what is known of a throttle that is proven, and to nothing else. Those
    over TCP come first.
    """
    if observed.kind is not RoundKind.EXPERIMENT:
        made = _over_all(memory, observed, about, rules)
    elif observed.burst is None or observed.burst.prober == FIRST_PROBER:
        lanes = memory.lanes.values()
        told = laws.after_experiment(memory, observed, beside=lanes)
        if told is None:
            return nothing_new(memory, observed, about, rules)
        return Decision(verdict=told.verdict, memory=told.memory, experiment=told.experiment)
    else:
        tried = _tried_over(memory, observed, observed.burst.prober)
        if tried is None:
            return nothing_new(memory, observed, about, rules)
        made = tried
    found = laws.after_round(made.memory, made.verdict, beside=made.memory.lanes.values())
    return Decision(
        verdict=found.verdict,
        memory=found.memory,
        plan=made.plan,
        experiment=(found.experiment or made.experiment) if made.plan is None else None,
    )


def _tried_over(memory: Memory, observed: RoundObservation, prober: str) -> Decision | None:
    """What an experiment over another transport than TCP adds to what is said of that one;
    ``None``: nothing was said."""
    said, lane = memory.said.get(observed.platform), memory.lanes.get(prober)
    if said is None or lane is None:
        return None
    others = _others(memory, prober)
    found = laws.after_experiment(lane, observed, over=prober, beside=others)
    if found is None:
        return None
    law = found.verdict.law
    over = [replace(one, law=law) if one.transport == prober else one for one in said.over]
    again = replace(said, at=observed.ended_at, holds_seconds=observed.holds_seconds, over=())
    memory = replace(
        memory,
        lanes={**memory.lanes, prober: found.memory},
        said={**memory.said, observed.platform: replace(said, over=tuple(over))},
    )
    return Decision(verdict=joined(again, over), memory=memory, experiment=found.experiment)


def _others(memory: Memory, prober: str) -> tuple[Memory, ...]:
    """The memories of TCP and of all lanes but one."""
    return (memory, *(one for name, one in memory.lanes.items() if name != prober))


def _over_all(
    memory: Memory, observed: RoundObservation, about: About, rules: tuple[Rule, ...]
) -> Decision:
    """The same of a round or burst.

    A burst over another transport than TCP leaves what is said of TCP as it was. Bursts are asked
    for one at a time: those over TCP first, since most of what people do goes over it.
    """
    first = _over_tcp(memory, observed, about, rules)
    if not about.lanes:
        return first
    platform, memory = observed.platform, first.memory
    lanes, findings, asked = dict(memory.lanes), list[TransportFinding](), list[Burst]()
    experiment: Burst | None = None
    waiting = memory.waiting.get(platform)
    for lane in about.lanes:
        seen = over(observed, lane.prober)
        if seen is None:
            findings += _held(memory.said.get(platform), lane, observed)
            if observed.burst is not None and waiting is not None and _of(waiting, lane):
                asked.append(waiting)
            continue
        made = decide_over_one(
            lanes.get(lane.prober, Memory()), seen, known_over(about, lane), rules
        )
        kept, said_of_it = made.memory, made.verdict
        if lane.direction == "down":
            lawful = laws.after_round(
                kept, said_of_it, over=lane.prober, beside=_others(memory, lane.prober)
            )
            kept, said_of_it = lawful.memory, lawful.verdict
            experiment = experiment or lawful.experiment
        lanes[lane.prober] = kept
        findings.append(finding_of(lane, said_of_it, seen))
        if made.plan is not None:
            asked.append(replace(made.plan, over=lane.prober))
    verdict = joined(first.verdict, findings)
    plan, next_one = _in_turn(first.plan, asked)
    memory = replace(
        memory,
        lanes=lanes,
        said={**memory.said, platform: replace(first.verdict, over=verdict.over)},
        waiting=_waiting(memory, platform, next_one),
    )
    return Decision(verdict=verdict, memory=memory, plan=plan, experiment=experiment)


def _over_tcp(
    memory: Memory, observed: RoundObservation, about: About, rules: tuple[Rule, ...]
) -> Decision:
    seen = over(observed, FIRST_PROBER)
    if seen is not None:
        return decide_over_one(memory, seen, about, rules)
    said = memory.said.get(observed.platform)
    if said is None:
        return nothing_new(memory, observed, about, rules)
    again = replace(said, at=observed.ended_at, holds_seconds=observed.holds_seconds, over=())
    return Decision(verdict=again, memory=memory)


def _held(said: Verdict | None, lane: Lane, observed: RoundObservation) -> list[TransportFinding]:
    """What was found over ``lane`` before, if that still holds."""
    kept = () if said is None else said.over
    return [
        one for one in kept if one.transport == lane.prober and one.reaches(observed.started_at)
    ]


def _of(burst: Burst, lane: Lane) -> bool:
    return burst.prober == lane.prober


def _in_turn(first: Burst | None, asked: list[Burst]) -> tuple[Burst | None, Burst | None]:
    """The burst to make now, and the one that waits for it."""
    if first is not None:
        return first, asked[0] if asked else None
    return (asked[0] if asked else None), (asked[1] if len(asked) > 1 else None)


def _waiting(memory: Memory, platform: str, burst: Burst | None) -> dict[str, Burst]:
    after = {name: one for name, one in memory.waiting.items() if name != platform}
    return after if burst is None else {**after, platform: burst}
