"""When a rung of the ladder holds: conditions that several of them share."""

from __future__ import annotations

from collections.abc import Callable

from probe.model.verdict import Method, State, Trigger
from probe.verdict.basis.certificate_dates import Fault
from probe.verdict.burst.own_rate import root_of
from probe.verdict.ladder.facts import Facts, Suspicion
from probe.verdict.line.families import NoNews


def restricted(facts: Facts) -> bool:
    return any(x is not None for x in (facts.proven, facts.often, facts.episode))


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
