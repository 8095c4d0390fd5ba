"""What the history has: rounds, and the spans of time in which a verdict held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import asdict, replace

from probe.model.identity import VantagePlatform
from probe.model.observation import RoundObservation
from probe.model.verdict import LookingBack, Method, State, Trigger, Verdict


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
        """The layer at which it is blocked; ``None``: it is not."""
        return self.first.method

    @property
    def trigger(self) -> Trigger | None:
        """What sets the throttling off; ``None``: it is not throttled."""
        return self.first.trigger


class JudgedSpan(VerdictSpan, frozen=True, kw_only=True):
    """A span with what a later end has shown of it (``judged_back``; ``None``: nothing), and from
    when to when it is told (``since``, ``until``, Unix seconds): what was proven begins at its
    onset, and what was said before ends there."""

    since: float
    until: float
    judged_back: LookingBack | None = None


def looked_back(spans: Iterable[VerdictSpan]) -> dict[VantagePlatform, tuple[LookingBack, ...]]:
    """What the verdicts of ``spans`` say of the times before them, each once."""
    found: dict[VantagePlatform, dict[tuple[str, float], LookingBack]] = {}
    for span in spans:
        for verdict in (span.first, span.last):
            if (back := verdict.back) is not None:
                slot = found.setdefault((span.vantage, span.platform), {})
                slot[back.target, back.until] = back
    return {slot: tuple(backs.values()) for slot, backs in found.items()}


def judged_back(
    span: VerdictSpan, backs: Mapping[VantagePlatform, tuple[LookingBack, ...]]
) -> LookingBack | None:
    """What a later end has shown of ``span``: the most that it was slowed."""
    found = [
        back
        for back in backs.get((span.vantage, span.platform), ())
        if back.holds_for(span.state, span.started_at, span.ended_at)
    ]
    return max(found, key=lambda back: back.times, default=None)


def judged(
    spans: Iterable[VerdictSpan],
    backs: Mapping[VantagePlatform, tuple[LookingBack, ...]] | None = None,
) -> list[JudgedSpan]:
    """``spans`` by the times of which they tell, each with what a later end has shown of it. Those
    of one vantage and platform do not overlap: a proof tells of the time since its onset, so what
    was said in that time, before anything was known, is left out."""
    slots: dict[VantagePlatform, list[JudgedSpan]] = {}
    for span in sorted(spans, key=lambda span: span.started_at):
        slot = slots.setdefault((span.vantage, span.platform), [])
        since = _told_since(span, slot)
        while slot and slot[-1].since >= since:
            slot.pop()
        if slot and slot[-1].until > since:
            slot[-1] = replace(slot[-1], until=since)
        back = judged_back(span, backs or {})
        until = max(since, span.ended_at)
        slot.append(JudgedSpan(**asdict(span), since=since, until=until, judged_back=back))
    found = [span for slot in slots.values() for span in slot]
    return sorted(found, key=lambda span: (span.since, span.vantage, span.platform))


def _told_since(span: VerdictSpan, before: Iterable[JudgedSpan]) -> float:
    """The onset, if it was proven; what was proven before keeps its time, but an impairment gives
    way to an accusation."""
    if not span.first.proven:
        return span.started_at
    kept = [one.until for one in before if one.state is span.state or one.first.restricted]
    return min(span.started_at, max([span.first.since, *kept]))
