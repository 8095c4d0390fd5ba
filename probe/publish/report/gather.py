"""One pass over the rounds of a window: what a report needs of them, and no more.

What is kept grows with the number of bins, vantages and platforms, not with the number of rounds,
so a year's report needs about as much memory as a week's.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from probe.model.identity import VantagePlatform
from probe.model.others_restricted import OthersRestricted
from probe.model.round_summary import PlottedSeries, SummedRound
from probe.model.stored import StoredRound, VerdictSpan
from probe.model.verdict import PROVEN, RESTRICTED, LookingBack, State, Verdict
from probe.observe.summed import summed
from probe.publish.report.episodes import Episodes
from probe.publish.report.quantile_sketch import Sketch
from probe.publish.report.report_parts import (
    Gathered,
    HungCurtain,
    SlotGathered,
    StateSpan,
    Window,
)
from probe.verdict.words.words_others import NOT_CLAIMED

MOST_BINS = 480
# Widths that people read easily, in seconds; the first that gives few enough bins is taken.
_WIDTHS = (300, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
# Those of a time that is so short that wider ones would leave fewer bins than that: a demo's.
_SHORT_WIDTHS = (120, 15, 5)
LEAST_BINS = 20


def window(start: float, end: float) -> Window:
    """The time from ``start`` to ``end`` (Unix seconds) in at most ``MOST_BINS`` bins."""
    wanted = (end - start) / MOST_BINS
    width = next((w for w in _WIDTHS if w >= wanted), _WIDTHS[-1])
    if end - start < LEAST_BINS * width:
        enough = (w for w in _SHORT_WIDTHS if end - start >= LEAST_BINS * w)
        width = next(enough, _SHORT_WIDTHS[-1])
    return Window(start=start, end=end, bin_seconds=float(max(width, wanted)))


def gather(
    rounds: Iterable[StoredRound],
    over: Window,
    *,
    told: Iterable[VerdictSpan] = (),
) -> Gathered:
    """The same of whole rounds."""
    return gather_summaries(summed(rounds), over, told=told)


def gather_summaries(
    rounds: Iterable[SummedRound],
    over: Window,
    *,
    told: Iterable[VerdictSpan] = (),
) -> Gathered:
    """Read ``rounds``, which come in the order of time, once.

    ``told`` are the times through which a verdict held, also in the order of time: of calm times
    long ago they are all that is left of most rounds. Without them the rounds say it.
    """
    slots: dict[VantagePlatform, _SlotGatherer] = {}
    count = legs = wire = tested = 0
    stacks: dict[str, None] = {}
    controls: dict[str, None] = {}
    rules: set[int] = set()
    curtains: dict[tuple[str, str, float], HungCurtain] = {}
    for one in rounds:
        summary = one.summary
        if not over.start <= summary.started_at < over.end:
            continue
        traits = summary.traits
        key = (traits.vantage, traits.platform)
        slot = slots.get(key)
        if slot is None:
            slot = slots[key] = _SlotGatherer(over)
        slot.add(one)
        count += 1
        legs += summary.legs
        wire += summary.wire_bytes
        tested = max(tested, summary.tested_bytes or 0)
        controls.update(dict.fromkeys(summary.controls))
        rules.add(traits.rules_version)
        if traits.tls_stack:
            stacks[traits.tls_stack] = None
        for curtain in summary.curtains:
            hung = HungCurtain(traits.vantage, curtain, summary.at)
            curtains[traits.vantage, curtain.operator, curtain.since] = hung
    for span in told:
        slot = slots.get((span.vantage, span.platform))
        if slot is not None:
            slot.told(span)
    return Gathered(
        window=over,
        slots={key: slot.frozen() for key, slot in slots.items()},
        rounds=count,
        legs=legs,
        wire_bytes=wire,
        tested_bytes=tested,
        tls_stacks=tuple(stacks),
        rules=tuple(sorted(rules - {0})),
        controls=tuple(sorted(controls)),
        curtains=tuple(curtains.values()),
    )


class _SlotGatherer:
    """Of one vantage and platform."""

    def __init__(self, over: Window) -> None:
        self._window = over
        self._spans = VerdictSpans(over)
        self._told = VerdictSpans(over)
        self._series: dict[PlottedSeries, dict[int, Sketch]] = {}
        self._episodes = Episodes()
        self._backs: dict[tuple[str, float], LookingBack] = {}
        self._over: dict[str, VerdictSpans] = {}
        self._learnt_while: OthersRestricted | None = None
        self._normal_unsure = False
        self._rounds = 0
        self._first = self._last = 0.0

    def add(self, one: SummedRound) -> None:
        summary = one.summary
        at = summary.started_at
        self._first = self._first if self._rounds else at
        self._last = at
        self._rounds += 1
        self._spans.said(
            summary.traits.state, at=summary.at, since=summary.since, until=summary.holds_until
        )
        for beside in summary.over:
            spans = self._over.setdefault(beside.transport, VerdictSpans(self._window))
            spans.said(beside.state, at=beside.at, since=beside.since, until=beside.holds_until)
        self._look_back(summary.back)
        self._normal_unsure |= NOT_CLAIMED in summary.may_not_claim
        self._episodes.add(one)
        number = int((at - self._window.start) // self._window.bin_seconds)
        series = summary.traits.series
        for place, value in summary.numbers:
            bins = self._series.get(series[place])
            if bins is None:
                bins = self._series[series[place]] = {}
            sketch = bins.get(number)
            if sketch is None:
                sketch = bins[number] = Sketch()
            sketch.add(value)

    def told(self, span: VerdictSpan) -> None:
        self._told.told(span)
        self._look_back(span.first.back)
        self._look_back(span.last.back)
        self._learnt_while = span.last.learnt_while or span.first.learnt_while or self._learnt_while

    def _look_back(self, back: LookingBack | None) -> None:
        if back is not None:
            self._backs[back.target, back.until] = back

    def frozen(self) -> SlotGathered:
        backs = tuple(self._backs.values())
        return SlotGathered(
            spans=judged_back(self._told.finish() or self._spans.finish(), backs),
            series=self._series,
            episodes=self._episodes.finish(),
            rounds=self._rounds,
            first_at=self._first,
            last_at=self._last,
            backs=backs,
            over={name: spans.finish() for name, spans in self._over.items()},
            learnt_while=self._learnt_while,
            normal_unsure=self._normal_unsure,
        )


def judged_back(spans: Iterable[StateSpan], backs: Iterable[LookingBack]) -> tuple[StateSpan, ...]:
    """``spans`` with those parts impaired of which an end has shown that they were slow: it was
    called fine, or not known, while it was so from the first round on."""
    found = tuple(spans)
    for back in backs:
        parts: list[StateSpan] = []
        for span in found:
            if not back.holds_for(span.state, span.start, span.end):
                parts.append(span)
                continue
            begun, over = max(span.start, back.since), min(span.end, back.until)
            parts += [
                StateSpan(state=state, start=start, end=end)
                for state, start, end in (
                    (span.state, span.start, begun),
                    (State.IMPAIRED, begun, over),
                    (span.state, over, span.end),
                )
                if start < end
            ]
        found = tuple(parts)
    return found


class VerdictSpans:
    """Verdicts as spans of one state each. What is proven begins at its onset, which an earlier
    verdict may have called something else; an impairment never takes back what accused."""

    def __init__(self, over: Window) -> None:
        self._window = over
        self._spans: list[StateSpan] = []

    def add(self, verdict: Verdict) -> None:
        """Take the next verdict."""
        self.said(verdict.state, at=verdict.at, since=verdict.since, until=verdict.holds_until)

    def said(self, state: State, *, at: float, since: float, until: float) -> None:
        """The next verdict was of ``state``, and holds ``until`` then."""
        last = self._spans[-1] if self._spans else None
        if last is not None and last.state is state and last.start <= at <= last.end:
            self._spans[-1] = StateSpan(state=state, start=last.start, end=until)
            return
        start = at
        if state in PROVEN and (last is None or last.state not in (state, *RESTRICTED)):
            start = max(min(since, at), self._window.start)
        while self._spans and self._spans[-1].start >= start:
            self._spans.pop()
        if self._spans and self._spans[-1].end > start:
            kept = self._spans[-1]
            self._spans[-1] = StateSpan(state=kept.state, start=kept.start, end=start)
        self._spans.append(StateSpan(state=state, start=start, end=until))

    def told(self, span: VerdictSpan) -> None:
        """Take the next time through which a verdict held."""
        self.add(span.first)
        last = self._spans[-1]
        end = max(last.end, span.last.holds_until)
        self._spans[-1] = StateSpan(state=last.state, start=last.start, end=end)

    def forget_before(self, at: float) -> None:
        """Drop the spans that ended before ``at``."""
        if self._spans and self._spans[0].end < at:
            self._spans = [span for span in self._spans if span.end >= at]

    def finish(self) -> tuple[StateSpan, ...]:
        """The spans, cut at the window's ends."""
        start, end = self._window.start, self._window.end
        return tuple(
            StateSpan(state=span.state, start=max(span.start, start), end=min(span.end, end))
            for span in self._spans
            if span.start < end and span.end > start
        )


# Where several states share the least width that can be drawn, the gravest is drawn.
GRAVITY = (
    State.BLOCKED,
    State.THROTTLED,
    State.IMPAIRED,
    State.WITHHELD,
    State.OFFLINE,
    State.DOWN,
    State.DEGRADED,
    State.UNKNOWN,
    State.OK,
)


class Drawn(StateSpan, frozen=True, kw_only=True):
    """A span as it is drawn, and from when to when it truly was (``since``, ``until``)."""

    since: float
    until: float


def thinned(spans: Iterable[StateSpan], least_seconds: float) -> tuple[Drawn, ...]:
    """The same spans, none shorter than ``least_seconds``, so that each can be seen: a shorter one
    is drawn as wide as that. Where several share that least width, the gravest of them is drawn;
    beyond it nothing changes. The number that comes out is bounded by the time."""
    done: list[Drawn] = []
    for span in spans:
        start, end = span.start, max(span.end, span.start + least_seconds)
        since = span.start
        last = done[-1] if done else None
        if last is not None and start - last.end < least_seconds:
            if span.state is last.state:
                # A hole that cannot be seen.
                done[-1] = replace(last, end=max(end, last.end), until=span.end)
                continue
            if start < last.end:
                if GRAVITY.index(span.state) > GRAVITY.index(last.state):
                    if span.end - last.end < least_seconds:
                        done[-1] = replace(last, end=max(span.end, last.end))
                        continue
                    start, end = last.end, span.end
                elif start - last.start >= least_seconds:
                    done[-1] = replace(last, end=start)
                else:
                    done.pop()
                    start, end = last.start, max(end, last.end)
        done.append(Drawn(state=span.state, start=start, end=end, since=since, until=span.end))
    return tuple(done)
