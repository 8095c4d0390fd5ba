"""What is said follows from what was measured in the rounds that the sentence speaks of."""

from __future__ import annotations

import re
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import Leg
from probe.model.verdict import State, Verdict
from probe.observe.effort import Measure
from probe.publish.terminal.explanation import conclusion
from probe.verdict.ladder.shown import SHOWN_SECONDS, Beside, Shown, added, shown, told
from tests.verdict.country import WELL, Act, Country, Done
from tests.verdict.test_basis import everywhere

RESET = Done(fails=Failure(phase=Phase.TLS, reason="connection_reset"))
MARGIN = 2.0


def of(target: str, done: Done, others: Done = WELL) -> Act:
    """It happens to the platform's name at one target; ``others`` to it at the others."""

    def act(leg: Leg, address: str) -> Done:
        if leg.role is not LegRole.TARGET:
            return WELL
        return done if leg.target == target else others

    return act


def calm(**more: object) -> Country:
    country = Country(**more)  # type: ignore[arg-type]
    country.run(12)
    return country


# ---- how slow it is said to be


def test_what_was_slow_from_the_first_round_is_told_by_two_rates_and_their_ratio() -> None:
    country = Country()
    country.act = of("object", Done(transfer=30.0))
    verdict = country.run(4)
    assert verdict.state is State.THROTTLED
    (pair,) = [e for e in verdict.evidence if e.reference is not None]
    assert pair.reference is not None
    assert verdict.factor is not None
    assert verdict.factor == pytest.approx(pair.reference / pair.value)
    assert verdict.factor > 10.0
    assert f"({verdict.factor:.0f} times as long)" in verdict.sentence
    assert "beside" in verdict.sentence
    assert "normal" not in verdict.sentence.partition(".")[0]


def test_the_factor_is_of_the_last_hours_and_says_of_when() -> None:
    country = calm()
    country.act = everywhere(Done(transfer=12.0))
    before = country.run(3)
    country.act = everywhere(Done(transfer=40.0))
    after = country.run(30)
    assert before.factor is not None
    assert after.factor is not None
    assert before.factor < 20.0 < after.factor
    assert "last seen so at 2023-11-1" in after.sentence


def test_what_the_distance_may_explain_is_told_beside_the_factor_that_leaves_it_out() -> None:
    country = calm()
    country.act = everywhere(Done(handshake=12.0, transfer=12.0, rtt=4.0))
    while (verdict := country.run(1)).state is not State.IMPAIRED:
        first = verdict.sentence
    assert verdict.factor is not None
    left_out = ", not counting up to {} that its greater distance may explain"
    [path] = re.findall(left_out.format("([0-9.]+) times"), verdict.sentence)
    # The model's round trips take 4 times as long in each part, and its handshake 12 times besides.
    assert verdict.factor * float(path) == pytest.approx((0.02 + 0.04 * 12) * 4 / 0.06, rel=0.3)
    assert "as long as normal" + left_out.format(f"{path} times") in verdict.sentence
    assert "greater distance" in first  # while it is suspected, too


def test_where_the_distance_is_as_usual_nothing_is_said_of_it() -> None:
    country = calm()
    country.act = everywhere(Done(handshake=12.0, transfer=12.0))
    verdict = country.run(4)
    assert verdict.state is State.IMPAIRED
    assert "distance" not in verdict.sentence


@pytest.mark.parametrize(
    ("handshake", "waited", "told_so"), [(1.0, 30.0, False), (900.0, 1.0, True)]
)
def test_that_handshakes_keep_it_from_being_read_is_said_if_they_took_the_time(
    handshake: float, waited: float, *, told_so: bool
) -> None:
    country = Country()
    silent = Failure(phase=Phase.PROCESSING, reason="generic_timeout_error")
    country.act = of("object", Done(handshake=handshake, processing=waited, fails=silent))
    found = shown(country.a_round(), "object", Measure.TRANSFER, normal=None)
    assert (found is not None and found.before_reads) is told_so


def test_a_cut_off_is_told_by_its_bytes_alone() -> None:
    found = tuple(
        Shown(at=900.0 * n, own=0.01, normal=log(488.0), stopped=16_384 + n) for n in range(4)
    )
    said = told(found, MARGIN)
    assert said is not None
    assert (said.times, said.stopped // 1024) == (None, 16)


@pytest.mark.parametrize("beside", list(Beside))
def test_what_our_deadline_ended_was_at_least_that_slow(beside: Beside) -> None:
    normal = log(9.0) if beside is Beside.NORMAL else None
    swap = 1.0 if beside is Beside.SWAP else None
    said = told((Shown(at=0.0, own=9.0, normal=normal, swap=swap, control=1.0, cut=True),), MARGIN)
    assert said is not None
    assert (said.beside, said.at_least) == (beside, True)
    assert said.times == pytest.approx(9.0)


SHOWNS = st.builds(
    Shown,
    at=st.floats(0.0, 90_000.0),
    own=st.floats(1e-6, 10.0),
    normal=st.none() | st.floats(-3.0, 6.0),
    swap=st.none() | st.floats(1e-6, 10.0),
    control=st.none() | st.floats(1e-6, 10.0),
    cut=st.booleans(),
    stopped=st.sampled_from((0, 0, 16_384)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(SHOWNS, max_size=8))
def test_nothing_below_the_margin_is_told_and_nothing_old(found: list[Shown]) -> None:
    kept: tuple[Shown, ...] = ()
    for one in sorted(found, key=lambda one: one.at):
        kept = added(kept, one, MARGIN)
    said = told(kept, MARGIN)
    if said is None:
        assert not kept
        return
    lately = [one for one in kept if said.at - one.at <= SHOWN_SECONDS]
    assert said.at == kept[-1].at
    if said.times is None:
        return
    assert said.times > MARGIN
    assert not said.stopped
    ratios = [t for one in lately if (t := one.against(said.beside)) is not None]
    if said.beside is Beside.NORMAL:
        assert min(ratios) <= said.times <= max(ratios)
    else:
        assert said.own is not None
        assert said.other is not None
        assert said.times == said.own / said.other
    assert not said.at_least or any(one.cut for one in lately)


# ---- what a burst, which looks at one target, says of the others


def after_a_burst(others: Done) -> Verdict:
    """A target is slow by so little that its burst drops it; ``others`` happens to the rest."""
    country = calm()
    country.act = of("page", others)
    country.run(1)
    before, country.act = country.bursts, of("object", Done(transfer=2.6), others)
    verdict = country.run(1)
    assert country.bursts > before
    assert country.memory.platform("x").episode is None
    return verdict


@pytest.mark.parametrize(
    ("others", "state", "reason"),
    [
        (Done(status=451), State.WITHHELD, ""),
        (Done(status=503), State.DOWN, "server_error"),
    ],
)
def test_what_the_platform_says_elsewhere_stands_through_a_burst(
    others: Done, state: State, reason: str
) -> None:
    verdict = after_a_burst(others)
    assert (verdict.state, verdict.reason) == (state, reason)


def test_endpoints_are_counted_and_not_legs() -> None:
    assert "at 1 of 2 of its endpoints" in after_a_burst(Done(status=451)).sentence


# ---- what is said to be out of reach, or read


def test_what_partly_answers_is_not_said_to_be_out_of_reach() -> None:
    country = calm()
    country.act = of("object", RESET)
    verdict = country.run(4)
    assert verdict.state is State.BLOCKED
    assert verdict.sentence.startswith("X: a part of it cannot be reached")
    assert "1 of 2 of its endpoints answers" in verdict.sentence


def test_all_of_it_is_said_to_be_out_of_reach_where_it_is() -> None:
    country = calm()
    country.act = of("object", RESET, RESET)
    verdict = country.run(4)
    assert verdict.state is State.BLOCKED
    assert verdict.sentence.startswith("X: it cannot be reached from this line")


def test_bytes_that_were_tested_age() -> None:
    country = calm()
    read = country.run(1)
    assert read.tested_bytes == 65_536
    assert "reads of up to 64 KiB were tested in the last day" in read.sentence
    soon = country.run(20, RoundKind.LIGHT)
    assert soon.tested_bytes == 65_536
    late = country.run(90, RoundKind.LIGHT)
    assert late.tested_bytes is None
    assert "only handshakes were tested; no object could be read since 2023-" in late.sentence


# ---- evidence


def test_evidence_is_told_as_far_as_a_person_can_use_it() -> None:
    country = calm()
    country.act = of("object", Done(transfer=30.0))
    verdict = replace(country.run(3), e_value=3e57)
    assert any("test: more than 1,000,000 (1 is none)" in line for line in conclusion(verdict))
