"""When it is said that reads over the line stop, and when not."""

from __future__ import annotations

import pytest

from probe.model.failure import Failure
from probe.model.identity import Compares, LegRole, Phase, RoundKind
from probe.model.observation import Leg
from probe.model.verdict import State, Verdict
from probe.verdict.decide import decide
from tests.verdict.country import WELL, Act, Country, Done, about_x, facts

RESET = Done(fails=Failure(phase=Phase.TRANSFER, reason="connection_reset"))
FOREIGN = ("debian", "jquery", "kernel", "amazon", "ubuntu", "videolan", "microsoft")
DOMESTIC = ("university",)


def country(seed: int) -> Country:
    """After a calm day."""
    about = about_x(controls=facts(FOREIGN, DOMESTIC))
    made = Country(seed, controls=(*FOREIGN, *DOMESTIC), about=about)
    made.run(24)
    return made


def stops(*owners: str) -> Act:
    """Every read of these owners' servers is reset amid its body (none given: of everybody's); of
    the platform's, under its own name alone."""

    def act(leg: Leg, _: str) -> Done:
        meant = not owners or leg.owner in owners
        reads = leg.compares is Compares.GOODPUT and leg.role is not LegRole.SWAP
        return RESET if meant and reads else WELL

    return act


def everything(leg: Leg, _: str) -> Done:
    return RESET if leg.compares is Compares.GOODPUT else WELL


def during(made: Country, act: Act, rounds: int = 12) -> list[Verdict]:
    before = len(made.verdicts)
    made.act = act
    made.run(rounds)
    return made.verdicts[before:]


@pytest.mark.parametrize("seed", range(6))
def test_a_moment_in_which_all_reads_stop_is_not_the_line(seed: int) -> None:
    made = country(seed)
    said = during(made, everything, 1) + during(made, lambda *_: WELL, 6)
    assert "reads_stop" not in {one.reason for one in said}
    assert said[-1].state is State.OK


@pytest.mark.parametrize("seed", range(6))
def test_it_is_said_while_it_lasts_and_no_longer(seed: int) -> None:
    made = country(seed)
    said = during(made, everything)
    assert {one.reason for one in said[6:]} == {"reads_stop"}
    assert not any(one.restricted for one in said)
    assert during(made, lambda *_: WELL, 4)[-1].state is State.OK


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("others", [0, 1, 3])
def test_it_takes_most_operators_abroad(others: int, seed: int) -> None:
    said = during(country(seed), stops("x", *FOREIGN[:others]))
    assert "reads_stop" not in {one.reason for one in said[4:]}
    assert {State.THROTTLED, State.IMPAIRED} & {one.state for one in said}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("phase", [Phase.CONNECT, Phase.TLS])
def test_a_platform_that_is_not_reached_is_judged_as_ever(phase: Phase, seed: int) -> None:
    """What fails before there is anything to be read has not stopped with the reads of others."""
    made = country(seed)
    during(made, everything)

    def unreached(leg: Leg, at: str) -> Done:
        named = leg.owner == "x" and leg.role is not LegRole.SWAP
        gone = Done(fails=Failure(phase=phase, reason="generic_timeout_error"))
        return gone if named else everything(leg, at)

    said = during(made, unreached, 4)
    assert {one.state for one in said[1:]} <= {State.BLOCKED, State.IMPAIRED}


@pytest.mark.parametrize("others", range(1, 8))
@pytest.mark.parametrize("seed", range(6))
def test_handshakes_alone_do_not_make_it_fine(others: int, seed: int) -> None:
    """However many others are cut, and whatever that is called."""
    made = country(seed)
    made.act = stops("x", *FOREIGN[:others])
    made.run(1)
    for _ in range(12):
        made.run(1)
        light = made.a_round(RoundKind.LIGHT)
        assert decide(made.memory, light, made.about).verdict.state is not State.OK


@pytest.mark.parametrize("seed", range(6))
def test_not_where_the_platforms_own_server_reads_whole_under_another_name(seed: int) -> None:
    made = country(seed)
    said = during(made, stops("x", *FOREIGN))
    assert "reads_stop" not in {one.reason for one in said}
