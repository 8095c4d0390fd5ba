"""What rules out the platform's own trouble accuses; what does not is ``impaired``, here or
everywhere."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.basis import GROUNDS, Basis
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase
from probe.model.observation import HttpFacts, Leg, TlsFacts
from probe.model.verdict import Method, SlowPhase, State, Trigger, Verdict
from probe.observe.effort import Measure
from probe.verdict.decide import decide
from probe.verdict.remembered.memory import Memory, PlatformMemory, Proven
from tests.verdict.basis_document import held, markdown
from tests.verdict.country import (
    ADDRESSES,
    WELL,
    Act,
    Country,
    Done,
    about_x,
    fine_outside,
    nothing,
)

CALM = 24


def fails(phase: Phase, reason: str) -> Done:
    return Done(fails=Failure(phase=phase, reason=reason))


SLOW, SLOW_HELLO = Done(transfer=12.0), Done(handshake=12.0)
SILENT = fails(Phase.CONNECT, "generic_timeout_error")
REFUSED = fails(Phase.CONNECT, "connection_refused")
RESET = fails(Phase.TLS, "connection_reset")
OTHER_NAME = fails(Phase.TLS, "ssl_invalid_hostname")
UNTRUSTED = fails(Phase.TLS, "ssl_unknown_authority")
NO_ANSWER = fails(Phase.PROCESSING, "connection_reset")
# What servers do to everybody when they are in trouble.
TROUBLES = {
    "silent": SILENT,
    "refused": REFUSED,
    "reset": RESET,
    "other name": OTHER_NAME,
    "untrusted": UNTRUSTED,
    "no answer": NO_ANSWER,
    "slow": SLOW,
    "slow hello": SLOW_HELLO,
    "all slow": Done(handshake=6.0, transfer=8.0),
}
every = pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())


def everywhere(done: Done) -> Act:
    """It happens to whoever goes to the platform's addresses, under whatever name."""
    return lambda leg, address: WELL if leg.role is LegRole.CONTROL else done


def by_name(done: Done) -> Act:
    return lambda leg, address: done if leg.role is LegRole.TARGET else WELL


def calm(**more: object) -> Country:
    country = Country(**more)  # type: ignore[arg-type]
    country.run(CALM)
    country.verdicts.clear()
    return country


def holds(country: Country) -> Proven:
    found = country.memory.platform("x").proven
    assert found is not None
    return found


def says(state: State, at: float, *, reason: str = "") -> Verdict:
    return replace(fine_outside(at), state=state, reason=reason)


def test_the_table_has_every_basis_and_says_something_in_every_place() -> None:
    assert set(GROUNDS) == set(Basis)
    for ground in GROUNDS.values():
        assert all((ground.needs, ground.rules_out, ground.leaves, ground.wrong))


def test_the_documentation_has_the_table() -> None:
    assert held() == markdown(), "run `python -m tests.verdict.basis_document`"


# ---- an outage


@every
@pytest.mark.parametrize("swaps", [True, False])
def test_an_outage_that_nobody_else_looks_at_is_impaired_here(
    trouble: Done, *, swaps: bool
) -> None:
    country = calm(swaps=swaps)
    country.act = everywhere(trouble)
    began = country.now
    verdict = country.run(3)
    assert verdict.state is State.IMPAIRED
    assert verdict.since == began + 900.0
    assert verdict.proven
    assert not verdict.restricted
    assert not verdict.provisional
    assert verdict.trigger is None
    assert (verdict.method is None) is (verdict.phase is not None)
    assert verdict.basis is Basis.ADDRESSES
    assert verdict.may_claim
    assert GROUNDS[Basis.ADDRESSES].leaves in verdict.may_not_claim
    assert "nobody has looked from outside" in verdict.sentence
    assert "consistent with" not in verdict.sentence
    assert "cut" not in verdict.sentence
    country.run(96)
    assert {v.state for v in country.verdicts[2:]} == {State.IMPAIRED}
    country.act = nothing
    assert country.run(4).state is State.OK


@every
def test_an_outage_that_a_reference_meets_too_is_nobodys_restriction(trouble: Done) -> None:
    outside = calm(swaps=False, about=about_x(outside=True))
    outside.act = everywhere(trouble)
    country = calm(swaps=False)
    country.act = everywhere(trouble)
    for _ in range(12):
        reference = replace(outside.run(1), vantage="abroad")
        country.about = about_x(references=(reference,), has_references=True)
        country.run(1)
    assert not any(v.restricted for v in country.verdicts)
    assert country.verdicts[-1].state in (State.DOWN, State.UNKNOWN)
    assert country.verdicts[-1].reason in ("fails_elsewhere_too", "slow_elsewhere_too")


@every
def test_what_a_reference_does_not_meet_accuses(trouble: Done) -> None:
    country = calm(swaps=False, vouched=True)
    country.act = everywhere(trouble)
    verdict = country.run(3)
    assert verdict.restricted
    assert verdict.basis is Basis.REFERENCE
    assert "From outside the country it is fine." in verdict.sentence
    assert any("fine from outside" in claim for claim in verdict.may_claim)
    assert GROUNDS[Basis.REFERENCE].leaves in verdict.may_not_claim


@pytest.mark.parametrize(
    ("target", "others", "accuses"),
    [
        # Its own server is slow, near here alone: nothing on the way shows.
        (Done(transfer=12.0, lost=0), Done(lost=0), False),
        (Done(handshake=12.0, transfer=12.0, lost=0), Done(lost=0), False),
        # The line loses packets, of everybody; or fills its own queue.
        (Done(transfer=12.0, lost=2), Done(lost=2), False),
        (Done(transfer=12.0, lost=0, queued=2.0), Done(lost=0, queued=2.0), False),
        # One segment of fifty is chance. Somebody on the way drops packets, or has them wait.
        (Done(transfer=12.0, lost=1), Done(lost=0), False),
        (Done(transfer=12.0, lost=2), Done(lost=0), True),
        (Done(transfer=12.0, lost=0, queued=2.0), Done(lost=0), True),
        (Done(transfer=12.0, lost=0, queued=4.0), Done(lost=0, queued=2.0), True),
        # Behind a proxy the kernel says nothing of the way.
        (Done(transfer=12.0), Done(), True),
    ],
)
def test_what_is_slow_here_alone_accuses_if_the_way_shows_it(
    target: Done, others: Done, accuses: bool
) -> None:
    country = calm(swaps=False, vouched=True)
    country.act = lambda leg, address: others if leg.role is LegRole.CONTROL else target
    verdict = country.run(6)
    assert verdict.state is (State.THROTTLED if accuses else State.IMPAIRED)
    assert verdict.basis is (Basis.REFERENCE if accuses else Basis.ADDRESSES)
    assert "rom outside the country it is fine" in verdict.sentence
    assert ("its servers near here may be the cause" in verdict.sentence) is not accuses
    assert "nobody has looked" not in verdict.sentence
    country.act = nothing
    assert country.run(6).state is State.OK


@pytest.mark.parametrize("how", ["connect/generic_timeout_error", "tls/connection_reset"])
@pytest.mark.parametrize("seed", range(3))
def test_one_address_that_is_dead_and_another_that_is_slow_accuse_nobody(
    how: str, seed: int
) -> None:
    """A server of its own that is down, and a slow one near here; a reference meets others."""
    phase, _, reason = how.partition("/")
    dead = Done(fails=Failure(phase=Phase(phase), reason=reason))
    country = calm(seed=seed, swaps=False, vouched=True)

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return Done(lost=0)
        return dead if address == ADDRESSES[0] else Done(handshake=12.0, transfer=3.0, lost=0)

    country.act = act
    country.run(12)
    assert not any(v.restricted for v in country.verdicts)
    assert country.verdicts[-1].state is State.IMPAIRED


@given(
    troubles=st.lists(
        st.tuples(st.sampled_from(sorted(TROUBLES)), st.integers(1, 12), st.integers(1, 3)),
        min_size=1,
        max_size=4,
    ),
    swaps=st.booleans(),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_trouble_of_the_platform_alone_accuses_anybody(
    troubles: list[tuple[str, int, int]], swaps: bool, seed: int
) -> None:
    """At one of its addresses or at both, one trouble after the other: no basis that accuses."""
    country = calm(seed=seed, swaps=swaps)
    for name, rounds, where in troubles:
        hit = {a for n, a in enumerate(ADDRESSES) if where >> n & 1}

        def act(leg: Leg, address: str, done: Done = TROUBLES[name], hit: set[str] = hit) -> Done:
            return done if leg.role is not LegRole.CONTROL and address in hit else WELL

        country.act = act
        country.run(rounds)
    assert not any(v.restricted for v in country.verdicts)
    for verdict in country.verdicts:
        assert (verdict.basis is None) is not verdict.proven


# ---- a better basis comes, or goes


def test_a_reference_that_looks_later_makes_it_an_accusation_with_the_same_onset() -> None:
    country = calm()
    country.act = everywhere(SLOW)
    before = country.run(4)
    assert before.state is State.IMPAIRED
    country.vouched = True
    after = country.run(1)
    assert (after.state, after.since) == (State.THROTTLED, before.since)
    assert after.factor == pytest.approx(before.factor, rel=0.3)


def test_a_reference_that_fails_later_takes_it_back() -> None:
    country = calm(vouched=True)
    country.act = everywhere(SILENT)
    before = country.run(4)
    assert before.state is State.BLOCKED
    country.vouched = False
    failing = says(State.DOWN, country.now, reason="server_error")
    country.about = about_x(references=(failing,), has_references=True)
    assert country.run(2).state is State.DOWN
    # It may come back there before it does here.
    country.about, country.vouched = about_x(), True
    after = country.run(1)
    assert (after.state, after.since) == (State.IMPAIRED, before.since)
    assert country.run(5).state is State.BLOCKED


def test_once_a_reference_failed_its_silence_does_not_accuse() -> None:
    country = calm(vouched=True)
    country.act = everywhere(SILENT)
    country.run(4)
    country.vouched = False
    failing = says(State.DOWN, country.now, reason="server_error")
    country.about = about_x(references=(failing,), has_references=True)
    country.run(1)
    country.about = about_x(has_references=True)
    country.verdicts.clear()
    country.run(24)
    assert {v.state for v in country.verdicts} == {State.IMPAIRED}
    assert "vantages outside have not told" in country.verdicts[-1].sentence


def test_a_swap_that_is_well_later_makes_it_an_accusation() -> None:
    country = calm()
    country.act = everywhere(SLOW)
    before = country.run(2)
    assert before.state is State.IMPAIRED
    country.act = by_name(SLOW)
    after = country.run(1)
    assert (after.state, after.basis, after.trigger) == (
        State.THROTTLED,
        Basis.SWAP,
        Trigger.NAME,
    )
    assert after.since == before.since


def test_the_swap_is_not_asked_for_ever() -> None:
    country = calm()
    country.act = everywhere(SLOW)
    country.run(12)
    bursts = country.bursts
    country.run(48)
    assert country.bursts == bursts


@pytest.mark.parametrize("vouches", [True, False])
def test_a_reference_says_nothing_against_a_swap_but_fails_too(*, vouches: bool) -> None:
    """By name, here and outside: a part of the platform's own service is in trouble."""
    country = calm(vouched=vouches)
    if not vouches:
        failing = says(State.DOWN, country.now, reason="server_error")
        country.about = about_x(references=(failing,), has_references=True)
    country.act = by_name(RESET)
    verdict = country.run(3)
    assert verdict.state is (State.BLOCKED if vouches else State.DOWN)


def test_platforms_of_other_operators_make_it_an_accusation_later() -> None:
    about = about_x(operators={"x": "X Corp.", "y": "Y Inc."})
    country = calm(about=about)
    country.act = everywhere(SLOW)
    before = country.run(3)
    assert before.state is State.IMPAIRED
    other = PlatformMemory(proven=replace(holds(country), onset_at=before.since - 600.0))
    platforms = {**country.memory.platforms, "y": other}
    country.memory = replace(country.memory, platforms=platforms)
    after = country.run(1)
    assert (after.state, after.basis) == (State.THROTTLED, Basis.PLATFORMS)
    assert "The same met y in the same minutes." in after.sentence
    # An outage of both is one that references meet, too.
    failing = says(State.DOWN, country.now, reason="server_error")
    country.about = replace(about, references=(failing,), has_references=True)
    assert country.run(1).reason == "fails_elsewhere_too"
    assert holds(country).basis is Basis.ADDRESSES


# ---- which references vouch


def looked(country: Country, onset: float, after: float, state: State = State.OK) -> Verdict:
    return says(state, onset + after)


@pytest.mark.parametrize(
    ("news", "accuses"),
    [
        ((-600.0,), False),  # before it began
        ((60.0,), False),  # in the minute in which it did
        ((900.0,), True),
        ((900.0, 900.0), True),
        ((900.0, -600.0), False),  # the other has not looked yet
        ((900.0, 900.0, -600.0), True),  # most have
        ((900.0, None), False),  # the other fails: nobody knows
        ((900.0, 900.0, None), True),  # one of three is broken, or lies
    ],
)
def test_who_vouches(news: tuple[float | None, ...], *, accuses: bool) -> None:
    country = calm(swaps=False)
    onset = country.now + 900.0
    references = tuple(
        replace(
            says(State.OK if at is not None else State.DOWN, onset + (at or 900.0)),
            vantage=f"abroad-{number}",
        )
        for number, at in enumerate(news)
    )
    country.about = about_x(references=references, has_references=True)
    country.act = everywhere(SLOW)
    verdict = country.run(3)
    assert verdict.state is (State.THROTTLED if accuses else State.IMPAIRED)


def test_a_reference_that_has_not_read_does_not_vouch_for_reads() -> None:
    def after(seconds: float, done: Done) -> State:
        country = calm(swaps=False)
        shook_hands = replace(fine_outside(country.now + 900.0 + seconds), evidence=())
        country.about = about_x(references=(shook_hands,), has_references=True)
        country.act = everywhere(done)
        return country.run(3).state

    assert after(600.0, SLOW) is State.IMPAIRED
    assert after(600.0, SLOW_HELLO) is State.THROTTLED
    # By then it has read as well, and would not say that all is fine.
    assert after(1_200.0, SLOW) is State.THROTTLED


# ---- what the platform itself says


@pytest.mark.parametrize(
    ("http", "verify_error", "state", "words"),
    [
        (HttpFacts(version="2", status=451), "", State.WITHHELD, "HTTP 451"),
        (HttpFacts(version="2", status=403, blocked_by=True), "", State.WITHHELD, "it names who"),
        (HttpFacts(version="2", status=403), "", State.UNKNOWN, "refuses"),
        (HttpFacts(version="2", status=451), "self-signed", State.UNKNOWN, "refuses"),
    ],
)
def test_what_a_platform_withholds_itself_is_its_own_act(
    http: HttpFacts, verify_error: str, state: State, words: str
) -> None:
    country = calm()
    country.act = by_name(Done(status=http.status))
    country.now += 900.0
    made = country.a_round()
    legs = tuple(
        replace(leg, http=http, tls=TlsFacts(verify_error=verify_error))
        if leg.leg.role is LegRole.TARGET
        else leg
        for leg in made.legs
    )
    verdict = decide(country.memory, replace(made, legs=legs), country.about).verdict
    assert verdict.state is state
    assert words in verdict.sentence
    assert not verdict.restricted
    withheld = state is State.WITHHELD
    assert ("That a network restricts it." in verdict.may_not_claim) is withheld
    assert ("no network's" in verdict.sentence) is withheld


# ---- what is published and kept


@pytest.mark.parametrize(
    ("trouble", "method", "words"),
    [
        (SILENT, Method.TCP, "connections to it do not come about"),
        (RESET, Method.TLS, "TLS handshakes with it fail"),
        (NO_ANSWER, Method.HTTP, "requests to it are not answered"),
        (OTHER_NAME, Method.TLS, "a certificate for another name"),
        (UNTRUSTED, Method.TLS, "a certificate of an authority that is not trusted"),
        (fails(Phase.TLS, "ssl_invalid_certificate"), Method.TLS, "that is not valid"),
    ],
)
def test_what_fails_is_told_as_what_it_is(trouble: Done, method: Method, words: str) -> None:
    for vouched in (False, True):
        country = calm(swaps=False, vouched=vouched)
        country.act = everywhere(trouble)
        verdict = country.run(3)
        assert verdict.method is method
        assert "certificate" not in verdict.sentence or "cut" not in verdict.sentence
        assert vouched or words in verdict.sentence
        assert "certificate" not in words or words in verdict.sentence


def test_what_is_slow_is_told_with_its_phase_and_factor() -> None:
    country = calm(swaps=False)
    country.act = everywhere(SLOW)
    verdict = country.run(3)
    assert verdict.phase is SlowPhase.TRANSFER
    assert verdict.factor is not None
    assert 6.0 < verdict.factor < 20.0
    assert "as long as normal, on this line, since 2023-11-1" in verdict.sentence
    assert verdict.evidence


@pytest.mark.parametrize(
    ("basis", "state", "said"),
    [
        ("addresses", State.BLOCKED, State.IMPAIRED),
        ("duration", State.THROTTLED, State.IMPAIRED),
        ("platforms", State.THROTTLED, State.THROTTLED),
        ("swap", State.BLOCKED, State.BLOCKED),
        ("dns", State.BLOCKED, State.BLOCKED),
    ],
)
def test_what_was_proven_and_stored_before_is_not_said_on_a_basis_that_does_not_accuse(
    basis: str, state: State, said: State
) -> None:
    kept = {
        "state": state.value,
        "target": "object",
        "measure": Measure.TRANSFER.value,
        "family": Family.IPV4.value,
        "onset_at": 1.0,
        "basis": basis,
        "e_value": 1e6,
        "method": Method.TCP.value if state is State.BLOCKED else None,
    }
    memory = msgspec.convert({"platforms": {"x": {"proven": kept}}}, Memory)
    found = memory.platforms["x"].proven
    assert found is not None
    assert found.said is said
