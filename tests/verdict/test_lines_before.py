"""What was normal on a line is kept while it is another one, and is known again when it is back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.model.identity import Family, LegRole
from probe.model.observation import Leg
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.normal.lines_before import ALIKE, ALIKE_ROUNDS, KEPT_SECONDS, MOST, on_it
from probe.verdict.remembered.kept_line import KeptLine, OfLine
from probe.verdict.remembered.keys import RTT, Series, SeriesKey, measure_key
from probe.verdict.remembered.memory import Memory, PlatformMemory
from probe.verdict.suspected.often import Share
from probe.verdict.thresholds import Thresholds
from tests.verdict.country import Act, Country, Done
from tests.verdict.test_shelf import Moving

READS = Series(Family.IPV4, LegRole.TARGET, "x", "object", Measure.TRANSFER).key
ANEW = Thresholds().line_rounds
SLOWED = frozenset({State.IMPAIRED, State.THROTTLED})


def line(rtt: float, *, transfer: float = 1.0) -> Act:
    """Everything is ``rtt`` times as far, and the platform reads so many times slower."""

    def act(leg: Leg, address: str) -> Done:
        return Done(rtt=rtt, transfer=transfer if leg.role is LegRole.TARGET else 1.0)

    return act


def lived(country: Country, rtt: float, rounds: int, *, transfer: float = 1.0) -> list[str]:
    """So many rounds on that line; the reasons that were given (the state where there is none)."""
    country.act = line(rtt, transfer=transfer)
    begin = len(country.verdicts)
    country.run(rounds)
    return [v.reason or v.state for v in country.verdicts[begin:]]


def learnt(memory: Memory, key: SeriesKey = READS) -> int:
    level = memory.levels.get(key)
    return level.seen if level is not None else 0


@pytest.mark.parametrize("rtt", [0.4, 2.0, 6.0])
@pytest.mark.parametrize("swaps", [True, False])
def test_what_began_to_be_slow_on_another_line_is_found_when_the_first_is_back(
    rtt: float, *, swaps: bool
) -> None:
    country = Country(swaps=swaps)
    lived(country, 1.0, 40)
    # It begins with the other line, so what is slow is all that is known of that.
    lived(country, rtt, 3 * ANEW, transfer=6.0)
    lived(country, 1.0, ALIKE_ROUNDS, transfer=6.0)
    assert learnt(country.memory) >= 40
    lived(country, 1.0, 4, transfer=6.0)
    assert country.verdicts[-1].state in SLOWED


def test_two_lines_in_turn_have_each_their_own_normal() -> None:
    country = Country(swaps=False)
    lived(country, 1.0, 40)
    lived(country, 2.5, 40)
    for _ in range(6):
        for rtt in (1.0, 2.5):
            said = lived(country, rtt, 20)
            assert said.count("line_changed") <= 1
            assert set(said[ALIKE_ROUNDS:]) == {"ok"}
    assert learnt(country.memory) > 100
    assert [max(level.seen for level in one.levels.values()) > 100 for one in country.memory.lines]


def test_what_is_slow_on_the_line_of_the_evening_is_found_there() -> None:
    country = Country(swaps=False)
    for _ in range(3):
        lived(country, 1.0, 40)
        lived(country, 2.5, 40)
    lived(country, 1.0, 40)
    lived(country, 2.5, ALIKE_ROUNDS + 4, transfer=6.0)
    assert country.verdicts[-1].state in SLOWED


def test_a_line_that_is_as_near_as_neither_is_a_new_one() -> None:
    country = Country(swaps=False)
    lived(country, 1.0, 40)
    lived(country, 4.0, 2 * ANEW)
    lived(country, ALIKE * 1.05, ANEW // 2)
    assert learnt(country.memory) < 40
    assert all(not one.alike for one in country.memory.lines)


def test_one_round_that_looks_like_it_is_not_its_return() -> None:
    country = Country(swaps=False)
    lived(country, 1.0, 40)
    lived(country, 2.5, 2 * ANEW)
    now = learnt(country.memory)
    for _ in range(4):
        lived(country, 1.0, ALIKE_ROUNDS - 1)
        lived(country, 2.5, 1)
    assert now <= learnt(country.memory) < 40


def test_controls_tell_the_line_and_a_platform_that_is_held_up_does_not_hide_it() -> None:
    country = Country(swaps=False)
    lived(country, 1.0, 40)
    lived(country, 2.5, 2 * ANEW)
    country.act = lambda leg, address: Done(rtt=4.0 if leg.role is LegRole.TARGET else 1.0)
    country.run(ALIKE_ROUNDS)
    assert learnt(country.memory) >= 40


def test_the_controls_of_a_few_that_moved_are_no_line() -> None:
    country = Country(swaps=False)
    lived(country, 1.0, 40)
    lived(country, 2.5, 2 * ANEW)
    first = country.controls[0]
    country.act = lambda leg, address: Done(rtt=1.0 if leg.owner == first else 2.5)
    country.run(12)
    assert learnt(country.memory) < 40


def test_what_was_true_of_a_platform_there_is_so_again() -> None:
    country = Country()
    lived(country, 1.0, 40)
    was = country.memory.platform("x")
    lived(country, 2.5, ANEW)
    anew = country.memory.platform("x")
    assert not anew.began_at
    assert not anew.shares
    lived(country, 1.0, ALIKE_ROUNDS)
    now = country.memory.platform("x")
    assert now.began_at == was.began_at > 0.0
    assert now.swap_well_at >= was.swap_well_at > 0.0
    assert now.places == was.places
    assert now.shares.keys() == was.shares.keys()
    assert not country.memory.line_rounds


def test_what_was_thought_when_it_was_left_is_not_thought_when_it_is_back() -> None:
    """How often a target is suspicious in calm times is known; that it had become more, is not."""
    key = measure_key(Family.IPV4, "object", Measure.TRANSFER)
    spoken = Share(calm=200.0, calm_slow=4.0, rounds=40, slow=20, e_value=500.0, share=0.4)
    line_then = KeptLine(
        left_at=1.0, levels={}, objects={}, shelf={}, platforms={"x": OfLine(shares={key: spoken})}
    )
    back = on_it(PlatformMemory(), line_then, "x").shares[key]
    assert (back.calm, back.calm_slow) == (200.0, 4.0)
    assert not back.e_value
    assert not back.rounds


def test_another_object_meanwhile_is_not_compared_with_the_one_that_was() -> None:
    country = Moving(swaps=False)
    lived(country, 1.0, 40)
    country.host = "other.test"
    lived(country, 2.5, 2 * ANEW)
    lived(country, 1.0, ALIKE_ROUNDS + 1)
    assert learnt(country.memory) <= 1
    country.host = "object.test"
    lived(country, 1.0, 1)
    assert learnt(country.memory) >= 40


def test_after_a_month_it_is_forgotten() -> None:
    for away, known in ((KEPT_SECONDS - 3_600.0, True), (KEPT_SECONDS + 3_600.0, False)):
        country = Country(swaps=False)
        lived(country, 1.0, 40)
        lived(country, 2.5, ANEW)
        country.now += away
        lived(country, 1.0, ALIKE_ROUNDS)
        assert (learnt(country.memory) >= 40) is known


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([1.0, 2.5, 6.0, 15.0, 40.0]), min_size=1, max_size=9))
def test_few_are_kept_and_the_one_of_which_most_is_known_is_one_of_them(path: list[float]) -> None:
    country = Country(swaps=False)
    lived(country, 1.0, 60)
    for rtt in path:
        lived(country, rtt, ANEW + 2)
        assert len(country.memory.lines) <= MOST
        assert learnt(country.memory) >= 60 or any(
            one.levels[READS].seen >= 60 for one in country.memory.lines if READS in one.levels
        )
    lived(country, 1.0, ANEW + 2)
    assert learnt(country.memory) >= 60
    packed = msgspec.msgpack.encode(country.memory)
    assert msgspec.msgpack.decode(packed, type=Memory) == country.memory


def test_a_line_on_which_nothing_was_learnt_is_not_kept() -> None:
    country = Country(swaps=False)
    lived(country, 1.0, 1)
    lived(country, 2.5, ANEW)
    assert all(RTT in "".join(one.levels) for one in country.memory.lines)
