"""The modelled transfer against what is known of the real one."""

from __future__ import annotations

from random import Random

import pytest

from probe.model.identity import Access
from synth.censor import Bucket, Meeting, Queue
from synth.line import LineAtWork, still
from synth.tcp import Delivery, Flow, deliver

KIB = 1_024
LONG = 1_000.0


def sent(
    size: int,
    *,
    rate: float = 1e8,
    rtt: float = 0.05,
    meeting: Meeting | None = None,
    until: float = LONG,
    seed: int = 1,
) -> Delivery:
    line = LineAtWork(
        still("still", Access.FIXED, bytes_per_second=rate, rtt_seconds=rtt), Random(seed), 0.0
    )
    flow = Flow(line, Random(seed), meeting or Meeting(), rtt)
    return deliver(flow, 0.0, size, until)


def test_bytes_never_go_back_and_all_arrive() -> None:
    for meeting in (Meeting(), Meeting(loss=0.1), Meeting(buckets=[Bucket(20_000.0, 10_000)])):
        made = sent(200 * KIB, meeting=meeting)
        assert made.whole
        assert made.samples == sorted(made.samples)
        assert [b for _, b in made.samples] == sorted(b for _, b in made.samples)
        assert made.samples[-1][1] == 200 * KIB


def test_slow_start_takes_flights_on_a_fast_line() -> None:
    # 10, 20, 16 segments: two round trips after the first byte.
    assert sent(64 * KIB).samples[-1][0] == pytest.approx(2 * 0.05, rel=0.05)
    assert sent(8 * KIB).samples[-1][0] < 0.01


def test_a_slow_line_takes_its_rate() -> None:
    assert sent(512 * KIB, rate=50_000.0).samples[-1][0] == pytest.approx(
        512 * KIB * 1_500 / 1_448 / 50_000.0, rel=0.02
    )


@pytest.mark.parametrize("burst", [8_000, 12_000, 24_000])
def test_a_policer_gives_its_rate_and_no_more(burst: int) -> None:
    rate, size = 18_000.0, 128 * KIB
    made = sent(size, meeting=Meeting(buckets=[Bucket(rate, burst)]))
    least = (size - burst) / rate
    # How much more it takes is up to TCP's timers, as in tests/lab/test_box_actions.py.
    assert least < made.samples[-1][0] < 2.0 * least
    assert made.lost > 0
    assert made.disordered > 0


def test_a_bucket_that_holds_the_object_hides() -> None:
    police = Meeting(buckets=[Bucket(18_000.0, 256 * KIB)])
    assert sent(64 * KIB, meeting=police).samples[-1][0] == pytest.approx(
        sent(64 * KIB).samples[-1][0], rel=0.1
    )


def test_a_shaper_gives_its_rate_and_loses_nothing() -> None:
    made = sent(64 * KIB, meeting=Meeting(queues=[Queue(16_000.0, 64 * KIB)]))
    assert made.samples[-1][0] == pytest.approx(64 * KIB * 1_500 / 1_448 / 16_000.0, rel=0.1)
    assert (made.lost, made.disordered) == (0, 0)


def test_loss_slows_more_the_more_it_is() -> None:
    def mean(loss: float) -> float:
        runs = [sent(256 * KIB, meeting=Meeting(loss=loss), seed=n) for n in range(40)]
        return sum(run.samples[-1][0] for run in runs) / len(runs)

    assert mean(0.01) < mean(0.05) < mean(0.2)


def test_a_cutoff_ends_it_at_its_place() -> None:
    made = sent(64 * KIB, meeting=Meeting(cut_after=20_000.0))
    assert not made.whole
    assert 17_000 < made.samples[-1][1] <= 20_000


def test_nothing_counts_after_the_end() -> None:
    made = sent(512 * KIB, rate=50_000.0, until=3.0)
    assert not made.whole
    assert made.samples[-1][0] <= 3.0
    assert made.samples[-1][1] == pytest.approx(150_000 * 1_448 / 1_500, rel=0.15)
