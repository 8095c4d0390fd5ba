"""What takes sites of several operators down with a platform accuses nobody of the platform."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase
from probe.model.verdict import Method, State
from probe.observe.effort import Measure
from probe.verdict.remembered.memory import PlatformMemory, Proven
from tests.verdict.country import INTERVAL, WELL, Act, Country, Done, about_x, facts, nothing

CONTROLS = ("amazon", "debian", "jquery", "kernel", "microsoft", "ubuntu", "videolan")
WAYS = {
    "silent": Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error")),
    "without handshakes": Done(fails=Failure(phase=Phase.TLS, reason="generic_timeout_error")),
    "reset": Done(fails=Failure(phase=Phase.TLS, reason="connection_reset")),
}


def dead(how: Done, others: tuple[str, ...]) -> Act:
    def act(leg: object, address: str) -> Done:
        control = leg.role is LegRole.CONTROL  # type: ignore[attr-defined]
        return WELL if control and address not in others else how

    return act


def calm() -> Country:
    """A reference finds it fine all the time."""
    country = Country(swaps=False, vouched=True, controls=CONTROLS)
    country.run(24)
    country.verdicts.clear()
    return country


@pytest.mark.parametrize("many", [0, 1, 2, 3])
@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS.keys())
def test_several_that_fell_silent_with_it_make_no_accusation(how: Done, many: int) -> None:
    fellows = CONTROLS[1 : 1 + many]
    country = calm()
    country.act = dead(how, fellows)
    country.run(12)
    last = country.verdicts[-1]
    # Of one alone, which may be out of order itself, it is said where no connection comes about.
    excused = many > 1 or (many == 1 and how is WAYS["silent"])
    if not excused:
        assert last.state is State.BLOCKED
        assert last.basis is Basis.REFERENCE
        told = [one for one in last.may_not_claim if "fell silent" in one]
        assert len(told) == many
        return
    assert not any(one.restricted for one in country.verdicts)
    assert last.state is State.IMPAIRED
    assert all(name in last.sentence for name in fellows)
    assert "from outside the country it is fine" in last.sentence
    # They are back, and it is not.
    country.act = dead(how, ())
    country.run(12)  # each of them has been asked again
    assert country.verdicts[-1].state is State.BLOCKED


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("many", [0, 2, 4])
@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS.keys())
def test_platforms_of_several_operators_that_fell_silent_with_sites_are_not_blocked(
    how: Done, many: int, seed: int
) -> None:
    """Nobody looks from outside. A way that is gone takes platforms and sites down alike, and it
    takes some rounds until each of them has been asked; platforms alone are hit by somebody."""
    about = about_x(operators={"x": "X Corp.", "y": "Y Inc."}, controls=facts(CONTROLS))
    country = Country(seed, swaps=False, controls=CONTROLS, about=about)
    country.run(24)
    country.verdicts.clear()
    fails = how.fails
    assert fails is not None
    hit = Proven(
        state=State.BLOCKED,
        target="object",
        measure=Measure.HANDSHAKE,
        family=Family.IPV4,
        onset_at=country.now + INTERVAL,
        basis=Basis.ADDRESSES,
        e_value=1e6,
        method=Method.TCP if fails.phase is Phase.CONNECT else Method.TLS,
        failure=f"{fails.phase}/{fails.reason}",
    )
    platforms = {**country.memory.platforms, "y": PlatformMemory(proven=hit)}
    country.memory = replace(country.memory, platforms=platforms)
    country.act = dead(how, CONTROLS[1 : 1 + many])
    country.run(12)
    assert any(one.restricted for one in country.verdicts) is (many == 0)


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS.keys())
def test_who_was_silent_long_before_excuses_nothing(how: Done) -> None:
    country = calm()

    def before(leg: object, address: str) -> Done:
        return how if address in CONTROLS[:3] else WELL

    country.act = before
    country.run(12)
    country.act = dead(how, CONTROLS[:3])
    country.run(8)
    assert State.BLOCKED in {one.state for one in country.verdicts[-4:]}


def test_who_falls_silent_a_day_later_takes_nothing_back() -> None:
    how = WAYS["silent"]
    country = calm()
    country.act = dead(how, ())
    country.run(96)
    assert country.verdicts[-1].state is State.BLOCKED
    country.verdicts.clear()
    country.act = dead(how, CONTROLS[:2])
    country.run(12)
    # A round that draws both of them, and no other, sees a dead line.
    assert {one.state for one in country.verdicts} <= {State.BLOCKED, State.OFFLINE}
    assert any(one.restricted for one in country.verdicts[-4:])
    country.act = nothing
    assert country.run(6).state is State.OK


def test_one_that_fell_with_it_excuses_it_for_half_a_day() -> None:
    how = WAYS["silent"]
    country = calm()
    country.act = dead(how, CONTROLS[:1])
    country.run(44)
    assert not any(one.restricted for one in country.verdicts)
    assert "a site of amazon fell silent here in the same minutes" in country.verdicts[-1].sentence
    country.run(12)
    assert country.verdicts[-1].state is State.BLOCKED
    assert any("amazon fell silent" in one for one in country.verdicts[-1].may_not_claim)


def test_what_is_slow_is_not_excused_by_one_that_is_silent() -> None:
    country = calm()
    policed = Done(transfer=30.0, lost=20)

    def act(leg: object, address: str) -> Done:
        if leg.role is not LegRole.CONTROL:  # type: ignore[attr-defined]
            return policed
        return WAYS["silent"] if address == CONTROLS[0] else Done(lost=0)

    country.act = act
    country.run(8)
    assert country.verdicts[-1].state is State.THROTTLED
