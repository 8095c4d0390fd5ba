"""What is kept of the rounds: quantiles, spans, episodes; bounded, and right."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.identity import LegRole, RoundKind
from probe.model.stored import StoredRound, VerdictSpan
from probe.model.verdict import State, Verdict
from probe.publish.report.gather import MOST_BINS, VerdictSpans, gather, thinned, window
from probe.publish.report.quantile_sketch import Sketch
from probe.publish.report.report_parts import StateSpan
from probe.publish.report.times import TimeWriter, duration, listed
from synth.event import DAY, END, ONSET, VANTAGES, WEEK, history


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=60), st.floats(0.0, 1.0))
def test_quantiles_are_right_within_two_percent(values: list[float], q: float) -> None:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    exact = sorted(values)[int(q * (len(values) - 1))]
    found = sketch.quantile(q)
    assert found is not None
    # Half a bucket either way.
    assert exact / 1.0101 <= found <= exact * 1.0101


def test_nothing_has_no_quantile_and_zero_is_left_out() -> None:
    sketch = Sketch()
    sketch.add(0.0)
    assert (sketch.count, sketch.median) == (0, None)


@given(st.floats(60.0, 40_000_000.0))
def test_a_window_has_a_bounded_number_of_bins_that_cover_it(length: float) -> None:
    over = window(WEEK, WEEK + length)
    assert 1 <= over.bins <= MOST_BINS
    assert over.bins * over.bin_seconds >= length * (1 - 1e-9)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (60.0, "5 seconds"),
        (141.0, "5 seconds"),
        (900.0, "15 seconds"),
        (3_600.0, "2 minutes"),
        (6_000.0, "5 minutes"),
        (DAY, "5 minutes"),
        (30 * DAY, "120 minutes"),
    ],
)
def test_a_short_time_has_points_enough_to_be_drawn(length: float, words: str) -> None:
    over = window(WEEK, WEEK + length)
    assert over.bin_words == words
    assert over.bins >= min(20, length / 5.0)


STATES = st.sampled_from(list(State))


@given(st.lists(st.tuples(st.floats(1.0, 4_000.0), STATES), max_size=60))
def test_spans_are_in_order_never_overlap_and_keep_their_states(
    steps: list[tuple[float, State]],
) -> None:
    spans, at = VerdictSpans(window(0.0, 1e6)), 0.0
    for step, state in steps:
        at += step
        spans.add(_verdict(state, at, at))
    found = spans.finish()
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(span.start < span.end for span in found)
    assert {span.state for span in found} == {state for _, state in steps}
    thin = thinned(found, 2_000.0)
    assert all(a.end <= b.start for a, b in pairwise(thin))
    assert all(drawn.end - drawn.start >= 2_000.0 * (1 - 1e-9) for drawn in thin)
    restricted = (State.BLOCKED, State.THROTTLED)
    for gone in found:
        shown = [d for d in thin if d.start < gone.end and d.end > gone.start]
        if gone.state in restricted:
            drawn = sum(
                min(d.end, gone.end) - max(d.start, gone.start)
                for d in shown
                if d.state in restricted
            )
            assert drawn >= (gone.end - gone.start) * (1 - 1e-9)
        # What is long is drawn as what it is, but for what its neighbours need to be seen.
        same = [d for d in shown if d.state is gone.state]
        if gone.end - gone.start >= 6_000.0:
            seen = sum(min(d.end, gone.end) - max(d.start, gone.start) for d in same)
            assert seen >= gone.end - gone.start - 4_000.0 - 1e-3


def test_a_short_doubt_does_not_hide_the_days_after_it() -> None:
    spans = (
        StateSpan(state=State.OK, start=0.0, end=9_000.0),
        StateSpan(state=State.UNKNOWN, start=9_000.0, end=9_300.0),
        StateSpan(state=State.OK, start=9_300.0, end=900_000.0),
    )
    assert [(d.state, d.start, d.end) for d in thinned(spans, 1_000.0)] == [
        (State.OK, 0.0, 9_000.0),
        (State.UNKNOWN, 9_000.0, 10_000.0),
        (State.OK, 10_000.0, 900_000.0),
    ]
    assert [(d.since, d.until) for d in thinned(spans, 1_000.0)] == [
        (span.start, span.end) for span in spans
    ]


def test_where_most_rounds_were_forgotten_the_spans_of_verdicts_tell() -> None:
    over = window(WEEK, WEEK + DAY)
    rounds = list(history(WEEK, WEEK + DAY, vantages=VANTAGES[:1], platforms=("x",)))
    span = VerdictSpan(
        vantage="home",
        platform="x",
        state=State.OK,
        started_at=rounds[0].observed.started_at,
        ended_at=rounds[-1].observed.started_at,
        rounds=len(rounds),
        first=rounds[0].verdict,
        last=rounds[-1].verdict,
    )
    (slot,) = gather(rounds[::12], over).slots.values()
    assert len(slot.spans) == 24
    (slot,) = gather(rounds[::12], over, told=[span]).slots.values()
    assert slot.spans == (StateSpan(state=State.OK, start=rounds[0].verdict.at, end=over.end),)


def test_a_restriction_begins_at_its_onset_and_silence_is_a_gap() -> None:
    spans = VerdictSpans(window(0.0, 1e6))
    for at, since, state in (
        (100.0, 100.0, State.OK),
        (700.0, 100.0, State.OK),
        (1_300.0, 1_300.0, State.UNKNOWN),
        (1_900.0, 1_200.0, State.THROTTLED),
        (9_000.0, 9_000.0, State.OK),
    ):
        spans.add(_verdict(state, at, since))
    assert spans.finish() == (
        StateSpan(state=State.OK, start=100.0, end=1_200.0),
        StateSpan(state=State.THROTTLED, start=1_200.0, end=3_400.0),
        StateSpan(state=State.OK, start=9_000.0, end=10_500.0),
    )


def test_a_year_of_flicker_is_drawn_in_few_pieces() -> None:
    states = (State.OK, State.UNKNOWN)
    spans = [
        StateSpan(state=states[i % 2], start=i * 300.0, end=(i + 1) * 300.0) for i in range(105_000)
    ]
    least = 365 * DAY / 800
    assert len(thinned(spans, least)) <= 800


def test_episodes_are_the_events_at_the_vantages_that_it_reached() -> None:
    found = gather(history(ONSET - DAY, END + DAY / 4), window(ONSET - DAY, END + DAY / 4))
    assert {e.vantage for e in found.episodes} == {"home", "phone", "office"}
    assert len(found.episodes) == 12
    for episode in found.episodes:
        late = {"home": 0.0, "phone": 240.0, "office": 660.0}[episode.vantage]
        assert episode.since == ONSET + late
        assert episode.until is not None
        assert END < episode.until < END + 1_500.0
        assert episode.of(LegRole.CONTROL).ratio == pytest.approx(1.0, abs=0.25)
        assert episode.onset is not None
        assert episode.onset.kind is RoundKind.TRANSFER
        assert 0.0 <= episode.onset.started_at - episode.since <= 1_800.0


def test_rounds_that_cannot_tell_do_not_end_an_episode_and_long_silence_does() -> None:
    def story(silence: float) -> int:
        rounds = []
        for stored in history(ONSET - 3_600.0, END, vantages=VANTAGES[:1], platforms=("x",)):
            verdict = stored.verdict
            if ONSET + 7_200.0 <= verdict.at < ONSET + 7_200.0 + silence:
                verdict = msgspec.structs.replace(verdict, state=State.UNKNOWN, reason="refused")
            rounds.append(StoredRound(observed=stored.observed, verdict=verdict))
        return len(gather(rounds, window(ONSET - 3_600.0, END)).episodes)

    assert story(2_400.0) == 1
    assert story(7_200.0) == 2


def test_numbers_of_light_rounds_are_no_goodput() -> None:
    found = gather(history(WEEK, WEEK + 7_200.0), window(WEEK, WEEK + 7_200.0))
    for slot in found.slots.values():
        for key, bins in slot.series.items():
            if key.measure == "goodput":
                assert all((s.quantile(0.0) or 0) > 100_000.0 for s in bins.values())


def test_memory_is_that_of_the_pictures_and_not_of_the_rounds() -> None:
    over = window(WEEK, WEEK + DAY / 4)

    def held(light: float) -> tuple[int, int]:
        tracemalloc.start()
        try:
            rounds = history(
                over.start, over.end, vantages=VANTAGES[:1], platforms=("x",), light_seconds=light
            )
            kept = gather(rounds, over)
            return kept.rounds, tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    (few, small), (many, large) = held(60.0), held(15.0)
    # A round itself takes more than ten thousand bytes.
    assert (large - small) / (many - few) < 1_000.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (40.0, "40 seconds"),
        (720.0, "12 minutes"),
        (30_600.0, "8 h 30 min"),
        (7_200.0, "2 h"),
        (273_600.0, "3 days 4 h"),
        (172_800.0, "2 days"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("length", [200.0, 1_800.0, DAY, 7 * DAY, 40 * DAY, 366 * DAY])
def test_ticks_are_few_round_and_inside(length: float) -> None:
    # Whenever it begins: not only at midnight.
    for start in (WEEK, WEEK + 70_770.0):
        ticks = list(TimeWriter().ticks(start, start + length))
        assert 2 <= len(ticks) <= 14
        assert all(start <= at <= start + length for at, _ in ticks)


def test_lists_in_words() -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def _verdict(state: State, at: float, since: float) -> Verdict:
    return Verdict(
        vantage="home", platform="x", state=state, rule_id="r", sentence="s", at=at, since=since
    )
