"""A line that others fill every evening: what is done to a platform then is not normal after."""

from __future__ import annotations

import pytest

from probe.model.basis import Basis
from probe.model.verdict import State
from scenarios.model import Restricted
from synth.contradictions import contradictions
from synth.troubles import Kind, Trouble
from tests.synth.test_turned import HOUR, SLOWLY, YOUTUBE, Life, X, life

MANY = 8.0
"""So many others share the line."""


def evening(one: Life, hours: float, begins: float = 0.0) -> Trouble:
    """Others fill the line for so many hours, ``begins`` hours from now on."""
    begin = one.now + begins * HOUR
    return Trouble(begin=begin, end=begin + hours * HOUR, kind=Kind.CROSS_TRAFFIC, value=MANY)


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("platform", ["x", "youtube"])
def test_what_began_in_a_full_evening_is_said_once_that_is_over(platform: str, seed: int) -> None:
    one = life(platform, seed, vouched=platform == "x", line="mobile")
    one.world.trouble([evening(one, 4.0)])
    one.lives(1.0)
    slowed = Restricted(whom=X if platform == "x" else YOUTUBE, effects=(SLOWLY,))
    one.lives(3.0, slowed)
    after = one.lives(2.0, slowed)
    late = [verdict for verdict in after if verdict.at > one.now - HOUR / 2]
    assert {verdict.state for verdict in late} == {State.THROTTLED}
    assert late[-1].basis is (Basis.REFERENCE if platform == "x" else Basis.SWAP)
    assert not contradictions(one.said)


@pytest.mark.parametrize("seed", range(1, 3))
def test_a_full_evening_is_known_from_those_before(seed: int) -> None:
    one = life("x", seed, vouched=True, line="mobile")
    one.world.trouble([evening(one, 4.0, 24.0 * day) for day in range(3)])
    said = one.lives(48.0)
    assert not any(verdict.restricted or verdict.state is State.IMPAIRED for verdict in said)
    second = [verdict for verdict in said if verdict.at > one.now - 30.0 * HOUR]
    assert sum(verdict.reason == "line_changed" for verdict in second) <= 6
    # The third evening, and a throttle with it.
    late = one.lives(1.5, Restricted(whom=X, effects=(SLOWLY,)))[-3:]
    assert {verdict.state for verdict in late} == {State.THROTTLED}
