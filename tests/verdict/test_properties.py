"""What must hold of the verdict whatever was measured.

Histories come from the world of numbers (scenarios with restrictions and without); what is done to
them is drawn by hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config import load
from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import LegObservation, RoundObservation, Sample, SkippedLeg
from probe.model.verdict import State, Trigger, Verdict
from probe.verdict.about import About, about
from probe.verdict.decide import decide
from probe.verdict.remembered.memory import Memory
from scenarios.lines import LINES
from scenarios.table import BY_ID
from synth.play import Play, config_of

CONFIG = load(None, {})
GUILTY = ("russia-2024-youtube", "turkey-2025-handshake", "hello-reset", "syn-dropped")
INNOCENT = ("nothing", "congested", "edge-moved", "one-control-throttled", "platform-down")
Rounds = tuple[RoundObservation, ...]
few = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
guilty = pytest.mark.parametrize("scenario", GUILTY)
innocent = pytest.mark.parametrize("scenario", INNOCENT)
every = pytest.mark.parametrize("scenario", GUILTY + INNOCENT)


@cache
def history(scenario: str) -> Rounds:
    """Every round and burst of one platform at home."""
    said = Play(CONFIG, BY_ID[scenario], LINES["dsl"], seed=1).history()
    platform = BY_ID[scenario].platforms[0]
    return tuple(
        one.observed
        for one in said
        if one.observed.vantage == "home" and one.observed.platform == platform
    )


@cache
def known(scenario: str) -> About:
    config = config_of(CONFIG, BY_ID[scenario])
    return about(config, config.platforms[0])


def say(scenario: str, rounds: Sequence[RoundObservation]) -> list[Verdict]:
    memory, said = Memory(), []
    for observed in rounds:
        decision = decide(memory, observed, known(scenario))
        memory = decision.memory
        said.append(decision.verdict)
    return said


@cache
def said_of(scenario: str) -> tuple[Verdict, ...]:
    """What is said of its history as it was."""
    return tuple(say(scenario, history(scenario)))


def accused(said: Sequence[Verdict]) -> list[bool]:
    return [verdict.restricted for verdict in said]


@guilty
def test_the_guilty_are_found_at_all(scenario: str) -> None:
    assert any(verdict.proven for verdict in said_of(scenario))


@innocent
def test_the_innocent_are_not_accused(scenario: str) -> None:
    assert not any(accused(said_of(scenario)))


# ---- scaling


def _scaled(leg: LegObservation, factor: float, *, distance: bool) -> LegObservation:
    """The leg on a line that is so many times slower, and, with ``distance``, farther."""
    tcp = leg.tcp
    if tcp is not None and distance:
        tcp = replace(
            tcp,
            rtt_seconds=_times(tcp.rtt_seconds, factor),
            min_rtt_seconds=_times(tcp.min_rtt_seconds, factor),
            receive_rtt_seconds=_times(tcp.receive_rtt_seconds, factor),
        )
    return replace(
        leg,
        duration_seconds=leg.duration_seconds * factor,
        phases={phase: seconds * factor for phase, seconds in leg.phases.items()},
        connect_rtt_seconds=(
            _times(leg.connect_rtt_seconds, factor) if distance else leg.connect_rtt_seconds
        ),
        tcp=tcp,
        curve=tuple(Sample(point.seconds * factor, point.bytes) for point in leg.curve),
    )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _each_leg(
    observed: RoundObservation, change: Callable[[LegObservation], LegObservation]
) -> RoundObservation:
    return replace(observed, legs=tuple(map(change, observed.legs)))


@every
@given(factor=st.floats(min_value=0.1, max_value=10.0))
@few
def test_a_line_that_is_slower_throughout_changes_no_accusation(
    scenario: str, factor: float
) -> None:
    rounds = history(scenario)
    scaled = [_each_leg(one, lambda leg: _scaled(leg, factor, distance=True)) for one in rounds]
    assert accused(say(scenario, scaled)) == accused(said_of(scenario))


@innocent
@given(
    factor=st.floats(min_value=0.2, max_value=30.0), begin=st.floats(0.2, 0.9), far=st.booleans()
)
@few
def test_a_line_that_becomes_slower_accuses_nobody(
    scenario: str, factor: float, begin: float, far: bool
) -> None:
    rounds = history(scenario)
    first = int(begin * len(rounds))
    scaled = [
        _each_leg(one, lambda leg: _scaled(leg, factor, distance=far)) if n >= first else one
        for n, one in enumerate(rounds)
    ]
    assert not any(accused(say(scenario, scaled)))


# ---- nothing to compare with


def _dead(leg: LegObservation) -> LegObservation:
    """The leg, had its connection failed."""
    failure = Failure(phase=Phase.CONNECT, reason="generic_timeout_error")
    return replace(
        leg,
        failure=failure,
        phases={Phase.CONNECT: 15.0},
        tls=None,
        http=None,
        body_bytes=None,
        curve=(),
        tcp=None,
        connect_rtt_seconds=None,
    )


@guilty
@given(gone=st.booleans())
@few
def test_without_a_healthy_control_or_swap_nobody_is_accused(scenario: str, gone: bool) -> None:
    def without(observed: RoundObservation) -> RoundObservation:
        kept = [leg for leg in observed.legs if leg.leg.role is LegRole.TARGET]
        lost = [leg for leg in observed.legs if leg.leg.role is not LegRole.TARGET]
        if not gone:
            kept += map(_dead, lost)
        return replace(observed, legs=tuple(sorted(kept, key=lambda leg: leg.order)))

    assert not any(accused(say(scenario, [without(one) for one in history(scenario)])))


# ---- order


@every
@given(seed=st.integers(0, 10**6))
@few
def test_the_order_of_legs_tells_at_most_the_trigger(scenario: str, seed: int) -> None:
    random = Random(seed)

    def shuffled(observed: RoundObservation) -> RoundObservation:
        legs = list(observed.legs)
        random.shuffle(legs)
        legs = [replace(leg, order=order) for order, leg in enumerate(legs)]
        return replace(observed, legs=tuple(legs))

    again = say(scenario, [shuffled(one) for one in history(scenario)])
    for before, after in zip(said_of(scenario), again, strict=True):
        assert (before.state, before.reason, before.method, before.phase) == (
            after.state,
            after.reason,
            after.method,
            after.phase,
        )
        assert before.e_value == after.e_value
        if before.trigger is not after.trigger:
            assert Trigger.UNKNOWN in (before.trigger, after.trigger)


# ---- more of the same


@cache
def _bursts_of_a_suspicion(scenario: str) -> list[tuple[Memory, RoundObservation]]:
    """Bursts while something is suspected, each with what was remembered before it."""
    memory, found = Memory(), []
    for observed in history(scenario):
        mine = memory.platform(observed.platform)
        if observed.kind is RoundKind.BURST and mine.proven is None:
            found.append((memory, observed))
        memory = decide(memory, observed, known(scenario)).memory
    return found


@guilty
@given(times=st.integers(min_value=1, max_value=6))
@few
def test_more_of_the_same_evidence_never_lowers_confidence(scenario: str, times: int) -> None:
    for memory, burst in _bursts_of_a_suspicion(scenario):
        confidence, was = 0.0, False
        for _ in range(times):
            decision = decide(memory, burst, known(scenario))
            memory = decision.memory
            now = decision.verdict.e_value or 0.0
            if not decision.verdict.restricted and memory.platform(burst.platform).episode is None:
                break  # it was no evidence for it
            if now > confidence:
                was = True
            if was:
                assert now >= confidence
            confidence = now


# ---- missing legs


def _thinned(observed: RoundObservation, kept: Sequence[bool]) -> RoundObservation:
    legs, skipped = [], list(observed.skipped)
    for leg, keep in zip(observed.legs, kept, strict=False):
        if keep:
            legs.append(leg)
        else:
            skipped.append(SkippedLeg(leg=leg.leg, reason="host_budget"))
    return replace(observed, legs=tuple(legs), skipped=tuple(skipped))


def _first(said: Sequence[Verdict]) -> int:
    return next((n for n, verdict in enumerate(said) if verdict.restricted), len(said))


@every
@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.02, 0.1, 0.3]))
@few
def test_missing_legs_accuse_nobody_sooner(scenario: str, seed: int, share: float) -> None:
    rounds = history(scenario)
    random = Random(seed)
    thinned = [_thinned(one, [random.random() >= share for _ in one.legs]) for one in rounds]
    assert _first(say(scenario, thinned)) >= _first(said_of(scenario))


@guilty
def test_without_swaps_no_name_or_address_is_called_the_trigger(scenario: str) -> None:
    rounds = [
        _thinned(one, [leg.leg.role is not LegRole.SWAP for leg in one.legs])
        for one in history(scenario)
    ]
    said = say(scenario, rounds)
    triggers = {verdict.trigger for verdict in said if verdict.state is State.THROTTLED}
    assert triggers <= {Trigger.UNKNOWN}
