"""When a rung of the ladder holds: conditions that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from math import log

from probe.model.verdict import Method, State, Trigger
from probe.verdict.basis.certificate_dates import Fault
from probe.verdict.burst.own_rate import root_of
from probe.verdict.ladder.facts import Elsewhere, Facts, Suspicion
from probe.verdict.line.families import NoNews
from probe.verdict.normal.pace import SLOWEST

TELLING = log(30.0)
"""A line so many times slower than normal is told by that; a quarter of the packets lost makes it
up to twenty-five times slower (``benchmarks.losses``, ``tests/synth/test_lossy_line.py``). Ours."""


def restricted(facts: Facts) -> bool:
    return any(x is not None for x in (facts.proven, facts.often, facts.episode))


def loses_packets(facts: Facts) -> bool:
    """Packets of all sites are lost, and nothing tells more: a policer of everything drops them as
    well, and there the rates do."""
    much_slower = facts.slow_line is not None and facts.slow_line >= TELLING
    paces = facts.paces
    told = much_slower or (paces is not None and paces.slowest and paces.foreign < SLOWEST)
    return facts.lossy is not None and not told and bool(facts.targets or facts.others)


def out_of_budget(facts: Facts) -> bool:
    """Nothing was measured; but who was slow on a line that loses packets is no riddle."""
    unmeasured = not facts.targets and facts.skipped > 0
    return unmeasured and not (facts.proven or facts.often or loses_packets(facts))


def nothing_answers(facts: Facts) -> bool:
    asked = bool(facts.controls) and bool(facts.targets)
    return asked and not facts.anything_answers and not facts.nobody_to_ask


def fails_elsewhere(facts: Facts) -> bool:
    here = restricted(facts) or bool(facts.failing) or facts.errors
    return here and facts.elsewhere is Elsewhere.FAILING


def blocked(method: Method) -> Callable[[Facts], bool]:
    return lambda f: (
        f.proven is not None and f.proven.said is State.BLOCKED and root_of(f.proven) is method
    )


def throttled(trigger: Trigger) -> Callable[[Facts], bool]:
    return lambda f: (
        f.proven is not None and f.proven.said is State.THROTTLED and f.proven.trigger is trigger
    )


def behind_a_curtain(facts: Facts) -> bool:
    found = facts.proven
    return facts.behind is not None and found is not None and found.said is State.IMPAIRED


def impaired(fails: bool) -> Callable[[Facts], bool]:
    return lambda f: (
        f.proven is not None
        and f.proven.said is State.IMPAIRED
        and (f.proven.state is State.BLOCKED) is fails
    )


def suspicion(which: Suspicion) -> Callable[[Facts], bool]:
    return lambda f: f.suspicion is which


def dates(fault: Fault) -> Callable[[Facts], bool]:
    return lambda f: f.dates is not None and f.dates.fault is fault


def no_news(why: NoNews) -> Callable[[Facts], bool]:
    return lambda f: f.no_news is why
