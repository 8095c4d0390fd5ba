"""What one round alone allows to be said: a provisional verdict.

One round can show that a platform answers, that nothing answers, or that something is wrong with
the platform while its controls are well. It cannot bound the chance of a false alarm, so it never
says ``throttled``, ``blocked``, ``degraded`` or ``down``: what is wrong is ``unknown``, with the
reason. The rules are tried in order; the first that holds speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

from msgspec import Struct

from probe.model.identity import LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import State, Verdict
from probe.observe.pairs import ratios

# A platform that is less than this much slower than its controls is fine (design: margin log 2).
MARGIN = 2.0
_REFUSED = "http_unexpected_status_code"


class Facts(Struct, frozen=True, kw_only=True):
    """What the rules look at."""

    title: str
    targets: tuple[LegObservation, ...]
    controls: tuple[LegObservation, ...]
    slowdowns: tuple[float, ...]
    clock_stepped: bool

    @property
    def healthy_controls(self) -> int:
        """Controls that gave what was asked of them."""
        return sum(leg.ok for leg in self.controls)

    @property
    def failed(self) -> tuple[LegObservation, ...]:
        """Targets that did not give what was asked of them."""
        return tuple(leg for leg in self.targets if not leg.ok)

    @property
    def slower(self) -> float:
        """How many times slower than its controls the slowest target was, in anything."""
        return max(self.slowdowns, default=1.0)


class Rule(Struct, frozen=True, kw_only=True):
    """A rung: when ``holds``, the state, and the sentence for a person."""

    id: str
    state: State
    reason: str
    holds: Callable[[Facts], bool]
    says: Callable[[Facts], str]


def _slowdowns(observed: RoundObservation) -> tuple[float, ...]:
    """How many times slower than its controls each target was, beyond what its distance explains.

    A target that is further away than its controls (in round trips) needs more time for the same
    handshake and the same flights, so a factor counts only as far as it exceeds the ratio of the
    round-trip times.
    """
    trips = [
        leg.connect_rtt_seconds
        for leg in observed.by_role(LegRole.CONTROL)
        if leg.connect_rtt_seconds
    ]
    distance = {}
    for leg in observed.by_role(LegRole.TARGET):
        own = leg.connect_rtt_seconds
        distance[leg.leg.target] = max(1.0, own / median(trips)) if own and trips else 1.0
    return tuple(
        (1.0 / ratio.value if ratio.measure == "goodput" else ratio.value) / distance[ratio.target]
        for ratio in ratios(observed)
        if ratio.versus is LegRole.CONTROL
    )


def _failures(legs: Iterable[LegObservation]) -> str:
    words = sorted({f"{x.failure.reason} in {x.failure.phase}" for x in legs if x.failure})
    return ", ".join(words)


def _controls(facts: Facts) -> str:
    return f"{facts.healthy_controls} of {len(facts.controls)} controls are fine"


def _times_slower(facts: Facts) -> str:
    return f"{facts.slower:.1f} times slower than its controls"


RULES: tuple[Rule, ...] = (
    Rule(
        id="provisional.clock-stepped",
        state=State.UNKNOWN,
        reason="clock_stepped",
        holds=lambda f: f.clock_stepped,
        says=lambda f: f"{f.title}: the clock was set during the round; nothing is concluded.",
    ),
    Rule(
        id="provisional.offline",
        state=State.OFFLINE,
        reason="nothing_answers",
        holds=lambda f: bool(f.controls) and not any(x.ok for x in (*f.controls, *f.targets)),
        says=lambda f: (
            f"{f.title}: this line is offline: neither it nor any of {len(f.controls)} controls "
            f"answers ({_failures(f.controls)})."
        ),
    ),
    Rule(
        id="provisional.nothing-measured",
        state=State.UNKNOWN,
        reason="too_little_data",
        holds=lambda f: not f.targets or not f.controls,
        says=lambda f: f"{f.title}: too little was measured in this round to say anything.",
    ),
    Rule(
        id="provisional.no-healthy-control",
        state=State.UNKNOWN,
        reason="no_healthy_control",
        holds=lambda f: f.healthy_controls == 0,
        says=lambda f: (
            f"{f.title}: no control is fine ({_failures(f.controls)}), so there is nothing to "
            "compare with."
        ),
    ),
    Rule(
        id="provisional.refused",
        state=State.UNKNOWN,
        reason="refused",
        holds=lambda f: (
            bool(f.failed) and all(x.failure and x.failure.reason == _REFUSED for x in f.failed)
        ),
        says=lambda f: (
            f"{f.title}: answers, but refuses what we ask for; that is not interference "
            f"({_controls(f)})."
        ),
    ),
    Rule(
        id="provisional.target-failing",
        state=State.UNKNOWN,
        reason="target_failing",
        holds=lambda f: bool(f.failed),
        says=lambda f: (
            f"{f.title}: {len(f.failed)} of {len(f.targets)} targets fail ({_failures(f.failed)}) "
            f"while {_controls(f)}; one round does not tell why."
        ),
    ),
    Rule(
        id="provisional.slower",
        state=State.UNKNOWN,
        reason="slower_than_controls",
        holds=lambda f: f.slower > MARGIN,
        says=lambda f: (
            f"{f.title}: reachable, but in this round {_times_slower(f)}; one round does not tell "
            "why."
        ),
    ),
    Rule(
        id="provisional.ok",
        state=State.OK,
        reason="",
        holds=lambda f: True,
        says=lambda f: f"{f.title}: reachable, {_pace(f)} ({_controls(f)}).",
    ),
)


def _pace(facts: Facts) -> str:
    if not facts.slowdowns:
        return "with nothing to compare its pace with"
    return f"less than {MARGIN:.0f} times slower than its controls"


def judge(observed: RoundObservation, *, title: str, previous: Verdict | None) -> Verdict:
    """The provisional verdict after one round; ``previous`` is the one it follows, if any."""
    facts = Facts(
        title=title,
        targets=observed.by_role(LegRole.TARGET),
        controls=observed.by_role(LegRole.CONTROL),
        slowdowns=_slowdowns(observed),
        clock_stepped=observed.clock_stepped,
    )
    rule = next(rule for rule in RULES if rule.holds(facts))
    same = previous is not None and previous.state is rule.state and previous.reason == rule.reason
    at = observed.started_at + observed.duration_seconds
    return Verdict(
        vantage=observed.vantage,
        platform=observed.platform,
        state=rule.state,
        rule_id=rule.id,
        reason=rule.reason,
        sentence=rule.says(facts),
        at=at,
        since=previous.since if same and previous is not None else at,
        provisional=True,
    )
