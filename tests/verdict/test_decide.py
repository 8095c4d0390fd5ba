"""Rounds in, verdicts out: a small country in which things happen."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase, RoundKind
from probe.model.observation import Leg, SkippedLeg
from probe.model.verdict import Method, SlowPhase, State, Trigger
from probe.observe.effort import Measure
from probe.verdict.burst import next_burst
from probe.verdict.burst.score import score
from probe.verdict.decide import decide
from probe.verdict.remembered.memory import Memory, Proven
from tests.verdict.country import (
    ADDRESSES,
    INTERVAL,
    LONG_READ,
    WELL,
    Act,
    Country,
    Done,
    about_x,
    nothing,
)

CALM = 24


def fail(phase: Phase, reason: str) -> Done:
    return Done(fails=Failure(phase=phase, reason=reason))


def to_name(done: Done) -> Act:
    return lambda leg, address: done if leg.role is LegRole.TARGET else WELL


def to_address(done: Done) -> Act:
    return lambda leg, address: WELL if leg.role is LegRole.CONTROL else done


def to_all(done: Done) -> Act:
    return lambda leg, address: done


def to_controls(done: Done) -> Act:
    return lambda leg, address: done if leg.role is LegRole.CONTROL else WELL


def calm_country(**more: object) -> Country:
    country = Country(**more)  # type: ignore[arg-type]
    country.run(CALM)
    country.verdicts.clear()
    return country


def test_a_calm_country_is_fine() -> None:
    country = Country()
    country.run(100)
    assert {v.state for v in country.verdicts[2:]} == {State.OK}
    assert country.verdicts[-1].tested_bytes == 65_536
    assert not country.bursts


def test_a_state_begins_anew_after_time_in_which_nothing_was_measured() -> None:
    country = calm_country()
    began = country.now
    assert country.run(3).since < began
    country.now += 10 * 3_600.0
    assert country.run(1).since == country.now
    assert country.run(2).since == country.now - 1_800.0
    country.act = to_all(SILENT)
    country.run(3)
    country.now += 10 * 3_600.0
    verdict = country.run(1)
    assert (verdict.state, verdict.since) == (State.OFFLINE, country.now)


def test_a_clock_that_was_set_back_leaves_no_beginning_in_the_future() -> None:
    country = calm_country()
    country.now -= 365 * 86_400.0
    assert country.run(2).since <= country.now


def test_a_restriction_keeps_its_onset_and_says_how_long_nobody_looked() -> None:
    country = calm_country()
    country.act = to_name(SLOW)
    before = country.run(4)
    country.now += 10 * 3_600.0
    verdict = country.run(2)
    assert (verdict.state, verdict.since) == (State.THROTTLED, before.since)
    unbroken = "That it lasted without a break"
    assert not any(unbroken in limit for limit in before.may_not_claim)
    # The interval to the next round is not measured either.
    (said,) = [limit for limit in verdict.may_not_claim if unbroken in limit]
    assert "for 10.2 hours since it was first seen" in said


RESET = fail(Phase.TLS, "connection_reset")
SILENT = fail(Phase.CONNECT, "generic_timeout_error")
NO_ANSWER = Failure(phase=Phase.PROCESSING, reason="generic_timeout_error")
# The handshake takes so long that the answer has no time left to come.
SLOW_TO_DEATH = Done(handshake=100.0, fails=NO_ANSWER)
SLOW, SLOW_HELLO = Done(transfer=12.0), Done(handshake=12.0)


@pytest.mark.parametrize(
    ("act", "state", "method", "trigger", "phase"),
    [
        (to_name(SLOW), State.THROTTLED, None, Trigger.NAME, SlowPhase.TRANSFER),
        (to_name(SLOW_HELLO), State.THROTTLED, None, Trigger.NAME, SlowPhase.HANDSHAKE),
        (to_name(SLOW_TO_DEATH), State.THROTTLED, None, Trigger.NAME, SlowPhase.HANDSHAKE),
        (to_name(RESET), State.BLOCKED, Method.TLS, Trigger.NAME, None),
        (to_address(SILENT), State.BLOCKED, Method.TCP, None, None),
        (to_address(SLOW), State.THROTTLED, None, None, SlowPhase.TRANSFER),
        (
            to_name(fail(Phase.PROCESSING, "connection_reset")),
            State.BLOCKED,
            Method.HTTP,
            Trigger.NAME,
            None,
        ),
    ],
)
def test_restrictions_are_said_within_two_rounds_and_end_within_four(
    act: Act,
    state: State,
    method: Method | None,
    trigger: Trigger | None,
    phase: SlowPhase | None,
) -> None:
    country = calm_country(vouched=True)
    country.act = act
    began = country.now
    verdict = country.run(3)
    assert (verdict.state, verdict.method, verdict.phase) == (state, method, phase)
    assert trigger is None or verdict.trigger is trigger
    assert verdict.trigger is not Trigger.NAME or trigger is Trigger.NAME
    assert verdict.since == began + 900.0
    assert "consistent with" in verdict.sentence
    assert verdict.may_claim
    assert verdict.may_not_claim
    country.act = nothing
    assert country.run(4).state is State.OK


@pytest.mark.parametrize("seed", range(12))
def test_what_an_address_remembers_of_a_name_is_no_trigger_by_address(seed: int) -> None:
    named: set[str] = set()

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.TARGET:
            named.add(address)
        return SLOW if address in named else WELL

    country = calm_country(seed=seed, vouched=True)
    country.act = act
    verdict = country.run(4)
    assert verdict.state is State.THROTTLED
    assert verdict.trigger is not Trigger.ADDRESS


def test_the_factor_is_about_what_was_done() -> None:
    country = calm_country()
    country.act = to_name(SLOW)
    verdict = country.run(3)
    assert verdict.factor is not None
    assert 6.0 < verdict.factor < 14.0
    assert verdict.severe == (verdict.factor >= 10.0)


def test_what_never_ends_is_severe_and_silence_after_a_fast_handshake_is_a_block() -> None:
    country = calm_country()
    country.act = to_name(SLOW_TO_DEATH)
    verdict = country.run(3)
    assert verdict.factor is not None
    assert verdict.severe
    # No read began, so what is told is of the handshakes.
    assert "its handshakes take" in verdict.sentence
    assert "so nothing is read" in verdict.sentence
    assert "transfers" not in verdict.sentence

    country = calm_country()
    country.act = to_name(Done(fails=NO_ANSWER, processing=10.0))
    assert (country.run(3).state, country.verdicts[-1].method) == (State.BLOCKED, Method.HTTP)


def test_one_slow_edge_is_the_platforms_own_affair() -> None:
    def act(leg: Leg, address: str) -> Done:
        return SLOW if address == ADDRESSES[0] else WELL

    country = calm_country(swaps=False)
    country.act = act
    country.run(24)
    assert {v.state for v in country.verdicts} <= {State.OK, State.UNKNOWN}
    assert "one_edge_slow" in {v.reason for v in country.verdicts}


@pytest.mark.parametrize("seed", range(4))
def test_one_slow_edge_is_not_spoken_of_for_long_once_it_is_well(seed: int) -> None:
    """Both addresses are a little slower than normal afterwards, so no round ends the suspicion."""
    country = calm_country(seed=seed, noise=0.02, line=0.02, swaps=False)
    country.act = lambda leg, at: SLOW if at == ADDRESSES[0] else WELL
    while country.run(1).reason != "one_edge_slow":
        assert len(country.verdicts) < 40
    country.act = lambda leg, at: Done(transfer=1.8) if at in ADDRESSES else WELL
    country.verdicts.clear()
    country.run(8)
    assert "one_edge_slow" not in {v.reason for v in country.verdicts[3:]}


def test_controls_that_are_silent_are_not_drawn_for_bursts_while_others_answer() -> None:
    country = calm_country()
    dead = country.controls[:2]

    def act(leg: Leg, address: str) -> Done:
        if leg.owner in dead:
            return Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error"))
        return SLOW if leg.role is not LegRole.CONTROL else WELL

    country.act = lambda leg, at: act(leg, at) if leg.role is LegRole.CONTROL else WELL
    country.run(12)  # each of them was asked
    country.act = act
    drawn: list[Burst] = []
    while len(drawn) < 4:
        country.now += INTERVAL
        decision = decide(country.memory, country.a_round(), country.about)
        while decision.plan is not None:
            drawn.append(decision.plan)
            decision = decide(decision.memory, country.a_burst(decision.plan), country.about)
        country.memory = decision.memory
    assert not {name.partition("/")[0] for burst in drawn for name in burst.controls} & set(dead)
    # If hardly anybody answers, the silent are asked: who is left may be the only one spared.
    silent = frozenset(control.name for control in country.about.controls[:3])
    known = about_x(silent={Family.IPV4: silent})
    alone = next_burst.burst("x", "page", Measure.HANDSHAKE, Family.IPV4, {}, known)
    assert len(alone.controls) == 4


def test_the_only_address_must_be_slow_for_longer_than_edges_are() -> None:
    """A reference has met another one."""
    country = calm_country(swaps=False, addresses=ADDRESSES[:1], vouched=True)
    country.act = to_address(SLOW)
    assert country.run(8).state is State.IMPAIRED
    assert country.run(24).state is State.THROTTLED


def test_the_only_address_is_impaired_once_it_lasts() -> None:
    country = calm_country(swaps=False, addresses=ADDRESSES[:1])
    country.act = to_address(SLOW)
    assert country.run(2).state is State.UNKNOWN
    assert country.run(1).state is State.IMPAIRED
    assert country.run(48).state is State.IMPAIRED


def test_what_is_not_plainly_slow_there_has_to_last_for_longer() -> None:
    country = calm_country(swaps=False, addresses=ADDRESSES[:1])
    country.act = to_address(Done(handshake=3.2, transfer=3.2))
    assert country.run(3).state is State.UNKNOWN
    assert country.run(6).state is State.IMPAIRED


@pytest.mark.parametrize("factor", [4.0, 8.0])
def test_a_slow_line_is_degraded_and_nobody_is_accused(factor: float) -> None:
    country = calm_country()
    country.act = to_all(Done(handshake=factor, transfer=factor))
    assert country.run(4).state is State.DEGRADED
    assert not any(v.restricted for v in country.verdicts)


def test_an_offline_line() -> None:
    country = calm_country()
    country.act = to_all(SILENT)
    assert (country.run(1).state, country.verdicts[-1].reason) == (
        State.OFFLINE,
        "nothing_answers",
    )


def test_a_captive_portal() -> None:
    country = calm_country()
    country.act = to_all(fail(Phase.TLS, "ssl_invalid_hostname"))
    assert country.run(1).reason == "captive_portal"


def test_controls_that_fail_accuse_nobody() -> None:
    country = calm_country()
    country.act = to_controls(SILENT)
    assert country.run(3).reason == "no_healthy_control"


def test_slow_controls_accuse_nobody() -> None:
    country = calm_country()
    country.act = to_controls(SLOW)
    country.run(6)
    assert not any(v.restricted for v in country.verdicts)


def test_a_farther_edge_is_another_path() -> None:
    country = calm_country(swaps=False)
    country.act = to_address(Done(rtt=8.0))
    country.run(3)
    assert {v.reason for v in country.verdicts} == {"path_changed"}
    assert country.run(12).reason == "farther_than_before"
    country.act = nothing
    assert country.run(12).state is State.OK


def test_another_line_is_learnt_anew() -> None:
    country = calm_country()
    country.act = to_all(Done(rtt=4.0))
    country.run(60)
    assert not any(v.restricted for v in country.verdicts)
    assert country.verdicts[-1].state is State.OK


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (403, State.UNKNOWN, "refused"),
        (429, State.UNKNOWN, "refused"),
        (451, State.WITHHELD, ""),
        (503, State.DOWN, "server_error"),
    ],
)
def test_refusals_and_errors_of_the_platform(status: int, state: State, reason: str) -> None:
    country = calm_country()
    country.act = to_name(Done(status=status))
    verdict = country.run(3)
    assert (verdict.state, verdict.reason) == (state, reason)
    assert not any(v.restricted for v in country.verdicts)


def test_what_fails_elsewhere_too_is_down() -> None:
    outside = calm_country(swaps=False)
    outside.act = to_address(SILENT)
    reference = outside.run(2)
    country = calm_country(swaps=False, about=about_x(references=(reference,), has_references=True))
    country.act = to_address(SILENT)
    assert country.run(2).state is State.DOWN


def test_a_platform_that_is_slow_elsewhere_too_is_not_accused() -> None:
    outside = calm_country(swaps=False)
    outside.act = to_address(SLOW)
    reference = outside.run(2)
    country = calm_country(swaps=False, about=about_x(references=(reference,), has_references=True))
    country.act = to_address(SLOW)
    country.run(6)
    assert {v.reason for v in country.verdicts} == {"slow_elsewhere_too"}


def test_a_severe_contrast_from_the_start_is_seen() -> None:
    country = Country()
    country.act = to_name(Done(transfer=40.0))
    assert country.run(3).state is State.THROTTLED


def test_light_rounds_do_not_end_a_suspicion_about_transfers() -> None:
    country = calm_country(swaps=False, vouched=True)
    country.act = to_address(SLOW)
    country.run(1)
    country.run(2, RoundKind.LIGHT)
    assert country.run(1).state is State.THROTTLED


@pytest.mark.parametrize("swaps", [True, False])
def test_slow_handshakes_do_not_keep_slower_transfers_from_being_tested(*, swaps: bool) -> None:
    """At one address the handshake takes three times as long, at the other about twice: that looks
    like one slow edge, until something is read."""

    def act(leg: Leg, address: str) -> Done:
        if leg.role is not LegRole.TARGET:
            return WELL
        return Done(handshake=4.0 if address == ADDRESSES[0] else 2.6, transfer=14.0)

    country = calm_country(swaps=swaps, vouched=True)
    country.act = act
    while (suspicion := country.memory.platform("x").episode) is None or not suspicion.one_edge:
        assert not country.run(1, RoundKind.LIGHT).restricted
    verdict = country.run(3)
    assert verdict.state is State.THROTTLED
    assert verdict.phase in (SlowPhase.TRANSFER, SlowPhase.BOTH)
    assert verdict.since == suspicion.onset_at


@pytest.mark.parametrize("done", [SLOW, SLOW_HELLO, RESET])
def test_a_decoy_that_meets_the_same_shows_that_the_name_suffices(done: Done) -> None:
    by_name = (LegRole.TARGET, LegRole.DECOY)
    country = calm_country(swaps=False, decoys=True)
    country.act = lambda leg, address: done if leg.role in by_name else WELL
    verdict = country.run(3)
    assert (verdict.restricted, verdict.trigger) == (True, Trigger.NAME)
    assert verdict.basis is Basis.DECOY
    assert any("nobody's target" in claim for claim in verdict.may_claim)
    country = calm_country(swaps=False, decoys=True, vouched=True)
    country.act = to_name(done)
    verdict = country.run(3)
    assert (verdict.restricted, verdict.trigger) == (True, Trigger.UNKNOWN)
    assert not any("nobody's target" in claim for claim in verdict.may_claim)


def test_a_decoy_accuses_nobody_by_itself() -> None:
    country = calm_country(swaps=False, decoys=True)
    country.act = lambda leg, address: SLOW if leg.role is LegRole.DECOY else WELL
    country.run(6)
    assert {verdict.state for verdict in country.verdicts} == {State.OK}
    shown = [entry for entry in country.verdicts[-1].evidence if entry.name.startswith("decoy_")]
    assert max(entry.value for entry in shown) > 4.0


def test_without_bursts_nothing_is_proven() -> None:
    country = calm_country(about=about_x(may_burst=False))
    country.act = to_name(RESET)
    assert country.run(5).reason == "failure_suspected"


def test_a_suspicion_that_the_budget_leaves_untested_says_so() -> None:
    country = calm_country()
    country.act, country.spent = to_name(SLOW), True
    verdict = country.run(4)
    assert (verdict.state, verdict.reason) == (State.UNKNOWN, "out_of_budget")
    assert verdict.provisional
    assert "it failed or was slow" in verdict.sentence
    assert "budget" in verdict.sentence
    country.spent = False
    assert country.run(2).state is State.THROTTLED
    country.act, country.spent = nothing, True
    assert country.run(4).state is State.THROTTLED  # its end is untested, too
    country.spent = False
    assert country.run(4).state is State.OK


def test_a_reference_that_could_not_test_what_it_suspects_is_no_witness_against_anybody() -> None:
    outside = calm_country(swaps=False)
    outside.act, outside.spent = to_address(SLOW), True
    reference = outside.run(2)
    assert reference.reason == "out_of_budget"
    country = calm_country(swaps=False, about=about_x(references=(reference,), has_references=True))
    country.act = to_address(SLOW)
    assert country.run(6).reason == "slow_elsewhere_too"


def test_the_sentence_of_a_suspicion_tells_failures_from_slowness() -> None:
    missing = fail(Phase.RESOLVE, "dns_nxdomain_error")
    for act, words in (
        (to_name(missing), "it failed (dns_nxdomain_error in resolve)"),
        (to_name(SLOW), "times as long as normal"),
    ):
        country = calm_country(about=about_x(may_burst=False))
        country.act = act
        assert words in country.run(1).sentence


def test_what_is_remembered_survives_being_stored() -> None:
    country = calm_country()
    country.act = to_name(SLOW)
    country.run(1)
    stored = msgspec.msgpack.encode(country.memory)
    country.memory = msgspec.msgpack.decode(stored, type=Memory)
    assert msgspec.msgpack.encode(country.memory) == stored
    assert country.run(2).state is State.THROTTLED


def after_long_reads(leg: Leg, address: str) -> Done:
    """A bucket that forgives the first 64 KiB."""
    hit = leg.role is not LegRole.CONTROL and leg.range_bytes > 65_536
    return Done(transfer=60.0) if hit else WELL


def test_what_only_long_reads_show_is_followed_up_by_rounds_that_read() -> None:
    country = calm_country(swaps=False, vouched=True)
    country.act = after_long_reads
    country.run(1, RoundKind.LONG)
    assert country.run(2).state is State.THROTTLED
    country.act = nothing
    assert country.run(4).state is State.OK


def test_a_slow_way_abroad_is_degraded_while_the_domestic_control_is_fast() -> None:
    about = about_x()
    controls = (replace(about.controls[0], foreign=False), *about.controls[1:])
    country = calm_country(about=replace(about, controls=controls))
    inland = about.controls[0].operator
    country.act = lambda leg, at: WELL if leg.owner == inland else Done(handshake=6, transfer=6)
    country.run(6)
    assert not any(v.restricted for v in country.verdicts)
    assert country.verdicts[-1].state is State.DEGRADED


def read_long(country: Country) -> Country:
    """Long reads have a history, too."""
    for _ in range(16):
        country.run(1, RoundKind.LONG)
        country.run(8)
    country.verdicts.clear()
    return country


def test_slow_long_reads_stay_throttled_for_days() -> None:
    """Ordinary rounds do not read so much; bursts do, and see that it goes on."""
    country = read_long(calm_country())
    country.act = lambda leg, address: (
        Done(transfer=15.0) if leg.role is LegRole.TARGET and leg.range_bytes == LONG_READ else WELL
    )
    country.run(1, RoundKind.LONG)
    country.run(3 * 96)
    assert {verdict.state for verdict in country.verdicts} == {State.THROTTLED}
    country.act = nothing
    country.run(8)
    assert country.verdicts[-1].state is State.OK


def test_a_line_that_was_slow_in_two_long_reads_is_not_slow_for_days() -> None:
    country = read_long(calm_country())
    for _ in range(2):
        country.act = to_all(Done(transfer=5.0))
        country.run(1, RoundKind.LONG)
        country.act = nothing
        country.run(60)
    assert {verdict.state for verdict in country.verdicts[2:]} == {State.OK}


def test_controls_that_fail_do_not_end_a_restriction() -> None:
    country = calm_country()
    country.act = to_name(SLOW)
    country.run(4)
    assert country.verdicts[-1].state is State.THROTTLED
    country.act = lambda leg, address: SILENT if leg.role is LegRole.CONTROL else SLOW
    burst = next_burst.recovery_burst("x", _proven(country), country.memory.levels, country.about)
    found = score(
        country.a_burst(burst),
        _proven(country).measure,
        levels=country.memory.levels,
        thresholds=country.about.thresholds,
    )
    assert (found.complete, found.recovered) == (True, 0)


def _proven(country: Country) -> Proven:
    found = country.memory.platforms["x"].proven
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("host_budget", "out_of_budget"),
        ("data_budget", "out_of_budget"),
        ("no_address", "no_address"),
        ("no_resources", "too_little_data"),
        ("no_object", "too_little_data"),
    ],
)
def test_only_what_a_budget_forbids_is_said_to_be_spared(reason: str, said: str) -> None:
    country = calm_country()
    made = country.a_round()
    skipped = tuple(SkippedLeg(leg=one.leg, reason=reason) for one in made.by_role(LegRole.TARGET))
    left = tuple(one for one in made.legs if one.leg.role is LegRole.CONTROL)
    verdict = decide(
        country.memory, replace(made, legs=left, skipped=skipped), country.about
    ).verdict
    assert (verdict.state, verdict.reason) == (State.UNKNOWN, said)
