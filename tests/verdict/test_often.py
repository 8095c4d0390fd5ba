"""The share of suspicious rounds: the bets, when it speaks, when it is over, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.ladder.facts import Facts
from probe.verdict.line.cut import without_long_silent
from probe.verdict.one_round.readings import read
from probe.verdict.remembered.keys import MeasureKey, measure_key
from probe.verdict.remembered.memory import PlatformMemory
from probe.verdict.suspected.often import (
    LEAST,
    ODDS,
    SHARES,
    Often,
    Share,
    TimesSlower,
    after,
    beside_others,
    bet,
    set_aside,
    spoken,
)
from probe.verdict.thresholds import DEFAULT
from probe.verdict.words.words_often import too_often
from tests.verdict.country import ADDRESSES, CONTROLS, WELL, Act, Country, Done, nothing

V4, READS = Family.IPV4, Measure.TRANSFER
KEY = measure_key(V4, "object", READS)
DAY = 86_400.0
ROUND = 900.0
Shares = dict[MeasureKey, Share]


@given(
    share=st.sampled_from(SHARES),
    bound=st.floats(LEAST, 0.5),
    part=st.floats(0.0, 1.0),
)
def test_no_bet_gains_while_the_share_is_within_its_bound(
    share: float, bound: float, part: float
) -> None:
    if share <= bound:
        return
    chance = part * bound
    mean = chance * bet(True, share, bound) + (1.0 - chance) * bet(False, share, bound)
    assert mean <= 1.0 + 1e-12


@given(bounds=st.lists(st.floats(LEAST, 0.19), min_size=1, max_size=8))
def test_what_is_won_in_a_row_has_an_expectation_of_one_at_most(bounds: list[float]) -> None:
    """Every sequence of rounds, each as likely as its bounds allow."""
    mean = 0.0
    for number in range(2 ** len(bounds)):
        chance = wealth = 1.0
        for place, bound in enumerate(bounds):
            slow = bool(number >> place & 1)
            chance *= bound if slow else 1.0 - bound
            wealth *= bet(slow, 0.35, bound)
        mean += chance * wealth
    assert mean <= 1.0 + 1e-9


def test_it_speaks_falsely_no_sooner_than_its_threshold_says() -> None:
    """As often suspicious as the bound allows, run after run, with a threshold that is reached."""
    low, random, rounds, runs = replace(DEFAULT, often_evidence=50.0), Random(1), 0, 100
    calm = {KEY: Share(calm=400.0, calm_slow=36.0)}
    bound = calm[KEY].bound
    for _ in range(runs):
        shares = calm
        while not shares[KEY].e_value:
            one = TimesSlower("object", READS, "", random.random() < bound, 1.0)
            kept = replace(shares[KEY], calm=400.0, calm_slow=36.0)
            shares = after({KEY: kept}, [one], V4, ROUND, low)
            rounds += 1
    assert rounds / runs >= 50.0


def told(
    rounds: Iterable[bool], shares: Shares, *, log: float = 3.0, address: str = ""
) -> tuple[Shares, int | None]:
    """The shares after these rounds, and after how many it spoke."""
    spoke = None
    for number, slow in enumerate(rounds):
        at = shares[KEY].at + ROUND if KEY in shares else ROUND
        one = TimesSlower("object", READS, address, slow, log if slow else 0.0)
        shares = after(shares, [one], V4, at, DEFAULT)
        if spoke is None and shares[KEY].e_value:
            spoke = number + 1
    return shares, spoke


def calm(rounds: float = 200.0, every: float = 50.0) -> Shares:
    """So many calm rounds, of which one in ``every`` was suspicious, of controls as well."""
    known = Share(calm=rounds, calm_slow=rounds / every, at=ROUND)
    return {KEY: known, measure_key(V4, "", READS): known}


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        ([True], 10),
        ([True, False], 24),
        ([False, True, False], 48),
        ([True, False, False, False, False], 96),
        ([True] * 3 + [False] * 60, None),
        ([True] + [False] * 24, None),
        ([False], None),
    ],
)
def test_it_speaks_of_what_comes_too_often_and_of_nothing_else(
    pattern: list[bool], most: int | None
) -> None:
    _, spoke = told(pattern * (400 // len(pattern)), calm())
    assert (spoke is None) if most is None else (spoke is not None and spoke <= most)


def test_what_is_suspicious_in_every_fourth_round_of_calm_times_says_nothing_by_it() -> None:
    used = calm(400.0, every=4.0)
    assert told([False, False, False, True] * 60, used)[1] is None


def test_a_platform_is_no_more_suspicious_than_its_controls() -> None:
    """They are as often slow as it is: then it is the line, or this place in the net."""
    alone, beside = calm(), calm()
    for n in range(300):
        control = TimesSlower("", READS, "", n % 2 == 0, 1.0)
        beside = after(beside, [control], V4, ROUND, DEFAULT)
    assert told([True, False] * 30, alone)[1] is not None
    assert told([True, False] * 30, beside)[1] is None


def test_what_begins_with_a_trouble_that_controls_meet_too_says_nothing() -> None:
    """However calm they were before: no memory of a week is of this hour."""
    for others, spoke in ((0.4, False), (0.0, True)):
        shares, random, said = calm(4_000.0, every=1e9), Random(1), False
        for n in range(200):
            seen = [TimesSlower("", READS, "", random.random() < others, 1.0) for _ in range(2)]
            seen.append(TimesSlower("object", READS, "", random.random() < 0.5, 3.0))
            shares = after(shares, seen, V4, n * ROUND, DEFAULT)
            said = said or bool(shares[KEY].e_value)
        assert said is spoke


@pytest.mark.parametrize("legs", [2, 3, 4])
@pytest.mark.parametrize("odds", ODDS)
def test_where_all_legs_are_alike_nobody_gains_by_setting_one_against_others(
    legs: int, odds: float
) -> None:
    """However many are suspicious, each of them as likely as any other."""
    for bad in range(legs + 1):
        ways = list(combinations(range(legs), bad))
        won = [beside_others(0 in way, [n in way for n in range(1, legs)], odds) for way in ways]
        assert sum(won) / len(ways) == pytest.approx(1.0)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_a_line_without_ports_is_no_matter_of_the_platform(share: float) -> None:
    """Each connection fails by the same chance. What fails while another comes through is
    suspicious, be it the target or a control; and of rounds in which both controls fail, those in
    which the target comes through are told as well."""
    said, runs = 0, 200
    random = Random(7)
    for _ in range(runs):
        shares = calm(4_000.0, every=1e9)
        for n in range(48):
            failed = [random.random() < share for _ in range(3)]
            if all(failed):
                continue
            seen = [TimesSlower("", READS, "", one, inf) for one in failed[1:]]
            shares = after(
                shares, [*seen, TimesSlower("object", READS, "", failed[0], inf)], V4, n, DEFAULT
            )
            if shares[KEY].e_value:
                said += 1
                break
    assert said <= 1


def test_a_round_in_which_the_platform_alone_comes_through_is_told() -> None:
    country = Country(swaps=False)
    country.run(120)
    key = measure_key(V4, "page", Measure.HANDSHAKE)
    before = country.memory.platforms["x"].shares[key]
    country.act = lambda leg, _: GONE if leg.role is LegRole.CONTROL else WELL
    country.run(1)
    told_of = country.memory.platforms["x"].shares[key]
    assert told_of.at > before.at
    assert told_of.slow == 0


GONE = Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error"))


def test_it_is_over_when_it_comes_no_more_and_not_before() -> None:
    shares, _ = told([True, False] * 30, calm())
    assert told([True, False] * 60, shares)[0][KEY].e_value
    after_it, rounds = shares, 0
    while after_it[KEY].e_value:
        after_it, _ = told([False], after_it)
        rounds += 1
    assert rounds <= 12
    assert after_it[KEY].rounds == 0


@pytest.mark.parametrize("part", [0.33, 0.5])
def test_what_meets_a_part_of_the_connections_stays_said_while_it_goes_on(part: float) -> None:
    """Some rounds in a row have luck, more so after it was said in unlucky ones."""
    said = rounds = 0
    for seed in range(12):
        random = Random(seed)
        shares, spoke = calm(), False
        for _ in range(400):
            shares, _ = told([random.random() < part], shares)
            now = shares[KEY].e_value > 0.0
            spoke = spoke or now
            said, rounds = said + (spoke and now), rounds + spoke
    assert said > 0.95 * rounds > 0


def test_while_something_is_proven_nothing_is_counted() -> None:
    shares, _ = told([True] * 4, calm())
    assert shares[KEY].rounds
    assert set_aside(shares)[KEY] == Share(
        calm=shares[KEY].calm, calm_slow=shares[KEY].calm_slow, at=shares[KEY].at
    )
    spoke, _ = told([True] * 20, calm())
    assert set_aside(spoke) == spoke


def test_nothing_is_said_of_what_no_round_looks_at_any_more() -> None:
    shares, _ = told([True] * 20, calm())
    at = shares[KEY].at
    assert spoken(shares, at + ROUND, DAY) is not None
    assert spoken(shares, at + 2 * DAY, DAY) is None


def found(shares: Shares) -> Often:
    often = spoken(shares, shares[KEY].at, DAY)
    assert often is not None
    return often


def test_addresses_that_do_not_answer_are_counted() -> None:
    shares = calm()
    for n in range(48):
        shares, _ = told([n % 4 < 2], shares, log=inf, address=f"192.0.2.{n % 4}")
    often = found(shares)
    assert (often.bad, often.tried, often.fails) == (2, 4, True)
    sentence = too_often(Facts(title="X", often=often))
    assert "2 of 4 addresses that were tried do not answer from this line since" in sentence


def test_without_such_a_split_rounds_are_counted() -> None:
    often = found(told([True, False] * 12, calm())[0])
    assert often.tried == 0
    sentence = too_often(Facts(title="X", often=often))
    assert f"in {often.slow} of {often.rounds} rounds" in sentence
    assert f"before that in {often.calm_slow} of {often.calm}" in sentence
    assert "nobody has looked from outside" in sentence


def at_times(act: Act, rounds: int, every: int) -> tuple[Country, list[State]]:
    made = Country(swaps=False)
    made.run(120)
    said = []
    for n in range(rounds):
        made.act = act if n % every == 0 else nothing
        said.append(made.run(1).state)
    return made, said


def to_the_platform(done: Done) -> Act:
    return lambda leg, address: done if leg.owner == "x" else WELL


@pytest.mark.parametrize(
    ("done", "every", "most"),
    [(Done(transfer=12.0), 2, 24), (Done(transfer=12.0), 3, 48)],
)
def test_the_whole_verdict_is_impaired_and_accuses_nobody(
    done: Done, every: int, most: int
) -> None:
    made, said = at_times(to_the_platform(done), 3 * most, every)
    assert State.IMPAIRED in said[:most]
    first = said.index(State.IMPAIRED)
    assert set(said[first:]) == {State.IMPAIRED}
    made.act = nothing
    verdict = made.run(1)
    assert (verdict.basis, verdict.restricted) == (Basis.SHARE, False)
    assert verdict.since < verdict.at - 5 * ROUND
    assert verdict.factor is None
    assert "That anybody restricts it." in verdict.may_not_claim
    assert made.run(24).state is State.OK


def test_stored_memories_have_no_shares() -> None:
    assert PlatformMemory().shares == {}


def split(bad: Callable[[str], bool]) -> Act:
    silent = Done(transfer=12.0)
    return lambda leg, address: silent if leg.owner == "x" and bad(address) else WELL


def test_half_of_the_addresses_slow_for_good_is_a_sentence_with_a_number() -> None:
    made = Country(swaps=False)
    made.run(120)
    made.act = split(lambda address: address == ADDRESSES[0])
    verdict = made.run(96)
    assert verdict.state is State.IMPAIRED
    assert f"1 of {len(ADDRESSES)} addresses that were tried is slow" in verdict.sentence


def test_what_is_so_from_the_first_round_on_is_what_is_usual() -> None:
    """An honest platform whose addresses differ may be suspicious in every fourth round."""
    assert told([True, False, False, False] * 100, {})[1] is None


def test_a_control_that_is_gone_for_long_says_nothing_of_chance() -> None:
    """It is suspicious in each round that draws it, and would make any platform look no worse."""
    country = Country()
    country.run(24)
    gone = Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error"))
    country.act = lambda leg, address: gone if leg.owner == CONTROLS[0] else WELL

    def counted() -> set[str]:
        one = country.a_round()
        alive = without_long_silent(read(one, country.memory.levels), country.memory.controls)
        return {leg.leg.owner for leg in alive.by_role(LegRole.CONTROL)}

    country.run(2)
    assert CONTROLS[0] in set().union(*(counted() for _ in range(20)))
    country.run(48)
    assert set().union(*(counted() for _ in range(20))) == {*CONTROLS[1:]}
