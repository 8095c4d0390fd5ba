"""The law of a throttle over QUIC: asked for, kept and said as over TCP, and by itself."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase, RoundKind
from probe.model.law import LawEffect, Trial, Unit
from probe.model.observation import LegObservation, QuicInfo, RoundObservation, Sample
from probe.model.verdict import State, Verdict
from probe.observe.effort import TIMEOUT
from probe.observe.tried_read import IP_UDP_BYTES, tried
from probe.store.codec import pack_value, unpack_value
from probe.verdict.decide import decide
from probe.verdict.law.next_experiment import MOST_DAY_BYTES
from probe.verdict.one_lane import Decision
from probe.verdict.remembered.memory import Memory
from tests.verdict.country import Done
from tests.verdict.test_transports import target_only
from tests.verdict.two_roads import QUIC, TwoRoads

CALM, SLOW = 16, 8
RATE, BUCKET, HANDSHAKE = 16_000.0, 60_000.0, 5_000
DATAGRAM = 1_228


def through_a_bucket(leg: LegObservation, seconds: float = 10.0) -> LegObservation:
    """A read over QUIC, whose curve has bytes of IP packets, the handshake's being before it."""
    points, at, came = [], 0.01, 0.0
    while at < seconds:
        came = min(BUCKET + RATE * (at + 0.04) - HANDSHAKE, came + 200_000.0)
        points.append(Sample(at, int(came)))
        at += 0.21
    last = points[-1].bytes
    count = (last + HANDSHAKE) // DATAGRAM
    header = IP_UDP_BYTES[leg.family or Family.IPV4]
    return replace(
        leg,
        failure=None,
        phases={Phase.TLS: 0.04, Phase.PROCESSING: 0.02, Phase.TRANSFER: seconds},
        curve=tuple(points),
        body_bytes=last,
        wire_bytes_received=last + HANDSHAKE,
        quic=QuicInfo(
            bytes_received=last + HANDSHAKE - header * count,
            datagrams_in=count,
            datagrams_out=count // 2,
        ),
    )


class Tried(TwoRoads):
    """Its throttle over QUIC has a bucket. ``asked``: the experiments so far."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Burst] = []
        self.run(CALM)

    def turn(self) -> Decision:
        """A round with its bursts, and the experiment that is asked for after it."""
        self.run(1)
        made = decide(self.memory, self.a_round(RoundKind.LIGHT), self.about)
        if made.experiment is None:
            return made
        self.asked.append(made.experiment)
        self.now += 1.0
        made = decide(made.memory, self.an_experiment(made.experiment), self.about)
        self.memory = made.memory
        return made

    def an_experiment(self, burst: Burst) -> RoundObservation:
        assert burst.experiment is not None
        whole = self.a_round()
        legs = whole.beside if burst.prober == QUIC else whole.legs
        (leg,) = (
            one for one in legs if one.leg.role is LegRole.TARGET and one.leg.target == burst.target
        )
        made = (through_a_bucket(leg),) * burst.experiment.reads
        return replace(
            whole,
            kind=RoundKind.EXPERIMENT,
            burst=burst,
            legs=() if burst.prober == QUIC else made,
            beside=made if burst.prober == QUIC else (),
        )


@pytest.fixture(scope="module")
def country() -> Tried:
    made = Tried()
    made.quic = target_only(Done(transfer=12.0))  # type: ignore[assignment]
    for _ in range(SLOW):
        made.run(1)
    for _ in range(4):
        made.turn()
    return made


def of_quic(verdict: Verdict) -> object:
    (one,) = verdict.over
    assert one.transport == QUIC
    return one.law


def test_what_is_proven_over_quic_is_tried_over_quic(country: Tried) -> None:
    assert country.asked
    assert {one.prober for one in country.asked} == {QUIC}
    assert country.asked[0].experiment is not None
    assert country.asked[0].experiment.trial is Trial.LONG
    trials = {one.experiment.trial for one in country.asked if one.experiment is not None}
    assert Trial.SEGMENTS not in trials, "a credit for each round trip is a rate by itself"


def test_the_law_stands_with_what_is_found_over_it(country: Tried) -> None:
    verdict = country.turn().verdict
    (one,) = verdict.over
    assert verdict.state is State.OK
    assert verdict.law is None
    assert one.state is State.THROTTLED
    assert one.law is not None
    assert one.law.effect is LawEffect.SLOWS
    assert one.law.bytes_per_second is not None
    assert one.law.bytes_per_second.middle == pytest.approx(RATE, rel=0.1)
    spans = {amount.unit: amount.span for amount in one.law.after}
    assert spans[Unit.BYTES].low <= BUCKET <= spans[Unit.BYTES].high
    assert one.law.like == "", "what was reported was seen over TCP"


def test_it_is_kept_by_rounds_and_over_a_restart(country: Tried) -> None:
    before = of_quic(country.turn().verdict)
    memory = unpack_value(pack_value(country.memory), Memory)
    assert memory == country.memory
    country.now += 300.0
    for kind in (RoundKind.LIGHT, RoundKind.TRANSFER):
        said = decide(memory, country.a_round(kind), country.about).verdict
        assert of_quic(said) == before
    country.beside = False
    said = decide(memory, country.a_round(RoundKind.LIGHT), country.about).verdict
    country.beside = True
    assert of_quic(said) == before, "a round without QUIC says nothing of it"


def test_an_experiment_over_quic_changes_no_state(country: Tried) -> None:
    memory = country.memory
    burst = country.asked[0]
    country.now += 1.0
    made = decide(memory, country.an_experiment(burst), country.about)
    before, after = memory.said["x"], made.memory.said["x"]
    assert replace(after, over=()) == replace(before, over=())
    assert [replace(one, law=None) for one in after.over] == [
        replace(one, law=None) for one in before.over
    ]
    assert made.memory.platforms == memory.platforms
    assert made.memory.laws == memory.laws
    lane, was = made.memory.lanes[QUIC], memory.lanes[QUIC]
    assert lane.platforms == was.platforms


def test_both_are_paid_out_of_one_days_bytes(country: Tried) -> None:
    """What is spent over QUIC is not there for TCP: then nothing more is asked over either."""
    lane = country.memory.lanes[QUIC]
    mine = lane.laws["x"]
    dear = tuple(replace(one, cost_bytes=MOST_DAY_BYTES) for one in mine.reads)
    spent = replace(lane, laws={**lane.laws, "x": replace(mine, reads=dear)})
    memory = replace(country.memory, lanes={**country.memory.lanes, QUIC: spent})
    both = Tried()
    both.memory, both.now = memory, country.now
    both.quic = country.quic
    both.act = target_only(Done(transfer=12.0))  # type: ignore[assignment]
    for _ in range(SLOW):
        both.run(1)
    made = decide(both.memory, both.a_round(), both.about)
    assert made.verdict.state is State.THROTTLED
    assert made.experiment is None
    cheap = replace(both.memory.lanes[QUIC], laws={})
    memory = replace(both.memory, lanes={**both.memory.lanes, QUIC: cheap})
    made = decide(memory, both.a_round(), both.about)
    assert made.experiment is not None
    assert made.experiment.prober != QUIC, "those over TCP come first"


def test_what_stops_over_quic_is_counted_in_datagrams(country: Tried) -> None:
    burst = country.asked[0]
    assert burst.experiment is not None
    (leg, *_) = country.an_experiment(burst).beside
    cut = replace(
        leg,
        curve=leg.curve[:3],
        failure=Failure(phase=Phase.TRANSFER, reason=TIMEOUT),
        phases={Phase.TLS: 0.04, Phase.PROCESSING: 0.02, Phase.TRANSFER: 9.0},
        quic=QuicInfo(bytes_received=17_000, datagrams_in=16, datagrams_out=10),
    )
    found = tried(cut, burst.experiment, place=0, began=1.0)
    assert found is not None
    assert found.stopped
    down, both = found.of(Unit.PACKETS_DOWN), found.of(Unit.PACKETS)
    assert down is not None
    assert both is not None
    assert (down.low, down.high) == (16.0, 16.0)
    assert (both.low, both.high) == (23.0, 26.0)
