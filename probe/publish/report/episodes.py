"""Restrictions as episodes: from the round in which one was first seen to the first fine one."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from msgspec import Struct

from probe.model.identity import LegRole, RoundKind
from probe.model.observation import RoundObservation
from probe.model.stored import StoredRound
from probe.model.verdict import State, Verdict
from probe.observe.goodput import goodput, handshake_seconds
from probe.publish.report.quantile_sketch import Sketch
from probe.publish.report.report_parts import (
    PATIENCE_SECONDS,
    BeforeAndDuring,
    Episode,
    PlottedSeries,
)

# What "usual" is the median of: the last fine values of each series.
USUAL_VALUES = 96
# The proof of an onset comes later than the onset, by no more rounds than these.
REMEMBERED_ROUNDS = 48


class LegNumber(Struct, frozen=True):
    """One number of one leg."""

    at: float
    key: PlottedSeries
    value: float


def values_of(observed: RoundObservation) -> Iterable[LegNumber]:
    """Goodput and handshake time of every target, swap and control leg that has them."""
    for leg in observed.legs:
        if leg.leg.role is LegRole.DECOY:
            continue
        target = "" if leg.leg.role is LegRole.CONTROL else leg.leg.target
        # The first bytes of a light round tell about the round trip, not about the rate.
        rate = None if observed.kind is RoundKind.LIGHT else goodput(leg)
        for measure, number in (("goodput", rate), ("handshake", handshake_seconds(leg))):
            if number:
                key = PlottedSeries(role=leg.leg.role, target=target, measure=measure)
                yield LegNumber(observed.started_at, key, number)


class Episodes:
    """Finds the episodes of one vantage and platform in rounds that come in the order of time."""

    def __init__(self) -> None:
        self._done: list[Episode] = []
        self._open: _Open | None = None
        self._usual: dict[PlottedSeries, deque[LegNumber]] = {}
        self._recent: deque[StoredRound] = deque(maxlen=REMEMBERED_ROUNDS)

    def add(self, stored: StoredRound, values: Iterable[LegNumber]) -> None:
        """Take the next round with its numbers."""
        verdict, current = stored.verdict, self._open
        self._recent.append(stored)
        if verdict.restricted:
            if current is None:
                current = self._open = self._begin(verdict)
            current.take(verdict, stored.observed, values)
        elif current is not None:
            decided = verdict.state not in (State.UNKNOWN, State.OFFLINE)
            if decided or verdict.at - current.last_seen > PATIENCE_SECONDS:
                since = verdict.since if current.last_seen < verdict.since else verdict.at
                self._end(since if decided else current.last_seen, known=decided)
        if verdict.state is State.OK:
            for value in values:
                kept = self._usual.setdefault(value.key, deque(maxlen=USUAL_VALUES))
                kept.append(value)

    def finish(self) -> tuple[Episode, ...]:
        """All episodes; one that has not ended has no ``until``."""
        if self._open is not None:
            self._end(None)
        return tuple(self._done)

    def _begin(self, verdict: Verdict) -> _Open:
        onset = _onset([s.observed for s in self._recent], verdict.since)
        # Fine values from after the onset are those of rounds that had not noticed yet.
        usual = {
            key: [value.value for value in kept if value.at < verdict.since]
            for key, kept in self._usual.items()
        }
        begun = _Open(verdict, onset, usual)
        for earlier in self._recent:
            # Rounds between onset and proof saw the effect too.
            if verdict.since <= earlier.observed.started_at < verdict.at:
                begun.count(values_of(earlier.observed))
        return begun

    def _end(self, until: float | None, *, known: bool = True) -> None:
        assert self._open is not None
        self._done.append(self._open.frozen(until, known))
        self._open = None


class _Open:
    """An episode that is going on."""

    def __init__(
        self, first: Verdict, onset: RoundObservation, usual: dict[PlottedSeries, list[float]]
    ) -> None:
        self._first = first
        self._onset = onset
        self._usual = usual
        self._during: dict[PlottedSeries, Sketch] = {}
        self._factors = Sketch()
        self._rounds = 0
        self._swaps = 0
        self._e_value: float | None = None
        self._words: dict[str, Counter[str]] = {}
        self._may: dict[str, None] = {}
        self._may_not: dict[str, None] = {}
        self._provisional = True
        self.last_seen = first.at

    def take(
        self, verdict: Verdict, observed: RoundObservation, values: Iterable[LegNumber]
    ) -> None:
        self._rounds += 1
        self._swaps += len(observed.by_role(LegRole.SWAP))
        self.last_seen = verdict.at
        self._provisional = self._provisional and verdict.provisional
        if verdict.factor is not None:
            self._factors.add(verdict.factor)
        if verdict.e_value is not None:
            self._e_value = max(self._e_value or 0.0, verdict.e_value)
        for what, word in (
            ("state", verdict.state.value),
            ("target", verdict.target),
            ("trigger", verdict.trigger),
            ("signature", verdict.signature),
            ("method", verdict.method),
            ("phase", verdict.phase),
        ):
            if word:
                self._words.setdefault(what, Counter())[str(word)] += 1
        self._may |= dict.fromkeys(verdict.may_claim)
        self._may_not |= dict.fromkeys(verdict.may_not_claim)
        self.count(values)

    def count(self, values: Iterable[LegNumber]) -> None:
        for value in values:
            self._during.setdefault(value.key, Sketch()).add(value.value)

    def _most(self, what: str) -> str:
        counted = self._words.get(what)
        return counted.most_common(1)[0][0] if counted else ""

    def frozen(self, until: float | None, known: bool) -> Episode:
        return Episode(
            vantage=self._first.vantage,
            platform=self._first.platform,
            state=State(self._most("state")),
            since=self._first.since,
            until=until,
            last_seen=self.last_seen,
            rounds=self._rounds,
            provisional=self._provisional,
            target=self._most("target"),
            factor=self._factors.median,
            trigger=self._most("trigger"),
            signature=self._most("signature"),
            method=self._most("method"),
            phase=self._most("phase"),
            e_value=self._e_value,
            numbers={
                key: BeforeAndDuring(usual=_median(self._usual.get(key, [])), during=sketch.median)
                for key, sketch in self._during.items()
            },
            onset=self._onset,
            may_claim=tuple(self._may),
            may_not_claim=tuple(self._may_not),
            end_known=known,
            swaps=self._swaps,
        )


def _onset(recent: list[RoundObservation], since: float) -> RoundObservation:
    """The first round since the onset that read bodies; else the one nearest to the onset."""
    for observed in recent:
        if observed.started_at >= since and observed.kind is not RoundKind.LIGHT:
            return observed
    return min(recent, key=lambda observed: abs(observed.started_at - since))


def _median(values: list[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None
