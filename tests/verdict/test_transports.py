"""Each transport is judged by itself, and what is said of both is joined."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.identity import LegRole, RoundKind
from probe.model.observation import Leg
from probe.model.verdict import Method, State, TransportFinding, Trigger
from probe.store.codec import pack_value, unpack_value
from probe.verdict.decide import decide
from probe.verdict.lanes import over
from probe.verdict.remembered.memory import Memory
from tests.verdict.country import WELL, Country, Done, about_x, nothing
from tests.verdict.two_roads import DROPPED, QUIC, SILENT, TwoRoads

CALM = 24
ROUNDS = 8


def target_only(done: Done) -> object:
    def act(leg: Leg, address: str) -> Done:
        return done if leg.role is LegRole.TARGET else WELL

    return act


def at_the_address(done: Done) -> object:
    def act(leg: Leg, address: str) -> Done:
        return WELL if leg.role is LegRole.CONTROL else done

    return act


def everybody(done: Done) -> object:
    def act(leg: Leg, address: str) -> Done:
        return done

    return act


def found(country: TwoRoads) -> TransportFinding:
    (one,) = country.verdicts[-1].over
    assert one.transport == QUIC
    return one


def played(acts: object, rounds: int = ROUNDS, *, with_swap: bool = True) -> TwoRoads:
    country = TwoRoads(with_swap=with_swap)
    country.run(CALM)
    country.quic = acts  # type: ignore[assignment]
    country.run(rounds)
    return country


def test_without_legs_of_another_transport_nothing_changes() -> None:
    plain, both = Country(), TwoRoads()
    both.beside = False
    for one in (plain, both):
        one.run(CALM)
        one.act = target_only(Done(transfer=12.0))  # type: ignore[assignment]
        one.run(ROUNDS)
    assert both.verdicts == plain.verdicts
    assert both.memory.platforms == plain.memory.platforms


def test_calm_over_both_is_calm() -> None:
    country = played(nothing)
    assert {v.state for v in country.verdicts[4:]} == {State.OK}
    assert found(country).state is State.OK
    assert "QUIC" not in country.verdicts[-1].sentence
    assert country.quic_bursts == 0


@pytest.mark.parametrize("how", [DROPPED, SILENT])
def test_a_name_that_is_dropped_over_quic_alone(how: object) -> None:
    """The swap answers at the same address: that accuses, and TCP stays as it was."""
    country = played(target_only(Done(fails=how)))  # type: ignore[arg-type]
    verdict, one = country.verdicts[-1], found(country)
    assert verdict.state is State.OK
    assert verdict.method is None
    assert (one.state, one.method, one.trigger) == (State.BLOCKED, Method.QUIC, Trigger.NAME)
    assert "over QUIC" in one.sentence
    assert "blocking (quic)" in one.sentence
    assert "fall back to TCP" in verdict.sentence
    assert country.bursts == country.quic_bursts > 0


def test_its_ping_says_whether_it_is_udp_or_the_name() -> None:
    """Without a swap nobody is accused, and the sentence says what a nameless packet met."""
    dropped = found(played(target_only(Done(fails=DROPPED)), with_swap=False))
    silent = found(played(target_only(Done(fails=SILENT)), with_swap=False))
    assert dropped.state is silent.state is State.IMPAIRED
    assert "a packet that says no name is answered" in dropped.sentence
    assert "not even a packet that says no name" in silent.sentence


@pytest.mark.parametrize("how", [DROPPED, SILENT])
def test_what_no_site_gets_over_quic_is_the_lines(how: object) -> None:
    country = played(everybody(Done(fails=how)))  # type: ignore[arg-type]
    one = found(country)
    assert (one.state, one.reason) == (State.OFFLINE, "silent_for_all")
    assert country.verdicts[-1].state is State.OK
    assert "QUIC" not in country.verdicts[-1].sentence
    assert country.quic_bursts == 0


def test_all_of_quic_slow_accuses_nobody() -> None:
    """A mobile network that slows whatever it cannot see into."""
    country = played(everybody(Done(handshake=9.0, transfer=12.0)), rounds=3 * ROUNDS)
    said = {one.state for v in country.verdicts[CALM:] for one in v.over}
    assert said <= {State.OK, State.DEGRADED, State.UNKNOWN}
    assert {v.state for v in country.verdicts[CALM:]} == {State.OK}


def test_slow_over_quic_by_name_and_well_over_tcp() -> None:
    country = played(target_only(Done(transfer=12.0)))
    one = found(country)
    assert (one.state, one.trigger) == (State.THROTTLED, Trigger.NAME)
    assert one.factor == pytest.approx(12.0, rel=0.35)
    assert country.verdicts[-1].state is State.OK


def test_slow_over_tcp_and_spared_over_quic() -> None:
    country = TwoRoads()
    country.run(CALM)
    country.act = target_only(Done(transfer=12.0))  # type: ignore[assignment]
    verdict = country.run(ROUNDS)
    assert verdict.state is State.THROTTLED
    assert found(country).state is State.OK
    assert "spared" in verdict.sentence


def test_each_has_its_own_factor() -> None:
    """Russia, 2024: 128 kbit/s over TCP, 512 over QUIC."""
    country = TwoRoads()
    country.run(CALM)
    country.act = target_only(Done(transfer=40.0))  # type: ignore[assignment]
    country.quic = target_only(Done(transfer=10.0))  # type: ignore[assignment]
    verdict = country.run(ROUNDS)
    one = found(country)
    assert verdict.state is one.state is State.THROTTLED
    assert verdict.factor == pytest.approx(40.0, rel=0.35)
    assert one.factor == pytest.approx(10.0, rel=0.35)


def test_evidence_is_never_added_across() -> None:
    """Whatever is done over one transport, what is known over the other is the same to the letter:
    its levels, suspicions, proofs and controls."""
    calm, worse = TwoRoads(), TwoRoads()
    for one in (calm, worse):
        one.run(CALM)
    rounds = []
    calm.quic = worse.quic = target_only(Done(fails=DROPPED))  # type: ignore[assignment]
    memory, about = calm.memory, calm.about
    for _ in range(ROUNDS):
        calm.now += 900.0
        rounds.append(calm.a_round())
    tcp_alone = replace(about, lanes=())
    both, alone = memory, memory
    for observed in rounds:
        both = decide(both, observed, about).memory
        alone = decide(alone, replace(observed, beside=()), tcp_alone).memory
    assert both.platforms == alone.platforms
    assert both.levels == alone.levels
    assert both.controls == alone.controls
    lane = both.lanes[QUIC]
    assert lane.platforms["x"].episode is not None
    assert not lane.lanes


def test_what_references_say_over_tcp_says_nothing_over_quic() -> None:
    """Those look over TCP: what fails here over QUIC may fail everywhere."""
    country = TwoRoads(vouched=True, with_swap=False)
    country.run(CALM)
    country.quic = target_only(Done(fails=DROPPED))  # type: ignore[assignment]
    country.run(ROUNDS)
    assert found(country).state is State.IMPAIRED
    assert "nobody has looked from outside" in found(country).sentence


def test_one_operators_controls_are_too_few_for_a_burst() -> None:
    country = TwoRoads(speak=("debian",))
    country.run(CALM)
    country.quic = target_only(Done(fails=DROPPED))  # type: ignore[assignment]
    country.run(ROUNDS)
    assert country.quic_bursts == 0
    assert found(country).state is State.UNKNOWN
    assert country.verdicts[-1].state is State.OK


def test_it_ends() -> None:
    country = played(target_only(Done(fails=DROPPED)))
    country.quic = nothing
    country.run(ROUNDS)
    assert found(country).state is State.OK
    assert "QUIC" not in country.verdicts[-1].sentence


def test_bursts_over_both_are_made_one_after_the_other() -> None:
    country = TwoRoads()
    country.run(CALM)
    country.act = target_only(Done(transfer=12.0))  # type: ignore[assignment]
    country.quic = target_only(Done(fails=DROPPED))  # type: ignore[assignment]
    country.run(1)
    assert 0 < country.quic_bursts < country.bursts
    assert not country.memory.waiting


def test_a_finding_holds_no_longer_than_its_round() -> None:
    country = played(target_only(Done(fails=DROPPED)))
    country.beside = False
    country.run(4)
    assert country.verdicts[-1].over == ()


def test_all_is_kept_over_a_restart() -> None:
    country = played(target_only(Done(fails=DROPPED)))
    stored: Memory = unpack_value(pack_value(country.memory), Memory)
    assert stored == country.memory


def test_what_an_earlier_version_measured_is_not_judged() -> None:
    """It sent no packet without a name."""
    country = played(target_only(Done(fails=DROPPED)))
    observed = country.a_round()
    old = replace(observed, beside=tuple(replace(leg, quic=None) for leg in observed.beside))
    assert over(old, QUIC) is None
    assert over(observed, QUIC) is not None


def test_a_burst_over_quic_that_nobody_can_place_says_nothing() -> None:
    """Its transport is not configured any more."""
    country = TwoRoads()
    country.run(CALM)
    country.quic = target_only(Done(fails=DROPPED))  # type: ignore[assignment]
    plan = None
    country.now += 900.0
    decision = decide(country.memory, country.a_round(), country.about)
    plan = decision.plan
    assert plan is not None
    assert plan.over == QUIC
    again = decide(decision.memory, country.a_burst(plan), about_x())
    assert again.memory == decision.memory
    assert again.plan is None
    assert decide(Memory(), country.a_burst(plan), about_x()).verdict.state is State.UNKNOWN


def test_light_rounds_without_quic_keep_the_finding() -> None:
    country = played(target_only(Done(fails=DROPPED)))
    country.beside = False
    country.now -= 600.0
    country.run(1, RoundKind.LIGHT)
    assert found(country).state is State.BLOCKED
