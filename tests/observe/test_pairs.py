"""Ratios compare a target with the controls and the swap of its own round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.identity import LegRole, Phase
from probe.model.observation import LegObservation
from probe.observe.pairs import ratios
from tests.values import a_round, failed, observed


def by_key(*legs: LegObservation) -> dict[tuple[str, str, str], float]:
    found = ratios(a_round(*legs))
    return {(r.target, r.versus, r.measure): r.value for r in found}


def test_target_over_the_median_control_and_over_its_own_swap() -> None:
    values = by_key(
        observed(seconds=4.0, connect=0.1, tls=0.3),
        observed(LegRole.SWAP, seconds=2.0, connect=0.1, tls=0.1),
        observed(LegRole.SWAP, target="other", seconds=100.0),
        observed(LegRole.CONTROL, owner="c1", seconds=1.0, connect=0.1, tls=0.1),
        observed(LegRole.CONTROL, owner="c2", seconds=1.0, connect=0.1, tls=0.1),
        observed(LegRole.CONTROL, owner="c3", seconds=90.0, connect=9.0, tls=0.1),
    )
    assert values == {
        ("page", "control", "goodput"): pytest.approx(0.25),
        ("page", "swap", "goodput"): pytest.approx(0.5),
        ("page", "control", "handshake"): pytest.approx(2.0),
        ("page", "swap", "handshake"): pytest.approx(2.0),
    }


def test_what_was_not_measured_has_no_ratio() -> None:
    assert by_key(observed()) == {}
    assert by_key(failed(Phase.TLS, "connection_reset"), observed(LegRole.CONTROL)) == {}
    assert by_key(observed(), failed(Phase.CONNECT, "timed_out", LegRole.CONTROL)) == {}


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_line_that_is_slower_for_all_changes_no_ratio(
    target: float, control: float, factor: float
) -> None:
    def line(slowness: float) -> float:
        return by_key(
            observed(seconds=target * slowness),
            observed(LegRole.CONTROL, seconds=control * slowness),
        )["page", "control", "goodput"]

    assert line(factor) == pytest.approx(line(1.0))
