"""``benchmarks.false_alarms``: its worlds have what they say, and outages come and go in them."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.false_alarms import jobs
from benchmarks.false_alarms_runs import run
from benchmarks.false_alarms_worlds import (
    BEGIN,
    HOUR,
    OFTEN_PER_YEAR,
    Made,
    Planned,
    Which,
    made,
)
from probe.model.verdict import State
from synth.lines import FIBRE, MOBILE
from synth.outages import Outage
from synth.troubles import HOME, SITES, Kind


def test_a_year_of_sites_has_slow_hours_and_outages_at_their_rates() -> None:
    world = made(Which.SITES, FIBRE, seed=1, days=3 * 365)
    sites = world.watched.worlds[0].sites
    slow = [trouble for trouble in world.troubles if trouble.kind is Kind.SITE_SLOW]
    assert 0.8 < len(slow) / (3 * 12 * len(sites)) < 1.2
    assert {trouble.whom for trouble in slow} == set(sites)
    assert 9 <= len(world.outages) <= 30  # of three operators, one at a time
    assert all(a.end <= b.begin for a, b in zip(world.outages, world.outages[1:], strict=False))


def test_a_household_has_its_own_troubles_and_no_outages() -> None:
    world = made(Which.HOME, FIBRE, seed=1, days=365, dense=10.0)
    assert {trouble.kind for trouble in world.troubles} == set(HOME)
    assert not world.outages


def test_years_of_rare_troubles_are_played_in_fewer_days_and_what_is_frequent_is_not() -> None:
    plain = made(Which.ALL, FIBRE, seed=1, days=200.0)
    dense = made(Which.ALL, FIBRE, seed=1, days=200.0, dense=8.0)
    assert {trouble.kind for trouble in dense.troubles} == {*HOME, Kind.SITE_SLOW}
    assert dense.outages

    def count(world: Made, *, often: bool) -> int:
        return sum((_rate(t.kind) >= OFTEN_PER_YEAR) is often for t in world.troubles)

    assert 6.0 < count(dense, often=False) / count(plain, often=False) < 10.0
    assert 0.8 < count(dense, often=True) / count(plain, often=True) < 1.2


def _rate(kind: Kind) -> float:
    return {**HOME, **SITES}[kind].per_year


@pytest.mark.parametrize("references", [0, 1])
def test_an_outage_is_met_by_all_and_ends(references: int) -> None:
    drawn = made(Which.SITES, FIBRE, seed=3, days=0.0, references=references)
    begin, end = BEGIN + 8 * HOUR, BEGIN + 10 * HOUR
    outage = Planned(begin, end, Outage.SILENT, "X Corp.")
    world = Made(drawn.watched, drawn.troubles, (outage,))
    said = [
        (one.observed.started_at, one.verdict.state)
        for one in world.play(BEGIN + 12 * HOUR)
        if one.observed.platform == "x"
    ]
    meant = {state for at, state in said if begin + HOUR < at < end}
    assert meant == ({State.DOWN} if references else {State.IMPAIRED})
    # An edge of its own may be farther away for a while.
    after = Counter(state for at, state in said if at > end + HOUR)
    assert set(after) <= {State.OK, State.UNKNOWN}
    assert after[State.OK] > after[State.UNKNOWN]
    assert "outage silent X Corp." in world.meanwhile(begin + HOUR)
    assert world.meanwhile(begin - HOUR) == "nothing"


def test_a_piece_counts_rounds_bursts_and_what_was_said() -> None:
    home, sites = jobs([MOBILE], 0.5, 0, 1, [Which.HOME, Which.SITES])
    report = run(home)
    assert report.rounds == sum(report.said.values()) > 500
    assert report.days == 0.5
    assert not report.alarms
    assert (home.seed, home.which) != (sites.seed, sites.which)


def test_impaired_is_counted_with_its_time_and_with_what_it_outlasts() -> None:
    (all_of_it,) = jobs([FIBRE], 1.0, 0, 3, [Which.ALL], dense=60.0)
    report = run(all_of_it)
    assert report.impaired
    assert all(0.0 < one.seconds <= 24 * HOUR for one in report.impaired)
    assert all(0.0 <= one.after <= one.seconds for one in report.impaired)
    assert all("meanwhile" in one.words for one in report.impaired)


def test_long_runs_are_cut_into_pieces_of_their_own() -> None:
    pieces = jobs([FIBRE, MOBILE], 730.0, 2, 1, [Which.SITES])
    calm = [piece for piece in pieces if not piece.incidents]
    assert sum(piece.days for piece in calm) == pytest.approx(2 * 730.0)
    assert all(piece.days <= 92.0 for piece in calm)
    assert len({piece.seed for piece in pieces}) == len(pieces)
