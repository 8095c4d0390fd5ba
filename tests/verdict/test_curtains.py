"""Sites of one operator alone that are slow, frozen or silent: said, and no controls meanwhile."""

from __future__ import annotations

from math import log

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.curtain import Curtain, CurtainKind
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase
from probe.model.observation import Leg
from probe.model.verdict import State
from probe.verdict.about import ControlFacts
from probe.verdict.line import curtains
from probe.verdict.remembered.control_memory import ControlMemory, ControlRead
from probe.verdict.remembered.keys import family_key
from probe.verdict.remembered.memory import Memory
from probe.verdict.words.words_curtain import curtain as sentence
from tests.verdict.country import LONG_READ, START, WELL, Act, Country, Done, about_x

SITES = {"a1": "A", "a2": "A", "b1": "B", "b2": "B", "c": "C", "d": "D", "e": "E", "f": "F"}
CONTROLS = tuple(
    ControlFacts(name=f"{site}/object", operator=operator, min_bytes=LONG_READ)
    for site, operator in SITES.items()
)
SLOW = Done(transfer=20.0)
STOPS = Done(fails=Failure(phase=Phase.PROCESSING, reason="connection_reset"))
FREEZES = Done(fails=Failure(phase=Phase.TRANSFER, reason="connection_reset"))
SILENT = Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error"))
PLATFORM = (LegRole.TARGET, LegRole.SWAP)


def country(seed: int = 1, calm: int = 64, **more: object) -> Country:
    about = about_x(controls=CONTROLS, **more)
    made = Country(seed, controls=tuple(SITES), about=about)
    if calm:
        made.run(calm)
    return made


def hit(operators: str, done: Done, x: Done = WELL) -> Act:
    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return done if SITES[leg.owner] in operators else WELL
        return x if leg.role in PLATFORM else WELL

    return act


@pytest.mark.parametrize("done", [SLOW, STOPS], ids=["slow", "frozen"])
@pytest.mark.parametrize("operators", ["A", "C", "ABC", "CDE"])
def test_each_and_three_at_once_are_seen_and_no_platform_suffers(
    operators: str, done: Done
) -> None:
    made = country()
    made.act = hit(operators, done)
    made.run(64)
    hung = {one.operator for one in made.memory.curtains.values()}
    assert hung == set(operators)
    assert {one.others for one in made.memory.curtains.values()} == {6 - len(operators)}
    for verdict in made.verdicts[64:]:
        seen = {one.operator for one in verdict.curtains}
        # Until it is known, a round may have drawn nobody who is well.
        early = verdict.reason == "no_healthy_control" and seen < set(operators)
        assert verdict.state is State.OK or early
    # A platform that is slowed beside it is found as without it.
    made.act = hit(operators, done, SLOW)
    assert made.run(12).state is State.IMPAIRED
    # It ends when it ends.
    made.act = lambda leg, _: WELL
    made.run(30)
    assert made.memory.curtains == {}
    assert made.verdicts[-1].curtains == ()


@pytest.mark.parametrize("operators", ["A", "C", "ABC"])
def test_it_may_have_hung_since_before_the_first_round(operators: str) -> None:
    made = country(calm=0)
    made.act = hit(operators, STOPS)
    made.run(60)
    assert {one.operator for one in made.memory.curtains.values()} == set(operators)
    for one in made.memory.curtains.values():
        assert one.kind is CurtainKind.FROZEN


def test_one_site_that_always_was_slow_is_none() -> None:
    made = country(calm=0)
    made.act = hit("C", SLOW)
    made.run(60)
    assert made.memory.curtains == {}


def test_more_operators_than_are_well_are_no_curtain() -> None:
    made = country()
    made.act = hit("ABCD", SLOW)
    made.run(64)
    assert made.memory.curtains == {}


def test_silence_of_one_site_is_none_and_of_two_of_an_operator_is_one() -> None:
    made = country()
    made.act = hit("C", SILENT)
    made.run(64)
    assert made.memory.curtains == {}
    made.act = hit("A", SILENT)
    made.run(64)
    (one,) = made.memory.curtains.values()
    assert (one.operator, one.kind, one.sites) == ("A", CurtainKind.SILENT, 2)
    assert "silent" in sentence(one)


@pytest.mark.parametrize("seed", range(6))
def test_a_line_that_was_dead_leaves_none_of_those_who_are_asked_last(seed: int) -> None:
    """Two sites that nobody has asked since it is well again are not silent alone."""
    made = country(seed=seed)
    for _ in range(3):
        made.act = lambda leg, _: SILENT
        made.run(4)
        made.act = lambda leg, _: WELL
        made.verdicts.clear()
        made.run(12)
        assert not any(verdict.curtains for verdict in made.verdicts)


@pytest.mark.parametrize("done", [SLOW, STOPS], ids=["slow", "frozen"])
def test_a_platform_behind_it_is_not_accused_by_references(done: Done) -> None:
    made = country(ranges={"A": ("198.18.0.0/16",)})
    made.swaps = False
    made.vouched = True
    made.act = hit("A", done, done)
    made.run(64)
    said = made.verdicts[64:]
    assert not {verdict.state for verdict in said} & {State.THROTTLED, State.BLOCKED}
    assert (said[-1].rule_id, said[-1].reason) == ("impaired.curtain", "curtain")
    assert "sites at A" in said[-1].sentence
    assert said[-1].curtains[0].operator == "A"


@pytest.mark.parametrize("operator", ["A", "C"])
def test_a_platform_in_a_network_that_is_well_is_accused(operator: str) -> None:
    made = country(ranges={operator: ("198.18.0.0/16",)})
    made.swaps = False
    made.vouched = True
    made.act = hit("", SLOW, SLOW)
    made.run(12)
    assert made.verdicts[-1].state is State.THROTTLED


def test_what_became_slow_with_sites_of_two_operators_may_share_their_way() -> None:
    made = country()
    made.swaps = False
    made.vouched = True
    made.act = hit("CD", SLOW, SLOW)
    made.run(64)
    assert made.verdicts[-1].state is State.IMPAIRED
    # Reads that stop are no congestion.
    made = country()
    made.swaps = False
    made.vouched = True
    made.act = hit("CD", FREEZES, SLOW)
    made.run(64)
    assert made.verdicts[-1].state is State.THROTTLED
    # Sites that give no answer at all have fallen silent with it (rules 22).
    made = country()
    made.swaps = False
    made.vouched = True
    made.act = hit("CD", STOPS, SLOW)
    made.run(64)
    assert made.verdicts[-1].state is State.IMPAIRED
    assert "sites of C and D fell silent here in the same hour" in made.verdicts[-1].sentence


NOW = START
USUAL = log(1e-6)


def memory_of(reads: dict[str, list[tuple[float, bool]]]) -> Memory:
    """What is remembered where each site was read so many seconds ago, well or not."""
    return Memory(
        controls={
            family_key(Family.IPV4, f"{site}/object"): ControlMemory(
                answered_at=NOW,
                reads=tuple(
                    ControlRead(NOW - ago, USUAL, None if well else 16_384)
                    for ago, well in sorted(found, reverse=True)
                ),
            )
            for site, found in reads.items()
        }
    )


@given(
    st.dictionaries(
        st.sampled_from(sorted(SITES)),
        st.lists(st.tuples(st.floats(1.0, 30_000.0), st.booleans()), min_size=1, max_size=4),
    )
)
def test_whatever_was_read_two_operators_are_well_and_three_reads_in_a_row_were_not(
    reads: dict[str, list[tuple[float, bool]]],
) -> None:
    made = country(calm=0)
    observed = replace(made.a_round(), started_at=NOW, legs=())
    about = replace(made.about, silent={})
    found = curtains.noted(memory_of(reads), observed, about).curtains.values()
    fresh = {
        operator: sorted(
            (ago, well)
            for site, seen in reads.items()
            if SITES[site] == operator
            for ago, well in seen
            if ago <= curtains.FRESH_SECONDS
        )
        for operator in "ABCDEF"
    }
    for one in found:
        last = fresh[one.operator][: curtains.LEAST_READS]
        assert len(last) == curtains.LEAST_READS
        assert not any(well for _, well in last)
        well = [o for o, seen in fresh.items() if o != one.operator and seen and any(
            w for _, w in seen)]  # fmt: skip
        assert len(well) >= one.others >= curtains.LEAST_OTHERS
    # It is kept as it is stored.
    kept = msgspec.msgpack.encode(tuple(found))
    assert msgspec.msgpack.decode(kept, type=tuple[Curtain, ...]) == tuple(found)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            Curtain(
                operator="Cloudflare",
                kind=CurtainKind.FROZEN,
                since=0.0,
                sites=2,
                others=5,
                stopped=16_384,
            ),
            "All 2 sites at Cloudflare that are asked here stop after about 16 KiB on this line, "
            "while sites of 5 other operators go on. Platforms are compared with the others.",
        ),
        (
            Curtain(
                operator="MIT", kind=CurtainKind.SLOW, since=0.0, sites=1, others=5, times=31.0,
                family=Family.IPV6,
            ),
            "The one site at MIT that is asked here takes 31 times as long for the same as sites "
            "of 5 other operators, on this line over IPv6; whether that is this site's own matter "
            "is not known. Platforms are compared with the others.",
        ),
        (
            Curtain(operator="A", kind=CurtainKind.FROZEN, since=0.0, sites=1, others=2),
            "The one site at A that is asked here stops before anything of what is asked for has "
            "come on this line, while sites of 2 other operators go on; whether that is this "
            "site's own matter is not known. Platforms are compared with the others.",
        ),
    ],
)  # fmt: skip
def test_its_sentence_says_what_was_measured(one: Curtain, words: str) -> None:
    assert sentence(one) == words
