"""Thinning a curve keeps what matters of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe.measure.one_leg.curve import MOST_SAMPLES, STALL_SECONDS, thin
from probe.model.observation import Sample

GAPS = st.lists(st.floats(0, 0.2), max_size=300)


def curve(gaps: list[float]) -> list[Sample]:
    samples, now = [], 0.0
    for i, gap in enumerate(gaps):
        now += gap
        samples.append(Sample(now, 1_000 * (i + 1)))
    return samples


@given(GAPS)
def test_a_thinned_curve_is_a_bounded_part_of_the_whole_in_order(gaps: list[float]) -> None:
    whole = curve(gaps)
    thinned = thin(whole)
    assert len(thinned) == min(len(whole), MOST_SAMPLES)
    assert set(thinned) <= set(whole)
    assert [s.bytes for s in thinned] == sorted(s.bytes for s in thinned)


@given(GAPS.filter(bool))
def test_first_and_last_are_kept(gaps: list[float]) -> None:
    whole = curve(gaps)
    thinned = thin(whole)
    assert (thinned[0], thinned[-1]) == (whole[0], whole[-1])


@given(st.lists(st.floats(0, STALL_SECONDS / 2), min_size=100, max_size=300), st.data())
def test_both_ends_of_a_stall_are_kept(gaps: list[float], data: st.DataObject) -> None:
    stalls = data.draw(st.sets(st.integers(1, len(gaps) - 1), max_size=15))
    whole = curve([STALL_SECONDS * 3 if i in stalls else gap for i, gap in enumerate(gaps)])
    thinned = set(thin(whole))
    for i in stalls:
        assert {whole[i - 1], whole[i]} <= thinned
