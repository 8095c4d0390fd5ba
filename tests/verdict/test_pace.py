"""How fast a platform should be is not known from its history alone."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from probe.config.definition import UsualPace
from probe.model.identity import LegRole, RoundKind
from probe.model.observation import Leg
from probe.model.reference_document import PACE_OUTSIDE
from probe.model.verdict import Evidence, State, Verdict
from probe.verdict.normal import pace
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import family_key
from probe.verdict.remembered.memory import PlatformMemory
from tests.verdict.country import (
    WELL,
    Act,
    Country,
    Done,
    about_x,
    facts,
    fine_outside,
    nothing,
)

DAY = 96
INSIDE = ("university",)
ABROAD = ("debian", "jquery", "kernel")


def by_name(times: float) -> Act:
    return lambda leg, address: Done(transfer=times) if leg.role is LegRole.TARGET else WELL


def by_address(times: float) -> Act:
    return lambda leg, address: WELL if leg.role is LegRole.CONTROL else Done(transfer=times)


@pytest.mark.parametrize("times", [3.0, 6.0])
@pytest.mark.parametrize("act", [by_name, by_address])
def test_what_was_slow_from_the_first_round_on_is_not_called_normal(
    times: float, act: type
) -> None:
    country = Country(swaps=False)
    country.act = act(times)
    country.run(2 * DAY)
    for verdict in country.verdicts:
        if verdict.state is State.OK:
            assert "how fast it should be is not known here" in verdict.sentence
            assert " beside up to " in verdict.sentence
    assert country.run(6 * DAY).state is State.OK
    said = country.run(1).sentence
    assert "as fast as in the 8 days before" in said
    assert "normal" not in said


def test_a_light_round_speaks_of_the_rates_that_were_read() -> None:
    country = Country(swaps=False)
    country.act = by_name(5.0)
    country.run(8)
    assert "not known here (" in country.run(1, RoundKind.LIGHT).sentence


def test_a_swap_that_reads_tells_how_fast_it_should_be() -> None:
    country = Country()
    assert "as fast as a neutral name at the same server" in country.run(8).sentence


def test_without_a_swap_other_sites_tell() -> None:
    country = Country(swaps=False)
    assert "not much slower than other sites" in country.run(8).sentence


@pytest.mark.parametrize("farther", [1.0, 3.0])
def test_a_country_whose_ways_abroad_are_policed_from_the_start_is_not_fine(
    farther: float,
) -> None:
    """128 kbit/s for everything foreign, while a site inside the country is fast."""

    def act(leg: Leg, address: str) -> Done:
        return WELL if leg.owner in INSIDE else Done(transfer=60.0, rtt=farther)

    controls = (*ABROAD, *INSIDE)
    country = Country(controls=controls, about=about_x(controls=facts(ABROAD, INSIDE)))
    country.act = act
    country.run(DAY)
    said = country.verdicts[12:]
    assert State.OK not in {verdict.state for verdict in said}
    assert not any(verdict.restricted for verdict in said)
    assert any(
        verdict.reason == "slower_than_anywhere" and "no site abroad gives more" in verdict.sentence
        for verdict in said
    )


def test_a_slow_line_is_no_rate_that_no_line_has() -> None:
    """Everything at 16 kB/s, from the first round on: a line may be so."""
    country = Country()
    country.act = lambda leg, address: Done(transfer=60.0)
    country.run(DAY)
    assert "slower_than_anywhere" not in {verdict.reason for verdict in country.verdicts}
    fine = [one.sentence for one in country.verdicts if one.state is State.OK]
    # Nor is it passed over: without a site inside it may be everything abroad that is policed.
    assert fine
    assert all("no other site gave more than " in sentence for sentence in fine)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("times", [5.0, 7.0])
def test_the_end_of_what_began_before_us_is_said(times: float, seed: int) -> None:
    country = Country(seed, swaps=False)
    country.act = by_name(times)
    country.run(2 * DAY)
    assert not any("Until" in verdict.sentence for verdict in country.verdicts)
    country.act = nothing
    over = country.now
    last = country.run(8)
    assert last.state is State.OK
    assert "Until" in last.sentence
    assert "a restriction that began before" in last.sentence
    found = country.memory.platforms["x"].relief
    assert found is not None
    assert 0.5 * times < found.times < 2.0 * times
    assert found.at == over + 900.0
    country.run(8 * DAY)
    assert "Until" not in country.run(1).sentence


@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_relieved_who_was_not_slowed(seed: int) -> None:
    """A line that becomes faster, an edge that comes nearer, a slow evening that is over."""
    for before in (
        lambda leg, address: Done(transfer=6.0),
        lambda leg, address: Done(rtt=6.0) if leg.role is LegRole.TARGET else WELL,
    ):
        country = Country(seed, noise=0.3)
        country.act = before
        country.run(DAY)
        country.act = nothing
        country.run(DAY)
        assert not any("Until" in verdict.sentence for verdict in country.verdicts)


@pytest.mark.parametrize(("hours", "known"), [(1.0, True), (23.0, True), (25.0, False)])
def test_what_has_not_been_read_for_a_day_says_nothing_of_how_fast_it_is(
    hours: float, *, known: bool
) -> None:
    """A target whose object is gone is not the slowest of its platform for ever."""
    observed = Country().a_round()
    at = observed.started_at
    gone, read = family_key(observed.family, "gone"), family_key(observed.family, "object")
    mine = PlatformMemory(
        paces={gone: (1e4,) * 3, read: (9e5,) * 3},
        paced_at={gone: at - 3_600.0 * hours, read: at - 900.0},
        began_at=at - 2 * 86_400.0,
    )
    controls = {family_key(observed.family, "debian/object"): ControlMemory(pace=1e6, paced_at=at)}
    found = pace.paces(mine, controls, {}, observed, about_x())
    assert found is not None
    assert (found.platform, found.slowest) == ((1e4, True) if known else (9e5, False))
    # What was stored before has no times: it is taken for what it was.
    assert pace.paces(replace(mine, paced_at={}), controls, {}, observed, about_x()) is not None


def reads_abroad(own: float, other: float, at: float, state: State = State.OK) -> Verdict:
    entry = Evidence(name=PACE_OUTSIDE, subject="x", value=own, versus="controls", reference=other)
    return replace(fine_outside(at), state=state, evidence=(entry,))


@pytest.mark.parametrize(
    ("times", "abroad", "farther", "slower"),
    [
        (20.0, ((9e5, 1e6),), 0.25, True),
        (20.0, ((9e5, 1e6), (9e5, 1e6), (1e4, 1e6)), 0.25, True),  # one of three is broken, or lies
        (20.0, ((4e4, 1e6),), 0.25, False),  # it is as slow beside other sites there
        (4.0, ((9e5, 1e6),), 0.25, False),  # an honest platform may be
        (20.0, (), 0.25, False),
        (1.2, ((9e5, 1e6),), 15.0, False),  # so far away that no read is faster
    ],
)
def test_what_reads_faster_outside_is_not_called_fine_here(
    times: float, abroad: tuple[tuple[float, float], ...], farther: float, *, slower: bool
) -> None:
    """From the first round on: its own history knows nothing else, and nobody is accused."""
    country = Country(swaps=False)
    country.act = lambda leg, at: (
        Done(transfer=times / farther, rtt=farther) if leg.role is LegRole.TARGET else WELL
    )
    country.run(4)
    # What is suspected is another matter: here the level has long got used to it.
    country.memory = replace(
        country.memory,
        levels={},
        platforms={"x": replace(country.memory.platform("x"), episode=None, proven=None)},
    )
    observed = country.a_round()
    references = tuple(reads_abroad(own, other, country.now) for own, other in abroad)
    about = about_x(references=references, has_references=True)
    found = pace.paces(
        country.memory.platform("x"),
        country.memory.controls,
        country.memory.levels,
        observed,
        about,
    )
    assert found is not None
    assert found.beyond_outside is slower


def test_a_reference_that_finds_it_slow_itself_is_no_measure_of_it() -> None:
    slow = reads_abroad(9e5, 1e6, 0.0, State.UNKNOWN)
    assert pace.outside_of([slow]) is None
    assert pace.outside_of([fine_outside(0.0)]) is None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rounds", [3, 12])
@pytest.mark.parametrize("swaps", [False, True])
def test_a_rate_of_a_trouble_that_is_over_is_not_told_as_if_it_were_so(
    rounds: int, seed: int, *, swaps: bool
) -> None:
    country = Country(seed, swaps=swaps)
    country.run(60)
    country.act = lambda leg, address: WELL if leg.role is LegRole.CONTROL else Done(transfer=300.0)
    country.run(rounds)
    country.act = nothing
    country.verdicts.clear()
    country.run(6)
    over = [v for v in country.verdicts if v.state in (State.OK, State.UNKNOWN)]
    assert over
    assert "slower_than_anywhere" not in {verdict.reason for verdict in over}
    rates = [rate for v in over for rate in re.findall(r"([0-9.]+) kB/s beside up to", v.sentence)]
    assert all(float(rate) > 300.0 for rate in rates)


@pytest.mark.parametrize(
    ("times", "share", "swaps", "slower"),
    [
        (5.0, 0.8, False, True),  # less than a comparison with controls alone can tell
        (2.0, 0.8, False, False),  # within the margin
        (5.0, 0.2, False, False),  # so slow it is where it is well
        (5.0, 0.8, True, False),  # its swap is as slow: the platform's own server
        (5.0, None, False, False),
    ],
)
def test_what_is_slower_than_on_other_lines_is_not_called_fine(
    times: float, share: float | None, *, swaps: bool, slower: bool
) -> None:
    """From the first round on, and nobody looks from outside."""
    usual = (
        None
        if share is None
        else UsualPace(target="object", share=share, lines=40, evidence="2026-11")
    )
    known = about_x()
    targets = tuple(replace(one, pace=usual) if one.reads else one for one in known.targets)
    country = Country(swaps=swaps, about=replace(known, targets=targets))
    # Four times as near as the controls: what its distance allows is no bound.
    country.act = lambda leg, at: (
        WELL if leg.role is LegRole.CONTROL else Done(transfer=times / 0.25, rtt=0.25)
    )
    country.run(12)
    said = {one.reason for one in country.verdicts[4:]}
    assert ("slower_than_other_lines" in said) is slower
    assert not any(one.restricted for one in country.verdicts)
    if slower:
        one = next(v for v in country.verdicts if v.reason == "slower_than_other_lines")
        assert "on nineteen of twenty of 40 lines on which it is well it gives 80% of that" in (
            one.sentence
        )
