"""A queue in front of a slow link is the way's doing: what is sent meanwhile waits in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config import load
from probe.model.basis import Basis
from probe.model.verdict import RESTRICTED
from synth.acknowledged import LATEST_ACK, smoothed
from synth.edges import CALM
from synth.lines import DSL
from synth.outside import Watched
from synth.slowing import Mechanism, done
from synth.tcp import Delivery
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
RTT = 0.03
WHOLE = 65_536
UPDATES = 16


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_a_shaper_slows_is_an_accusation_where_a_reference_finds_it_fast(seed: int) -> None:
    inside, outside = (
        World(CONFIG, DSL, seed=one, edges=CALM, begin=BEGIN, addresses=(2,))
        for one in (seed, 100 + seed)
    )
    watched = Watched(CONFIG, inside, begin=BEGIN, abroad=[outside], only=("x",))
    calm = [one.verdict for one in watched.run(BEGIN + 12 * HOUR)]
    what = done(CONFIG, "x", Mechanism.SHAPER, 15.0, DSL, inside.distance("x"), by_name=False)
    inside.restrict([what.restricted])
    said = [one.verdict for one in watched.run(BEGIN + 14 * HOUR)]
    assert not any(one.state in RESTRICTED for one in calm)
    assert {one.basis for one in said if one.state in RESTRICTED} == {Basis.REFERENCE}


def evenly(seconds: float, queue: float) -> Delivery:
    """A body of 46 segments in so many seconds, each of which waited so long on the way."""
    times = [seconds * (n + 1) / 46 for n in range(46)]
    return Delivery(
        samples=[(at, WHOLE * (n + 1) // 46) for n, at in enumerate(times)],
        handed=[at - queue for at in times],
        whole=True,
    )


@given(seconds=st.floats(0.05, 60.0))
def test_without_a_queue_it_is_no_later_than_a_kernel_puts_off(seconds: float) -> None:
    found = smoothed(evenly(seconds, 0.0), RTT, UPDATES, until=seconds)
    assert RTT <= found <= RTT + LATEST_ACK


@given(seconds=st.floats(6.0, 10.0), queue=st.floats(0.7, 1.5))
def test_with_one_it_is_of_the_size_of_what_each_waits(seconds: float, queue: float) -> None:
    found = smoothed(evenly(seconds, queue), RTT, UPDATES, until=seconds + queue)
    assert 0.3 * queue <= found <= RTT + queue + LATEST_ACK + seconds / 46
