"""A platform that falls silent with most other sites is not accused: the line was cut off."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase
from probe.model.observation import Leg
from probe.model.verdict import State, Verdict
from probe.verdict.line.cut import TOGETHER_SECONDS, CutOff, line_cut_off
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import family_key
from probe.verdict.remembered.memory import PlatformMemory
from tests.verdict.country import START, WELL, Act, Country, Done, about_x, facts

SILENT = Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error"))
FOREIGN = ("debian", "jquery", "kernel", "amazon", "ubuntu", "videolan", "microsoft")
DOMESTIC = ("university", "bank", "mirror")


def country(seed: int, foreign: tuple[str, ...], domestic: tuple[str, ...] = ()) -> Country:
    """After a calm day."""
    about = about_x(controls=facts(foreign, domestic))
    made = Country(seed, controls=(*foreign, *domestic), about=about)
    made.run(24)
    return made


def only(*owners: str) -> Act:
    """Nobody else answers."""
    return lambda leg, _: WELL if leg.owner in owners else SILENT


def during(made: Country, act: Act, rounds: int = 30) -> list[Verdict]:
    before = len(made.verdicts)
    made.act = act
    made.run(rounds)
    return made.verdicts[before:]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("foreign", "domestic", "answering"),
    [
        (FOREIGN, DOMESTIC[:1], DOMESTIC),
        (FOREIGN[:2], DOMESTIC, DOMESTIC),
        (FOREIGN, (), FOREIGN[:1]),
        (FOREIGN, (), FOREIGN[:3]),
        (FOREIGN[:3], (), FOREIGN[:1]),
    ],
)
def test_a_line_that_is_cut_off_accuses_nobody(
    foreign: tuple[str, ...], domestic: tuple[str, ...], answering: tuple[str, ...], seed: int
) -> None:
    made = country(seed, foreign, domestic)
    said = during(made, only(*answering))
    assert {v.state for v in said} <= {State.OFFLINE, State.UNKNOWN}
    # Until most of the controls have been asked again it is not known that they fell silent.
    assert Counter(v.reason for v in said[10:])["cut_off"] >= 18
    after = during(made, lambda *_: WELL, 4)
    assert after[-1].state is State.OK


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("up", "state"), [(7, State.BLOCKED), (6, State.IMPAIRED), (5, State.IMPAIRED)]
)
def test_a_failure_is_found_though_some_controls_are_cut_off_with_it(
    up: int, state: State, seed: int
) -> None:
    """With another operator's it may be no matter of the platform alone."""
    made = country(seed, FOREIGN)
    made.vouched = True
    said = during(made, only(*FOREIGN[:up]), 8)
    assert state in {v.state for v in said}
    assert not any(v.restricted for v in said) or state is State.BLOCKED
    assert "cut_off" not in {v.reason for v in said[2:]}


@pytest.mark.parametrize("seed", range(6))
def test_controls_that_were_silent_long_before_do_not_count(seed: int) -> None:
    made = country(seed, FOREIGN)

    def blocked_long_ago(leg: Leg, _: str) -> Done:
        return SILENT if leg.role is LegRole.CONTROL and leg.owner not in FOREIGN[:3] else WELL

    during(made, blocked_long_ago, 24)
    said = during(made, only(*FOREIGN[:3]), 12)
    # Nor is the line called dead when it happens to draw two of them.
    assert State.OFFLINE not in {v.state for v in said}
    assert "cut_off" not in {v.reason for v in said}


def test_a_restriction_that_was_proven_is_not_said_of_a_line_that_is_cut_off() -> None:
    made = country(1, FOREIGN, DOMESTIC[:1])
    made.vouched = True
    assert during(made, only(*FOREIGN, *DOMESTIC), 6)[-1].state is State.BLOCKED
    assert during(made, only(*DOMESTIC), 20)[-1].reason == "cut_off"
    assert during(made, only(*FOREIGN, *DOMESTIC), 6)[-1].state is State.BLOCKED


def test_the_sentence_counts_who_fell_silent() -> None:
    said = during(country(1, FOREIGN, DOMESTIC[:1]), only(*DOMESTIC))[-1]
    assert said.sentence == (
        "X: this line is cut off from most of the Internet: it fails (generic_timeout_error in "
        "connect), and so do 7 of 7 controls abroad; 1 inside the country answers."
    )


def test_a_daemon_that_begins_on_such_a_line_says_so_too() -> None:
    made = Country(1, controls=FOREIGN, about=about_x(controls=facts(FOREIGN, ())))
    said = during(made, only(*FOREIGN[:1]))
    assert not any(v.restricted for v in said)
    assert {v.reason for v in said[10:]} == {"cut_off"}


def test_no_burst_is_made_of_a_line_that_is_cut_off() -> None:
    made = country(1, FOREIGN, DOMESTIC[:1])
    during(made, only(*DOMESTIC), 10)
    bursts = made.bursts
    during(made, only(*DOMESTIC), 20)
    assert made.bursts == bursts


AT = START
FELL, EARLIER = AT - 600.0, AT - TOGETHER_SECONDS - 1_200.0


@given(
    fell=st.integers(0, 7), gone=st.integers(0, 7), up=st.integers(0, 7), inside=st.integers(0, 3)
)
def test_the_majority_of_those_who_could_be_reached_decides(
    fell: int, gone: int, up: int, inside: int
) -> None:
    """``gone``: those that were silent long before. One that fell has never answered."""
    made = Country(1)
    made.act, made.now = only(), AT
    observed = made.a_round()
    foreign = tuple(f"c{n}" for n in range(fell + gone + up))
    domestic = tuple(f"d{n}" for n in range(inside))
    what = [ControlMemory(answered_at=EARLIER, silent_since=FELL)] * fell
    what[:1] = [ControlMemory(silent_since=FELL)] * min(1, fell)
    what += [ControlMemory(answered_at=EARLIER - 60.0, silent_since=EARLIER)] * gone
    what += [ControlMemory(answered_at=AT)] * (up + inside)
    controls = {
        family_key(Family.IPV4, f"{name}/object"): one
        for name, one in zip((*foreign, *domestic), what, strict=True)
    }
    mine = PlatformMemory(silent_since={Family.IPV4: FELL})
    found = line_cut_off(mine, controls, observed, about_x(controls=facts(foreign, domestic)))
    if fell >= 2 and fell > up and up + inside:
        assert found == CutOff(silent=fell, answering=up, domestic=inside)
    else:
        assert found is None
