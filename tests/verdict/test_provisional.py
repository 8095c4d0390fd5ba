"""One round never accuses anybody, and always says why it does not know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.failure import OONI, Failure
from probe.model.identity import LegRole, Phase
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import State
from probe.verdict.provisional import RULES, judge
from tests.values import a_round, failed, observed

CONTROL = observed(LegRole.CONTROL, owner="c1")
SECOND = observed(LegRole.CONTROL, owner="c2")
DEAD = failed(Phase.CONNECT, "network_unreachable", LegRole.CONTROL)
CUT = Failure(phase=Phase.TRANSFER, reason="generic_timeout_error")


def test_rules_have_unique_ids_and_the_last_always_holds() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(rule.reason for rule in RULES if rule.state is not State.OK)


@pytest.mark.parametrize(
    ("observed_round", "state", "reason", "words"),
    [
        pytest.param(a_round(observed(), CONTROL, SECOND), "ok", "", "reachable", id="ok"),
        pytest.param(
            a_round(failed(Phase.RESOLVE, "dns_temporary_failure"), DEAD, DEAD),
            "offline",
            "nothing_answers",
            "offline",
            id="offline",
        ),
        pytest.param(
            a_round(observed(), DEAD, DEAD),
            "unknown",
            "no_healthy_control",
            "no control",
            id="only",
        ),
        pytest.param(
            a_round(failed(Phase.TLS, "connection_reset"), CONTROL, SECOND),
            "unknown",
            "target_failing",
            "connection_reset in tls",
            id="blocked, perhaps",
        ),
        pytest.param(
            a_round(failed(Phase.PROCESSING, "http_unexpected_status_code"), CONTROL),
            "unknown",
            "refused",
            "refuses",
            id="refused",
        ),
        pytest.param(
            a_round(observed(seconds=10.0), CONTROL),
            "unknown",
            "slower_than_controls",
            "10.0 times slower",
            id="throttled, perhaps",
        ),
        pytest.param(
            a_round(observed(body=4_096, seconds=30.0, failure=CUT), CONTROL),
            "unknown",
            "target_failing",
            "generic_timeout_error in transfer",
            id="cut",
        ),
        pytest.param(
            a_round(observed(seconds=3.9, connect=0.08, tls=0.16, rtt=0.08), CONTROL),
            "ok",
            "",
            "reachable",
            id="further away, so slower",
        ),
        pytest.param(
            a_round(observed(seconds=10.0), observed(LegRole.CONTROL, seconds=10.0)),
            "ok",
            "",
            "reachable",
            id="a slow line",
        ),
        pytest.param(a_round(CONTROL), "unknown", "too_little_data", "too little", id="no target"),
        pytest.param(a_round(observed()), "unknown", "too_little_data", "too little", id="alone"),
        pytest.param(
            a_round(observed(), CONTROL, clock_stepped=True),
            "unknown",
            "clock_stepped",
            "clock",
            id="clock",
        ),
    ],
)
def test_verdicts(observed_round: RoundObservation, state: str, reason: str, words: str) -> None:
    verdict = judge(observed_round, title="X", previous=None)
    assert (verdict.state, verdict.reason) == (state, reason)
    assert words in verdict.sentence
    assert verdict.sentence.startswith("X: ")
    assert verdict.provisional


legs = st.lists(
    st.builds(
        lambda role, phase, reason, seconds: (
            observed(role, seconds=seconds) if reason is None else failed(phase, reason, role)
        ),
        st.sampled_from(LegRole),
        st.sampled_from(Phase),
        st.none() | st.sampled_from(sorted(OONI)),
        st.floats(0.001, 1e4),
    ),
    max_size=8,
)


@given(legs, st.booleans())
def test_one_round_never_accuses(several: list[LegObservation], stepped: bool) -> None:
    verdict = judge(a_round(*several, clock_stepped=stepped), title="X", previous=None)
    assert verdict.state in {State.OK, State.OFFLINE, State.UNKNOWN}
    assert (verdict.reason == "") == (verdict.state is State.OK)


def test_since_is_kept_while_nothing_changes() -> None:
    first = judge(a_round(observed(), CONTROL), title="X", previous=None)
    second = judge(a_round(observed(), CONTROL), title="X", previous=first)
    third = judge(a_round(failed(Phase.TLS, "eof_error"), CONTROL), title="X", previous=second)
    assert first.since == second.since == first.at
    assert third.since == third.at
