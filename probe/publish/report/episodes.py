"""Restrictions as episodes: from the round in which one was first seen to the first fine one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from probe.model.identity import RoundKind
from probe.model.law import Law
from probe.model.observation import RoundObservation
from probe.model.round_summary import PlottedSeries, RoundSummary, SummedRound
from probe.model.verdict import State
from probe.publish.report.quantile_sketch import Sketch
from probe.publish.report.report_parts import PATIENCE_SECONDS, BeforeAndDuring, Episode

# What "usual" is the median of: the last fine values of each series.
USUAL_VALUES = 96
# The proof of an onset comes later than the onset, by no more rounds than these.
REMEMBERED_ROUNDS = 48


class Episodes:
    """Finds the episodes of one vantage and platform in rounds that come in the order of time."""

    def __init__(self) -> None:
        self._done: list[Episode] = []
        self._open: _Open | None = None
        # When and how much, of each series.
        self._usual: dict[PlottedSeries, deque[tuple[float, float]]] = {}
        self._recent: deque[SummedRound] = deque(maxlen=REMEMBERED_ROUNDS)

    def add(self, one: SummedRound) -> None:
        """Take the next round."""
        summary, current = one.summary, self._open
        state = summary.traits.state
        self._recent.append(one)
        if summary.traits.restricted:
            if current is None:
                current = self._open = self._begin(summary)
            current.take(summary)
        elif current is not None:
            decided = state not in (State.UNKNOWN, State.OFFLINE)
            if decided or summary.at - current.last_seen > PATIENCE_SECONDS:
                since = summary.since if current.last_seen < summary.since else summary.at
                self._end(since if decided else current.last_seen, known=decided)
        if state is State.OK:
            series, at, usual = summary.traits.series, summary.started_at, self._usual
            for place, value in summary.numbers:
                key = series[place]
                kept = usual.get(key)
                if kept is None:
                    kept = usual[key] = deque(maxlen=USUAL_VALUES)
                kept.append((at, value))

    def finish(self) -> tuple[Episode, ...]:
        """All episodes; one that has not ended has no ``until``."""
        if self._open is not None:
            self._end(None)
        return tuple(self._done)

    def _begin(self, first: RoundSummary) -> _Open:
        onset = _onset(self._recent, first.since)
        # Fine values from after the onset are those of rounds that had not noticed yet.
        usual = {
            key: [value for at, value in kept if at < first.since]
            for key, kept in self._usual.items()
        }
        begun = _Open(first, onset, usual)
        for earlier in self._recent:
            # Rounds between onset and proof saw the effect too.
            if first.since <= earlier.summary.started_at < first.at:
                begun.count(earlier.summary)
        return begun

    def _end(self, until: float | None, *, known: bool = True) -> None:
        assert self._open is not None
        self._done.append(self._open.frozen(until, known))
        self._open = None


class _Open:
    """An episode that is going on."""

    def __init__(
        self,
        first: RoundSummary,
        onset: RoundObservation | None,
        usual: dict[PlottedSeries, list[float]],
    ) -> None:
        self._first = first
        self._onset = onset
        self._usual = usual
        self._during: dict[PlottedSeries, Sketch] = {}
        self._factors = Sketch()
        self._rounds = 0
        self._swaps = 0
        self._e_value: float | None = None
        self._words: dict[str, dict[str, int]] = {}
        self._may: dict[str, None] = {}
        self._may_not: dict[str, None] = {}
        self._provisional = True
        self._law: Law | None = None
        self.last_seen = first.at

    def take(self, summary: RoundSummary) -> None:
        said = summary.traits
        self._rounds += 1
        self._swaps += summary.swaps
        self.last_seen = summary.at
        self._provisional = self._provisional and said.provisional
        # What was found later rests on more reads.
        self._law = summary.law or self._law
        if summary.factor is not None:
            self._factors.add(summary.factor)
        if summary.e_value is not None:
            self._e_value = max(self._e_value or 0.0, summary.e_value)
        for what, word in (
            ("state", said.state.value),
            ("target", said.target),
            ("trigger", said.trigger),
            ("signature", said.signature),
            ("method", said.method),
            ("phase", said.phase),
        ):
            if word:
                counted = self._words.setdefault(what, {})
                counted[word] = counted.get(word, 0) + 1
        self._may |= dict.fromkeys(summary.may_claim)
        self._may_not |= dict.fromkeys(summary.may_not_claim)
        self.count(summary)

    def count(self, summary: RoundSummary) -> None:
        series = summary.traits.series
        for place, value in summary.numbers:
            key = series[place]
            sketch = self._during.get(key)
            if sketch is None:
                sketch = self._during[key] = Sketch()
            sketch.add(value)

    def _most(self, what: str) -> str:
        counted = self._words.get(what)
        return str(max(counted, key=counted.__getitem__)) if counted else ""

    def frozen(self, until: float | None, known: bool) -> Episode:
        return Episode(
            vantage=self._first.traits.vantage,
            platform=self._first.traits.platform,
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
            law=self._law,
        )


def _onset(recent: Iterable[SummedRound], since: float) -> RoundObservation | None:
    """The first round since the onset that read bodies; else the one nearest to the onset."""
    for one in recent:
        if one.summary.started_at >= since and one.summary.traits.kind is not RoundKind.LIGHT:
            return one.observed()
    return min(recent, key=lambda one: abs(one.summary.started_at - since)).observed()


def _median(values: list[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None
