"""Missing segments as a second witness: fair bets, and no word that the times do not bear."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb, exp, inf, isfinite, log
from random import Random
from statistics import median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.losses import Cell, Row, rounds_until, run
from probe.config import load
from probe.model.failure import Failure
from probe.model.identity import Compares, Family, LegRole, Phase
from probe.model.observation import Clock, HttpFacts, Leg, LegObservation, TcpInfo
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.observe.gaps import LEAST_SEGMENTS, ONE_GAP, log_gaps
from probe.verdict.burst.bets import BRAVE, EACH, WEIGHTS, Wealth, wins
from probe.verdict.normal.level import Level, learned
from probe.verdict.remembered.memory import OpenSuspicion
from probe.verdict.suspected.open_suspicion import speaks
from probe.verdict.thresholds import DEFAULT
from scenarios.model import EVERY, Lossy, Restricted, Whom, exactly
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.lines import LINES
from synth.world import World
from tests.verdict.country import ADDRESSES, WELL, Act, Country, Done, nothing

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0

LEG = Leg(
    role=LegRole.TARGET,
    owner="x",
    target="object",
    connect_to="x.test",
    port=443,
    url="https://x.test/",
    sni="x.test",
    certificate_name="x.test",
    compares=Compares.GOODPUT,
)


def observed(
    out_of_order: int | None,
    *,
    repeated: int = 0,
    segments: int | None = 50,
    failure: Failure | None = None,
) -> LegObservation:
    return LegObservation(
        leg=LEG,
        order=0,
        started_at=0.0,
        duration_seconds=1.0,
        clock=Clock.KERNEL,
        family=Family.IPV4,
        failure=failure,
        tcp=TcpInfo(out_of_order=out_of_order, retransmits=repeated, segments_in=segments),
        http=HttpFacts(version="2", status=206, content_length=65_536),
    )


REFUSED = Failure(phase=Phase.PROCESSING, reason="http_unexpected_status_code")
RESET = Failure(phase=Phase.TLS, reason="connection_reset")


@pytest.mark.parametrize(
    ("leg", "share"),
    [
        (observed(0), 0.0),
        (observed(10), 0.2),
        (observed(10, repeated=5), 0.3),
        # One of the few segments of a handshake is no gap for every three segments.
        (observed(0, repeated=1, segments=3), 1 / LEAST_SEGMENTS),
    ],
)
def test_the_share_is_of_what_came(leg: LegObservation, share: float) -> None:
    found = log_gaps(leg)
    assert found is not None
    assert exp(found) - ONE_GAP == pytest.approx(share)


@pytest.mark.parametrize(
    ("leg", "value"),
    [
        (observed(None), None),
        (observed(0, segments=None), None),
        (replace(observed(0), tcp=None), None),
        (observed(40, failure=REFUSED), None),
        (observed(0, failure=RESET), inf),
    ],
    ids=["old kernel", "very old kernel", "proxy", "refused", "reset"],
)
def test_what_the_kernel_does_not_count_is_not_known(
    leg: LegObservation, value: float | None
) -> None:
    assert log_gaps(leg) == value


def test_the_bettors_share_one_stake() -> None:
    assert sum(WEIGHTS) == pytest.approx(1.0)
    assert Wealth().e_value == pytest.approx(1.0)


BOTH = st.lists(
    st.tuples(st.floats(-20, 20) | st.just(inf), st.floats(-3, 0) | st.just(log(ONE_GAP))),
    min_size=2 * EACH,
    max_size=2 * EACH,
)


@given(BOTH)
def test_two_witnesses_are_no_better_than_one_under_the_shuffle(
    legs: list[tuple[float, float]],
) -> None:
    """Times and gaps of the same legs hang together, and that gains nothing."""
    after = []
    for chosen in combinations(range(2 * EACH), EACH):
        mine = [legs[n] for n in chosen]
        theirs = [leg for n, leg in enumerate(legs) if n not in chosen]
        times, gaps = (wins([m[n] for m in mine], [t[n] for t in theirs]) for n in (0, 1))
        after.append(Wealth().after(times, gaps).e_value)
    assert sum(after) / len(after) <= 1.0 + 1e-9


@given(st.floats(0.0, 0.35))
def test_a_calm_target_gains_nothing_beside_sites_that_never_lose_a_packet(chance: float) -> None:
    """It exceeds what four of five of its calm legs have in one of five legs, give or take what is
    known of that: then nothing is won, be the controls no match for it at all."""
    mean = sum(
        comb(EACH, n) * chance**n * (1.0 - chance) ** (EACH - n) * BRAVE[EACH * n]
        for n in range(EACH + 1)
    )
    assert mean <= 1.0


@pytest.mark.parametrize(("times", "gaps"), [(9, 0), (0, 9), (9, 9), (9, None)])
def test_four_bursts_suffice_by_either_witness_and_two_at_an_address(
    times: int, gaps: int | None
) -> None:
    wealth, evidence = Wealth(), []
    for _ in range(4):
        wealth = wealth.after(times, gaps)
        evidence.append(wealth.e_value)
    assert evidence[1] >= DEFAULT.address_evidence
    assert evidence[3] >= DEFAULT.evidence


def test_where_nothing_can_be_compared_nobody_bets() -> None:
    assert Wealth().after(9).after(0).gaps == 1.0
    assert Wealth().after(9, 9).after(0).gaps == BRAVE[9]


def test_wealth_of_before_there_were_three_bettors_is_readable() -> None:
    assert msgspec.json.decode(b"[4.0,2.0]", type=Wealth) == Wealth(4.0, 2.0, 1.0)


def test_what_four_of_five_are_at_most_takes_a_dozen_values() -> None:
    level: Level | None = None
    for n in range(11):
        level = learned(level, float(n), BEGIN + n)
        assert level.mostly is None
    assert level is not None
    assert learned(level, 11.0, BEGIN).mostly == 9.0


GAPS_ALONE = Wealth(0.1, 0.1, 60_000.0)


@pytest.mark.parametrize(
    ("evidence", "slow", "failures", "spoken"),
    [
        (GAPS_ALONE, (log(3.0),) * 3, (), True),
        (GAPS_ALONE, (log(3.0), log(1.4), log(1.5)), (), False),
        (GAPS_ALONE, (), (), False),
        (GAPS_ALONE, (), ("tls/generic_timeout_error",) * 3, True),
        (Wealth(60_000.0, 30_000.0, 1.0), (), (), True),
        (Wealth(60.0, 30.0, 100.0), (log(3.0),) * 3, (), False),
    ],
    ids=["slow", "not slow", "not known", "fails", "time alone", "too little"],
)
def test_missing_segments_alone_slow_nobody(
    evidence: Wealth, slow: tuple[float, ...], failures: tuple[str, ...], spoken: bool
) -> None:
    episode = OpenSuspicion(
        target="object",
        measure=Measure.TRANSFER,
        family=Family.IPV4,
        onset_at=BEGIN,
        last_at=BEGIN,
        slow_logs=slow,
        failures=failures,
    )
    assert speaks(episode, evidence, DEFAULT) is spoken


@pytest.mark.parametrize(
    ("line", "platform", "by", "way"),
    [("fibre", "facebook", "name", "down"), ("mobile", "facebook", "name", "down")],
)
def test_a_seventh_lost_is_told_within_four_transfer_rounds(
    line: str, platform: str, by: str, way: str
) -> None:
    found = [run(Cell(Row(15.0, by, way), line, platform, seed)) for seed in range(4)]
    assert median(value for one in found for value in one.reads) > log(3.0) + median(
        value for one in found for value in one.calm
    )
    assert isfinite(rounds_until(found))
    assert rounds_until(found) <= 4.0
    assert not any(one.wrong for one in found)


@pytest.mark.parametrize(
    ("line", "percent", "seed"),
    [
        ("fibre", 5.0, 5),
        ("fibre", 10.0, 4),
        ("fibre", 20.0, 5),
        ("mobile", 5.0, 5),
        ("mobile", 10.0, 3),
        ("mobile", 20.0, 5),
    ],
)
def test_a_line_that_begins_to_lose_accuses_nobody(line: str, percent: float, seed: int) -> None:
    world = World(CONFIG, LINES[line], seed=seed, edges=EdgeModel(), begin=BEGIN, addresses=(2,))
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("youtube",))
    for _ in daemon.run(BEGIN + 24 * HOUR):
        pass
    effect = Lossy(probability=exactly(percent / 100.0))
    world.restrict([Restricted(whom=Whom(hosts=(EVERY,)), effects=(effect,))])
    said = {one.verdict.state for one in daemon.run(daemon.now + 8 * HOUR)}
    assert not said & {State.THROTTLED, State.BLOCKED, State.IMPAIRED}


def slow(leg: Leg, address: str) -> Done:
    return Done(transfer=8.0) if leg.role is LegRole.TARGET else WELL


class Lucky:
    """Its first read is well, which is that of the ordinary round, and those of bursts are not."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, leg: Leg, address: str) -> Done:
        if leg.role is not LegRole.TARGET or leg.compares is not Compares.GOODPUT:
            return WELL
        self.reads += 1
        return WELL if self.reads == 1 else Done(transfer=8.0)


SUSPECTED, FINE, IMPAIRED = "unknown/suspected", "ok/", "impaired/"


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ((slow, slow), (SUSPECTED, IMPAIRED)),
        ((slow, Lucky()), (SUSPECTED, IMPAIRED)),
        ((slow, nothing, slow), (SUSPECTED, FINE, SUSPECTED)),
    ],
    ids=["slow", "the round had luck and its bursts had not", "it was over"],
)
def test_one_lucky_read_does_not_end_what_bears_the_whole_evidence(
    acts: Sequence[Act], said: Sequence[str]
) -> None:
    country = Country(swaps=False, addresses=ADDRESSES)
    country.run(24)
    told = []
    for act in acts:
        country.act = act
        verdict = country.run(1)
        told.append(f"{verdict.state}/{verdict.reason}")
    assert told == list(said)


def test_two_lucky_rounds_end_it_where_no_burst_is_to_be_had() -> None:
    country = Country(swaps=False, addresses=ADDRESSES)
    country.run(24)
    country.act = slow
    country.run(1)
    held = []
    for country.act, country.spent in ((nothing, True), (nothing, True)):
        assert country.run(1).state is not State.IMPAIRED
        held.append(country.memory.platform("x").episode)
    assert held[0] is not None
    assert held[1] is None


class AtRandom:
    """A fifth of the packets is lost on a quick way: each leg waits for a timer, this one in its
    handshake and that one in its read, so that either alone is as it was half of the time."""

    def __init__(self, seed: int, *, waits: float = 7.0) -> None:
        self.random, self.waits = Random(seed), waits

    def __call__(self, leg: Leg, address: str) -> Done:
        if leg.role is not LegRole.TARGET:
            return Done(lost=0)
        if self.random.random() < 0.55:
            return Done(handshake=self.waits, transfer=1.6, lost=10)
        return Done(transfer=1.0 + self.waits / 4.0, lost=10)


def whole(leg: Leg, address: str) -> Done:
    return Done(lost=0)


def test_what_is_slow_as_a_whole_is_told_though_no_part_is_for_sure() -> None:
    """In one run of eight it takes longer: the bets are won or lost by few legs."""

    def is_told(seed: int) -> bool:
        country = Country(seed, swaps=False, addresses=ADDRESSES)
        country.act = whole
        country.run(24)
        country.act = AtRandom(seed)
        told = [country.run(1).state for _ in range(4)]
        verdict = country.verdicts[-1]
        if verdict.state is State.IMPAIRED:
            assert verdict.factor is not None
            assert verdict.factor > 2.0
        return State.IMPAIRED in told

    assert sum(map(is_told, range(24))) >= 19


@pytest.mark.parametrize("seed", range(6))
def test_missing_segments_that_cost_a_whole_leg_little_are_told_of_nobody(seed: int) -> None:
    country = Country(seed, swaps=False, addresses=ADDRESSES)
    country.act = whole
    country.run(24)
    country.act = AtRandom(seed, waits=1.3)
    country.run(12)
    assert all(verdict.state is not State.IMPAIRED for verdict in country.verdicts)


def test_it_is_not_over_while_segments_are_missing_and_whole_legs_are_slow() -> None:
    country = Country(3, swaps=False, addresses=ADDRESSES)
    country.act = whole
    country.run(24)
    country.act = AtRandom(3)
    country.run(4)
    said = [country.run(1).state for _ in range(12)]
    assert set(said) == {State.IMPAIRED}
    country.act = whole
    assert country.run(4).state is State.OK


def mostly_in_the_handshake(leg: Leg, address: str) -> Done:
    if leg.role is not LegRole.TARGET:
        return Done(lost=0)
    return Done(handshake=6.0, transfer=1.6, lost=10)


def test_the_sentence_says_that_it_is_of_whole_connections() -> None:
    """Reads alone are slower by less than the margin: no factor is put on them."""
    country = Country(2, swaps=False, addresses=ADDRESSES)
    country.act = whole
    country.run(24)
    country.act = mostly_in_the_handshake
    verdict = country.run(4)
    assert verdict.state is State.IMPAIRED
    assert verdict.factor is not None
    assert "from the first packet to the last byte, take 2.5 times as long as" in verdict.sentence
    assert 2.45 <= verdict.factor < 2.55


def test_of_few_values_the_middle_one_is_usual() -> None:
    """One read of few in calm times lost a segment early, so that a third came out of order: who
    took that for usual saw no policer any more."""
    level = None
    for value in (-3.0, -3.0, log(0.37), -3.0):
        level = learned(level, value, 0.0)
    assert level is not None
    assert level.usually(0.8) == -3.0
    assert learned(learned(None, log(0.37), 0.0), -3.0, 0.0).usually(0.8) == -3.0
    assert Level((-3.0,), -3.0, 0.05, 1, 0.0).usually(0.8) is None
    for _ in range(8):
        level = learned(level, -2.0, 0.0)
    assert level.usually(0.8) == level.mostly == -2.0
    assert level.usually(0.2) == -3.0
