"""A failure is over once the platform itself answers; what follows is proven anew."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Phases
from hypothesis import strategies as st

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import TlsFacts
from probe.model.verdict import State
from tests.verdict.country import WELL, Act, Country, Done, nothing

CALM = 24
TIMEOUT = "generic_timeout_error"


def fails(phase: Phase, reason: str, tls: TlsFacts | None = None) -> Done:
    return Done(fails=Failure(phase=phase, reason=reason), tls=tls)


FAILURES = {
    "silent": fails(Phase.CONNECT, TIMEOUT),
    "refused": fails(Phase.CONNECT, "connection_refused"),
    "reset": fails(Phase.TLS, "connection_reset"),
    "no answer": fails(Phase.PROCESSING, "connection_reset"),
}
# The platform itself, over a way that is well.
ANSWERS = {
    "403": Done(status=403),
    "an old list of authorities": fails(
        Phase.TLS,
        "ssl_unknown_authority",
        TlsFacts(for_name=True, logged=True, verify_error="unable to get issuer"),
    ),
    "its certificate ran out": fails(
        Phase.TLS,
        "ssl_invalid_certificate",
        TlsFacts(for_name=True, dates="expired", verify_error="expired"),  # type: ignore[arg-type]
    ),
}
# It fails, and in another way: nobody's silence.
OTHERWISE = {
    "another name": fails(Phase.TLS, "ssl_invalid_hostname"),
    "an alert": fails(Phase.TLS, "ssl_failed_handshake"),
}


def everywhere(done: Done) -> Act:
    return lambda leg, address: WELL if leg.role is LegRole.CONTROL else done


def impaired(done: Done) -> Country:
    """It fails after calm hours, and nobody looks from outside."""
    country = Country(swaps=False)
    country.run(CALM)
    country.act = everywhere(done)
    assert country.run(3).state is State.IMPAIRED
    return country


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_one_failure_after_the_platform_itself_answered_accuses_nobody(
    failure: Done, answer: Done
) -> None:
    country = impaired(failure)
    country.act = everywhere(answer)
    country.run(4)
    assert country.memory.platform("x").proven is None
    # One more, beside a reference that is well, when no burst can be paid.
    country.vouched, country.act, country.spent = True, everywhere(failure), True
    assert not country.run(1).restricted
    # It goes on: it is proven anew, and then it is said.
    country.spent = False
    assert country.run(3).restricted


@pytest.mark.parametrize("other", OTHERWISE.values(), ids=OTHERWISE.keys())
def test_one_failure_of_the_kind_that_was_proven_after_hours_of_another_accuses_nobody(
    other: Done,
) -> None:
    country = impaired(FAILURES["silent"])
    country.act = everywhere(other)
    country.run(6)
    country.vouched, country.act, country.spent = True, everywhere(FAILURES["silent"]), True
    assert not country.run(1).restricted
    # It goes on: what was proven of the other meanwhile is over, and it is proven anew.
    country.spent = False
    assert country.run(32).restricted


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_a_reference_that_looks_late_accuses_at_once_of_what_goes_on(failure: Done) -> None:
    country = impaired(failure)
    country.spent = country.vouched = True
    assert country.run(1).restricted


def test_an_accusation_ends_when_the_platform_itself_answers_twice() -> None:
    country = Country(swaps=False, vouched=True)
    country.run(CALM)
    country.act = everywhere(FAILURES["reset"])
    assert country.run(3).restricted
    country.act = everywhere(Done(status=403))
    country.run(1)
    assert not country.run(1).restricted


def test_one_answer_in_a_block_that_lets_one_in_some_through_ends_nothing() -> None:
    """The far end turns away what reads, and what is proven is of a read."""
    country = Country(swaps=False, vouched=True)
    country.run(CALM)
    country.act = everywhere(FAILURES["no answer"])
    assert country.run(3).restricted
    for _ in range(6):
        country.act = everywhere(ANSWERS["403"])
        country.run(1)
        country.act = everywhere(FAILURES["no answer"])
        assert country.run(1).restricted


MOMENTS = {**FAILURES, **ANSWERS, **OTHERWISE, "well": WELL}


@given(
    moments=st.lists(
        st.tuples(
            st.sampled_from(sorted(MOMENTS)),
            st.integers(1, 4),
            st.booleans(),
            st.booleans(),
            st.sampled_from([RoundKind.TRANSFER, RoundKind.TRANSFER, RoundKind.LIGHT]),
        ),
        min_size=2,
        max_size=8,
    ),
    seed=st.integers(0, 10**6),
)
@settings(
    max_examples=30,
    phases=[p for p in Phases if p is not Phases.shrink],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_whoever_is_accused_fails_now_and_has_not_answered_twice_since_it_began(
    moments: list[tuple[str, int, bool, bool, RoundKind]], seed: int
) -> None:
    country = Country(seed, swaps=False)
    country.run(CALM)
    was, in_a_row, answered_at = False, 0, 0.0
    for name, rounds, vouched, spent, kind in moments:
        country.vouched, country.spent = vouched, spent
        country.act = nothing if name == "well" else everywhere(MOMENTS[name])
        for _ in range(rounds):
            verdict = country.run(1, kind)
            # A light round asks for nothing that a status could refuse.
            answers = name in ANSWERS and not (kind is RoundKind.LIGHT and name == "403")
            in_a_row = in_a_row + 1 if answers else 0
            answered_at = country.now if in_a_row >= 2 else answered_at
            if verdict.restricted and not was:
                assert name in FAILURES or name in OTHERWISE
                assert verdict.since > answered_at
            was = verdict.restricted
