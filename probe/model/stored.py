"""What the history has: rounds, and the spans of time in which a verdict held."""

from __future__ import annotations

from msgspec import Struct

from probe.model.observation import RoundObservation
from probe.model.verdict import Method, State, Trigger, Verdict


class StoredRound(Struct, frozen=True, kw_only=True):
    """One round or burst with the verdict that followed it."""

    observed: RoundObservation
    verdict: Verdict


class VerdictSpan(Struct, frozen=True, kw_only=True):
    """A time through which one vantage and platform had the same state, reason, method and trigger.

    ``started_at`` is the start of its first round and ``ended_at`` the end of its last one (Unix
    seconds): the time between two spans was not measured, or belongs to no state. ``rounds`` counts
    them. ``first`` and ``last`` are the verdicts of those two rounds, with their evidence; an onset
    that was found in hindsight is ``first.since``. Spans stay when their rounds are thinned out.
    """

    vantage: str
    platform: str
    state: State
    started_at: float
    ended_at: float
    rounds: int
    first: Verdict
    last: Verdict

    @property
    def reason(self) -> str:
        """Of the state, as of the first verdict."""
        return self.first.reason

    @property
    def method(self) -> Method | None:
        """Of a block."""
        return self.first.method

    @property
    def trigger(self) -> Trigger | None:
        """Of throttling."""
        return self.first.trigger
