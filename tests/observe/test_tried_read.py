"""What one read shows: where it stopped, or where it became slow."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.model.failure import Failure
from probe.model.identity import Phase, RoundKind
from probe.model.law import Experiment, Trial, TriedRead, Unit
from probe.model.observation import LegObservation, Sample, TcpInfo
from probe.observe.tried_read import tried
from synth import shape

READ = Experiment(trial=Trial.LONG, read_bytes=131_072)
LEG = replace(
    shape.leg_observed(shape.legs_of(load(None, {}), "youtube", RoundKind.TRANSFER)[0]),
    tcp=TcpInfo(segments_in=100, segments_out=60, retransmits=0, out_of_order=0),
    phases={Phase.CONNECT: 0.02, Phase.TLS: 0.04, Phase.PROCESSING: 0.02, Phase.TRANSFER: 8.0},
)


def read(leg: LegObservation, slow_below: float | None = None) -> TriedRead | None:
    return tried(leg, READ, place=0, began=1.0, slow_below=slow_below)


def curve(*points: tuple[float, int]) -> tuple[Sample, ...]:
    return tuple(Sample(*point) for point in points)


def through_a_bucket(bucket: float, rate: float, *, seconds: float = 8.0) -> LegObservation:
    """A flight at a time, each stopped by the bucket; the handshake took 4,000 bytes of it."""
    overhead = 1_500 / 1_448
    points, at, came = [], 0.01, 0.0
    while at < seconds:
        most = (bucket + rate * (at + 0.04)) / overhead - 4_000
        came = max(came, min(most, came + 200_000.0))
        points.append((at, int(came)))
        at += 0.21
    last = points[-1][1]
    tcp = replace(LEG.tcp or TcpInfo(), bytes_received=last + 4_000)
    return replace(LEG, curve=curve(*points), tcp=tcp, body_bytes=last)


@pytest.mark.parametrize("bucket", [40_000, 150_000, 600_000])
@pytest.mark.parametrize("rate", [16_000, 64_000])
def test_bucket_and_rate(bucket: float, rate: float) -> None:
    found = read(through_a_bucket(bucket, rate))
    assert found is not None
    assert found.bends
    assert found.rate is not None
    assert found.rate.low <= rate <= found.rate.high
    span = found.of(Unit.BYTES)
    assert span is not None
    assert span.low <= bucket <= span.high
    assert span.high - span.low <= 0.1 * bucket + 20_000


def test_what_was_slow_from_its_first_bytes_is_slow_only_beside_what_is_known() -> None:
    leg = replace(LEG, curve=curve(*((0.1 * i, 1_600 * i) for i in range(1, 80))))
    for below, bends in ((None, False), (8_000.0, False), (64_000.0, True)):
        found = read(leg, below)
        assert found is not None
        assert found.bends is bends


def test_what_came_at_once_is_not_slow() -> None:
    found = read(replace(LEG, curve=curve((0.02, 20_000), (0.04, 60_000), (0.06, 131_072))), 1e5)
    assert found is not None
    assert not found.met


TIMEOUT = Failure(phase=Phase.TRANSFER, reason="generic_timeout_error")
SOME = curve((0.02, 4_000), (0.03, 9_000), (0.04, 14_000))


def stopped(tcp: TcpInfo, failure: Failure = TIMEOUT, **of: object) -> TriedRead:
    found = read(replace(LEG, curve=SOME, tcp=tcp, failure=failure, body_bytes=13_000, **of))
    assert found is not None
    assert found.stopped
    return found


@pytest.mark.parametrize(
    ("sent", "again", "low", "high"),
    [
        (10, 0, 26, 28),
        # What was sent again, and what that repeats, did not pass.
        (15, 4, 26, 28),
    ],
)
def test_packets_that_passed(sent: int, again: int, low: float, high: float) -> None:
    found = stopped(TcpInfo(segments_in=18, segments_out=sent, retransmits=again))
    span = found.of(Unit.PACKETS)
    assert span is not None
    assert (span.low, span.high) == (low, high)
    down = found.of(Unit.PACKETS_DOWN)
    assert down is not None
    assert (down.low, down.high) == (18, 18)


def test_what_came_after_a_gap_passed_as_well() -> None:
    plain = stopped(TcpInfo(bytes_received=18_000, out_of_order=0)).of(Unit.BYTES)
    after = stopped(TcpInfo(bytes_received=18_000, out_of_order=3)).of(Unit.BYTES)
    assert plain is not None
    assert after is not None
    assert after.low == plain.low
    assert after.high == plain.high + 3 * 1_500


def test_an_end_that_is_said_has_its_time() -> None:
    reset = Failure(phase=Phase.TRANSFER, reason="connection_reset")
    phases = {**LEG.phases, Phase.TRANSFER: 7.14}
    found = stopped(TcpInfo(), reset, phases=phases)
    span = found.of(Unit.SECONDS)
    assert span is not None
    assert span.high == pytest.approx(7.2)


def test_a_body_that_trickles_at_its_deadline_has_not_stopped() -> None:
    slow = curve(*((0.5 * i, 2_000 * i) for i in range(1, 16)))
    found = read(replace(LEG, curve=slow, failure=TIMEOUT, body_bytes=30_000))
    assert found is not None
    assert not found.stopped


def test_no_connection_and_another_answer_show_nothing() -> None:
    for phase in (Phase.CONNECT, Phase.TLS):
        none = Failure(phase=phase, reason="generic_timeout_error")
        assert read(replace(LEG, failure=none, curve=(), http=None)) is None
    assert LEG.http is not None
    assert read(replace(LEG, http=replace(LEG.http, status=503))) is None
