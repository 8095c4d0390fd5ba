"""The line as a model: what it promises for any traffic."""

from __future__ import annotations

import itertools
import math
import statistics
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from lab.box.line import (
    BITS,
    Bottleneck,
    Channel,
    Constant,
    Direction,
    GilbertElliott,
    Line,
    Lost,
    Trace,
)

MTU = 1500
# Of rounding: times are doubles around 1e3.
TINY_SECONDS = 1e-6
TINY_BYTES = 1e-2

seconds = st.floats(0, 5, allow_nan=False)
sizes = st.integers(40, MTU)
traffic = st.lists(st.tuples(st.floats(0, 0.05), sizes), min_size=1, max_size=80)
rates = st.floats(50_000, 100_000_000)
traces = st.lists(
    st.tuples(st.floats(0.05, 2), st.sampled_from((0.0, 0.1, 1.0, 7.3))), min_size=2, max_size=8
).map(
    lambda steps: tuple(
        zip(itertools.accumulate(s for s, _ in steps), [r for _, r in steps], strict=True)
    )
)
working_traces = traces.filter(lambda trace: any(rate for _, rate in trace))
probabilities = st.floats(0, 1)
bursts = st.builds(
    GilbertElliott, to_bad=probabilities, to_good=probabilities, loss_bad=probabilities
)
directions = st.builds(
    Direction,
    delay_seconds=st.floats(0, 0.5),
    jitter_seconds=st.floats(0, 0.1),
    jitter_memory_seconds=st.floats(0, 1),
    loss=st.sampled_from((0.0, 0.2)),
    burst_loss=st.none() | bursts,
    rate_bits_per_second=rates,
    queue_bytes=st.integers(0, 60_000),
) | st.builds(Direction, trace=working_traces, queue_bytes=st.integers(0, 60_000))


def arrivals(traffic: list[tuple[float, int]], start: float = 1000.0) -> list[tuple[float, int]]:
    """(time, size) from (gap, size)."""
    times = itertools.accumulate((gap for gap, _ in traffic), initial=start)
    return [(at, size) for at, (_, size) in zip(times, traffic, strict=False)]


@given(traffic, directions, st.integers())
def test_every_packet_leaves_later_and_in_order_or_is_lost_for_a_reason(
    traffic: list[tuple[float, int]], direction: Direction, seed: int
) -> None:
    channel = Channel(direction, Random(seed), 1000.0)
    last = -math.inf
    for at, size in arrivals(traffic):
        out = channel.cross(at, size)
        if isinstance(out, Lost):
            continue
        assert out >= at
        assert out >= last
        last = out


@given(traffic, rates, st.integers(0, 60_000))
def test_a_bottleneck_never_carries_more_than_its_rate(
    traffic: list[tuple[float, int]], rate: float, queue_bytes: int
) -> None:
    link = Bottleneck(Constant(rate), queue_bytes)
    left = [(link.offer(at, size), size) for at, size in arrivals(traffic)]
    taken = [(at, size) for at, size in left if at is not None]
    for i in range(len(taken)):
        carried = 0
        for at, size in taken[i + 1 :]:
            carried += size
            assert (
                carried <= (at - taken[i][0]) * rate / BITS + TINY_BYTES * len(taken) + rate * 1e-9
            )


@given(traffic, working_traces, st.integers(0, 60_000))
def test_a_queue_never_holds_more_than_its_limit(
    traffic: list[tuple[float, int]], trace: tuple[tuple[float, float], ...], queue_bytes: int
) -> None:
    link = Bottleneck(Trace(trace, 1000.0), queue_bytes)
    for at, size in arrivals(traffic):
        before = link.waiting(at)
        left = link.offer(at, size)
        if left is None:
            assert before + size > queue_bytes
        else:
            assert link.waiting(at) <= max(queue_bytes, size) + TINY_BYTES


@given(working_traces, seconds, st.integers(1, 2_000_000))
def test_a_trace_carries_exactly_what_it_was_asked_to(
    trace: tuple[tuple[float, float], ...], begin: float, size: int
) -> None:
    link = Trace(trace, 1000.0)
    end = link.finish(1000.0 + begin, size)
    assert link.carried(1000.0 + begin, end) == pytest.approx(size, abs=TINY_BYTES, rel=1e-6)


@given(working_traces, seconds, seconds, seconds)
def test_what_a_trace_carries_adds_up(
    trace: tuple[tuple[float, float], ...], a: float, b: float, c: float
) -> None:
    link = Trace(trace, 1000.0)
    first, second, third = sorted((1000.0 + a, 1000.0 + b, 1000.0 + c))
    whole = link.carried(first, third)
    assert whole == pytest.approx(
        link.carried(first, second) + link.carried(second, third), abs=TINY_BYTES
    )
    assert whole >= -TINY_BYTES


def test_a_trace_holds_each_rate_until_the_next_and_begins_again() -> None:
    trace = ((5.0, 1.0), (6.0, 0.0), (7.0, 2.0))  # the last for as long as the one before it
    link = Trace(trace, 0.0)
    megabit = 1_000_000 / BITS
    assert [link.carried(t, t + 1) / megabit for t in range(6)] == [1, 0, 2, 1, 0, 2]
    # The stretch without capacity is sat out.
    assert link.finish(0.5, megabit) == pytest.approx(2.25)


def test_a_direction_with_a_trace_can_begin_in_its_middle() -> None:
    trace = ((0.0, 8.0), (1.0, 0.8))
    early = Channel(Direction(trace=trace), Random(1), 0.0).cross(0.0, 1000)
    late = Channel(Direction(trace=trace, trace_from_seconds=1.0), Random(1), 0.0).cross(0.0, 1000)
    assert early == pytest.approx(0.001)
    assert late == pytest.approx(0.01)


def test_a_full_queue_drops_the_newcomer_and_a_huge_packet_passes_an_empty_one() -> None:
    channel = Channel(Direction(rate_bits_per_second=8000, queue_bytes=1000), Random(1), 0.0)
    assert [channel.cross(0.0, 500) for _ in range(3)] == [0.5, 1.0, Lost.QUEUE]
    assert channel.cross(1.0, 1500) == 2.5


def lost_share(direction: Direction, packets: int) -> float:
    channel = Channel(direction, Random(7), 0.0)
    return sum(channel.cross(i, 100) is Lost.LOSS for i in range(packets)) / packets


def test_loss_is_as_frequent_as_asked() -> None:
    packets, loss = 20_000, 0.03
    four_sigma = 4 * math.sqrt(loss * (1 - loss) / packets)
    assert lost_share(Direction(loss=loss), packets) == pytest.approx(loss, abs=four_sigma)


def test_bursts_lose_their_long_run_share_and_come_in_runs() -> None:
    chain = GilbertElliott(to_bad=0.01, to_good=0.25, loss_good=0.001, loss_bad=0.8)
    direction = Direction(burst_loss=chain)
    assert lost_share(direction, 50_000) == pytest.approx(chain.loss, rel=0.15)
    channel = Channel(direction, Random(3), 0.0)
    fate = [channel.cross(i, 100) is Lost.LOSS for i in range(50_000)]
    after_a_loss = [b for a, b in itertools.pairwise(fate) if a]
    assert statistics.mean(after_a_loss) > 10 * statistics.mean(fate)


def departures(direction: Direction, gap: float, packets: int = 4000) -> list[float]:
    channel = Channel(direction, Random(5), 0.0)
    found = [channel.cross(i * gap, 100) for i in range(packets)]
    return [at for at in found if not isinstance(at, Lost)]


def delays(direction: Direction, gap: float) -> list[float]:
    return [at - i * gap for i, at in enumerate(departures(direction, gap))]


def test_jitter_has_the_mean_and_the_deviation_asked_for() -> None:
    seen = delays(Direction(delay_seconds=0.08, jitter_seconds=0.01), gap=1.0)
    assert statistics.mean(seen) == pytest.approx(0.08, rel=0.02)
    assert statistics.stdev(seen) == pytest.approx(0.01, rel=0.1)


def test_jitter_with_memory_changes_little_between_close_packets() -> None:
    forgetful = Direction(delay_seconds=0.08, jitter_seconds=0.01, reorder=True)
    free = delays(forgetful, gap=0.01)
    held = delays(structs.replace(forgetful, jitter_memory_seconds=1.0), gap=0.01)

    def step(seen: list[float]) -> float:
        return statistics.mean(abs(b - a) for a, b in itertools.pairwise(seen))

    assert step(held) < step(free) / 5
    correlation = statistics.correlation(held[:-1], held[1:])
    assert correlation == pytest.approx(math.exp(-0.01), abs=0.02)


def test_packets_overtake_each_other_only_when_asked() -> None:
    for reorder in (False, True):
        direction = Direction(delay_seconds=0.05, jitter_seconds=0.02, reorder=reorder)
        out = departures(direction, gap=0.001)
        assert (out != sorted(out)) is reorder


@given(traffic, directions, directions, st.integers(0, 80))
def test_a_new_line_does_not_let_later_packets_overtake(
    traffic: list[tuple[float, int]], old: Direction, new: Direction, change_after: int
) -> None:
    channel = Channel(old, Random(1), 1000.0)
    last = -math.inf
    for i, (at, size) in enumerate(arrivals(traffic)):
        if i == change_after:
            channel = Channel(new, Random(2), at, channel)
        out = channel.cross(at, size)
        if not isinstance(out, Lost):
            assert out >= max(at, last)
            last = out


@given(directions, directions)
def test_lines_survive_json(down: Direction, up: Direction) -> None:
    line = Line(down=down, up=up)
    assert msgspec.json.decode(msgspec.json.encode(line), type=Line) == line


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"loss": 1.5}, "loss must lie between 0 and 1"),
        ({"delay_seconds": -1}, "delay_seconds must lie between"),
        ({"rate_bits_per_second": 0}, "must be positive"),
        ({"trace": [[0, 1]]}, "at least two points"),
        ({"trace": [[0, 1], [0, 2]]}, "times of a trace must grow"),
        ({"trace": [[0, 0], [1, 0]]}, "nor all zero"),
        ({"trace": [[0, 1], [1, 1]], "rate_bits_per_second": 5}, "exclude each other"),
        ({"burst_loss": {"to_bad": 2, "to_good": 1}}, "to_bad must lie between"),
    ],
)
def test_a_line_that_cannot_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.json.decode(msgspec.json.encode(wrong), type=Direction)
