"""Who signed what is shown in a platform's place: a table of what was shown, what else was seen,
and what may be said."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.basis import GROUNDS, Basis
from probe.model.failure import Failure
from probe.model.identity import Answer, LegRole, Phase
from probe.model.observation import Leg, LegObservation, RoundObservation, TlsFacts
from probe.model.verdict import Method, State, Trigger, Verdict
from probe.verdict.remembered.keys import family_key
from probe.verdict.remembered.memory import PlatformMemory
from tests.verdict.country import ADDRESSES, WELL, Act, Country, Done, about_x, nothing

CALM = 24
UNKNOWN = Failure(phase=Phase.TLS, reason="ssl_unknown_authority")
GOOD = Done(tls=TlsFacts(verify_error="", for_name=True, issuer="600d"))
X, Y = "X Corp.", "Y Inc."


def shows(
    issuer: str = "bad0", *, for_name: bool | None = True, logged: bool | None = False
) -> Done:
    """A certificate of an authority that this machine does not trust."""
    tls = TlsFacts(
        verify_error="unable to get local issuer certificate",
        for_name=for_name,
        issuer=issuer,
        logged=logged,
    )
    return Done(fails=UNKNOWN, tls=tls)


# What any answer to a neutral name is: none of these is a failure.
OTHERS = Done(tls=TlsFacts(issuer="600d", for_name=False))
ALERT = Done(tls=TlsFacts(alert="unrecognized_name"))
SAME = Done(tls=TlsFacts(issuer="bad0", for_name=False))
MADE_FOR_IT = Done(tls=TlsFacts(issuer="bad0", for_name=True))
NOT_SEEN = Done(tls=TlsFacts())
RESET = Done(fails=Failure(phase=Phase.TLS, reason="connection_reset"))


class AnySwaps(Country):
    """A country in which any answer of the server will do as the swap's."""

    def _observe(self, leg: Leg, order: int, address: str, state: float) -> LegObservation:
        if leg.role is LegRole.SWAP:
            leg = replace(leg, answer=Answer.ANY)
        return super()._observe(leg, order, address, state)


def calm(**more: object) -> AnySwaps:
    country = AnySwaps(**more)  # type: ignore[arg-type]
    country.act = lambda leg, address: GOOD
    country.run(CALM)
    country.verdicts.clear()
    return country


def met(target: Done, swap: Done, control: Done = GOOD, *, at: set[str] | None = None) -> Act:
    """Each corner's, at the addresses ``at`` (all, if none are given)."""

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return control
        if at is not None and address not in at:
            return GOOD
        return swap if leg.role is LegRole.SWAP else target

    return act


@pytest.mark.parametrize("swap", [OTHERS, ALERT, MADE_FOR_IT], ids=["another", "alert", "made"])
def test_what_only_somebody_on_the_way_can_have_signed_accuses(swap: Done) -> None:
    country = calm()
    country.act = met(shows(), swap)
    began = country.now
    verdict = country.run(3)
    assert (verdict.state, verdict.method) == (State.BLOCKED, Method.TLS)
    assert verdict.basis is Basis.FORGED
    assert verdict.since == began + 900.0
    assert "shows a certificate of an authority that is not trusted" in verdict.sentence
    assert "cut" not in verdict.sentence
    assert any("no public authority has signed" in claim for claim in verdict.may_claim)
    assert GROUNDS[Basis.FORGED].leaves in verdict.may_not_claim
    assert any("school or an office" in claim for claim in verdict.may_not_claim)
    country.act = lambda leg, address: GOOD
    assert country.run(4).state is State.OK


@pytest.mark.parametrize(
    ("target", "swap"),
    [
        (shows(), SAME),  # its servers show the same to everybody
        (shows(), NOT_SEEN),
        (shows(), RESET),
        (shows(for_name=False), OTHERS),  # for another name: servers that are set up wrongly
        (shows(for_name=None), OTHERS),
        (shows(logged=None), OTHERS),
        (Done(fails=UNKNOWN), OTHERS),  # as it was stored before
        (Done(fails=Failure(phase=Phase.TLS, reason="ssl_invalid_hostname")), OTHERS),
    ],
)
def test_what_its_own_servers_can_show_is_impaired(target: Done, swap: Done) -> None:
    country = calm()
    country.act = met(target, swap)
    assert country.run(4).state is State.IMPAIRED
    assert not any(v.restricted for v in country.verdicts)


def test_one_address_alone_accuses_nobody() -> None:
    country = calm()
    country.act = met(shows(), OTHERS, at={ADDRESSES[0]})
    country.run(12)
    assert not any(v.restricted for v in country.verdicts)


def test_without_a_neutral_name_beside_it_nobody_is_accused() -> None:
    country = calm(swaps=False)
    country.act = met(shows(), OTHERS)
    assert country.run(4).state is State.IMPAIRED


@pytest.mark.parametrize("vouched", [True, False])
def test_a_certificate_of_an_authority_that_is_not_in_the_list_is_the_machines_fault(
    *, vouched: bool
) -> None:
    country = calm(vouched=vouched)
    country.act = met(shows(logged=True), OTHERS)
    country.run(30)
    assert {(v.state, v.reason) for v in country.verdicts} == {(State.UNKNOWN, "unknown_authority")}
    assert "ca-certificates" in country.verdicts[-1].sentence
    assert country.bursts == 0


@pytest.mark.parametrize("vouched", [True, False])
@pytest.mark.parametrize("spared", [1, 2, 3])
def test_an_interceptor_that_spares_some_sites_accuses_nobody(
    *, spared: int, vouched: bool
) -> None:
    country = calm(vouched=vouched)
    sites = country.controls[:spared]

    def act(leg: Leg, address: str) -> Done:
        if leg.owner in sites:
            return GOOD
        return MADE_FOR_IT if leg.role is LegRole.SWAP else shows()

    country.act = act
    country.run(48)
    assert not any(v.restricted for v in country.verdicts)
    said = [(v.state, v.reason) for v in country.verdicts[8:]]
    assert set(said) == {(State.UNKNOWN, "intercepted")}
    assert "certificates of other sites, too" in country.verdicts[-1].sentence


def test_whoever_opened_a_control_yesterday_is_not_forgotten_within_the_day() -> None:
    country = calm()
    country.act = met(shows(), OTHERS, shows())
    country.run(1)
    country.act = met(shows(), OTHERS)
    assert {v.reason for v in (country.run(1) for _ in range(90))} == {"intercepted"}
    # Another authority's box is another matter.
    country.act = met(shows("bad1"), OTHERS)
    assert country.run(4).basis is Basis.FORGED


def test_the_same_authority_at_a_platform_of_another_operator_accuses() -> None:
    def neighbour(operator: str, issuer: str) -> Verdict:
        country = calm(swaps=False, about=about_x(operators={"x": X, "y": operator}))
        country.act = met(shows(issuer), OTHERS)
        shown = country.a_round().by_role(LegRole.TARGET)[0]
        heard = {family_key(shown.family, "page"): shown} if shown.family else {}
        platforms = {**country.memory.platforms, "y": PlatformMemory(heard=heard)}
        country.memory = replace(country.memory, platforms=platforms)
        country.act = met(shows(), OTHERS)
        return country.run(4)

    assert neighbour(Y, "bad0").basis is Basis.FORGED
    assert neighbour(X, "bad0").state is State.IMPAIRED
    assert neighbour(Y, "bad1").state is State.IMPAIRED


def test_a_reference_that_is_shown_it_too_takes_it_back() -> None:
    country = calm()
    country.act = met(shows(), OTHERS)
    assert country.run(3).state is State.BLOCKED
    failing = Verdict(
        vantage="abroad",
        platform="x",
        state=State.DOWN,
        rule_id="down.server-error",
        sentence="",
        at=country.now,
        since=country.now,
        reason="server_error",
    )
    country.about = about_x(references=(failing,), has_references=True)
    assert country.run(2).state is State.DOWN
    country.about = about_x(has_references=True)
    assert country.run(1).state is State.IMPAIRED


def test_a_neutral_name_that_is_well_says_that_it_is_the_name() -> None:
    country = calm()
    country.act = met(shows(), OTHERS)
    assert country.run(3).trigger is Trigger.NAME


CORNERS = st.sampled_from([GOOD, WELL, OTHERS, ALERT, SAME, MADE_FOR_IT, NOT_SEEN, RESET])
TARGETS = st.sampled_from([shows(), shows("bad1"), shows(logged=True), shows(for_name=False), GOOD])


@given(st.lists(st.tuples(TARGETS, CORNERS, TARGETS, st.integers(1, 4)), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_while_controls_are_shown_the_same_nobody_is_accused(
    times: list[tuple[Done, Done, Done, int]],
) -> None:
    """Whatever is shown for the platform, by whom it is shown to others is no secret censor."""
    country = calm()
    for target, swap, _, rounds in times:
        country.act = met(target, swap, target)
        country.run(rounds)
    assert not any(v.restricted for v in country.verdicts)


def test_what_is_stored_of_a_round_before_stays_readable() -> None:
    country = Country()
    country.act = nothing
    observed: RoundObservation = country.a_round()
    assert all(leg.tls is None or leg.tls.issuer is None for leg in observed.legs)
    country.run(2)
    assert country.verdicts[-1].state in (State.OK, State.UNKNOWN)
