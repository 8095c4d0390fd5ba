"""A queue on the line holds all up by the same seconds: that is no mark of the way to one of them,
though it is many times the round trip of what is near, and a small part of what is far."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import LegRole
from probe.model.observation import Leg, LegObservation, TcpInfo
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.basis.way_marks import marks_seen
from tests.verdict.country import Act, Country, Done

BASE = 0.02
FAR = 4.0
SOME = Country().a_round().legs[0]
SECONDS = st.floats(0.001, 0.5)


def held(least: float, queue: float) -> LegObservation:
    """A leg whose round trips grew from ``least`` by ``queue`` seconds."""
    tcp = TcpInfo(rtt_seconds=least + queue, min_rtt_seconds=least, out_of_order=0, segments_in=50)
    return replace(SOME, tcp=tcp, connect_rtt_seconds=least)


@given(
    targets=st.lists(SECONDS, min_size=3, max_size=3),
    controls=st.lists(SECONDS, min_size=3, max_size=3),
    queue=st.floats(0.0, 1.0),
)
def test_what_is_added_to_all_is_no_mark(
    targets: list[float], controls: list[float], queue: float
) -> None:
    own, others = [held(one, queue) for one in targets], [held(one, queue) for one in controls]
    seen = marks_seen(own, others, Measure.TRANSFER)
    assert seen is not None
    assert seen.late == 0


@given(near=SECONDS, far=SECONDS, queue=st.floats(0.0, 0.5))
def test_what_is_added_to_one_alone_is(near: float, far: float, queue: float) -> None:
    more = 0.03 + 2.0 * (near + queue)
    own, others = [held(near, more)] * 3, [held(max(near, far), min(queue, far) / 4.0)] * 3
    seen = marks_seen(own, others, Measure.TRANSFER)
    assert seen is not None
    assert seen.late == 9


def queued(random: Random, *, times: float, of_all: float, of_platform: float) -> Act:
    """The platform's servers are near, everybody else's far; queues of about so many seconds."""

    def act(leg: Leg, address: str) -> Done:
        own = leg.role is not LegRole.CONTROL
        rtt = 1.0 if own else FAR
        queue = of_all + (of_platform if own else 0.0)
        grown = 1.0 + queue * random.uniform(0.7, 1.3) / (BASE * rtt)
        return Done(transfer=times if own else 1.0, rtt=rtt, lost=0, queued=grown)

    return act


@pytest.mark.parametrize("queue", [0.0, 0.04, 0.08, 0.2])
@pytest.mark.parametrize("seed", range(2))
def test_a_slow_near_server_behind_a_queue_of_the_line_is_not_accused(
    queue: float, seed: int
) -> None:
    country, random = Country(seed, swaps=False, vouched=True), Random(seed)
    country.act = queued(random, times=1.0, of_all=queue, of_platform=0.0)
    country.run(24)
    country.verdicts.clear()
    country.act = queued(random, times=8.0, of_all=queue, of_platform=0.0)
    assert country.run(8).state is State.IMPAIRED
    assert not any(one.restricted for one in country.verdicts)


@pytest.mark.parametrize("queue", [0.0, 0.04])
def test_a_queue_for_the_platform_alone_accuses(queue: float) -> None:
    country, random = Country(swaps=False, vouched=True), Random(1)
    country.act = queued(random, times=1.0, of_all=queue, of_platform=0.0)
    country.run(24)
    country.act = queued(random, times=8.0, of_all=queue, of_platform=0.15)
    assert country.run(8).basis is Basis.REFERENCE
