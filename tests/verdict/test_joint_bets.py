"""The test of each platform in a joint burst is exact, whatever happens to the others in it.

Small bursts are enumerated whole: every place that every leg may have had. The null of a platform
is that its leg and a control's would have taken the same at a place; what the other platforms' legs
take, and what they do to the legs after them, is anything at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import exp, inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.measure.bursts.burst_parts import BurstPart, views
from probe.model.burst import Burst, PlannedBurst
from probe.model.failure import Failure
from probe.model.identity import Compares, Family, LegRole, Phase, RoundKind
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.effort import Measure
from probe.verdict.burst.bets import BRAVE, CAREFUL, EACH, wins
from probe.verdict.burst.score import Score, score
from probe.verdict.thresholds import Thresholds
from tests.values import observed

# Nothing is allowed for, so that the expectation is one and not less: a test that can fail.
BARE = Thresholds(margin=1.0, no_baseline=1.0, no_swap_baseline=1.0)
PLAN = Burst(target="page", compares=Compares.GOODPUT, read_bytes=65_536)
Places = tuple[int, ...]


def arrangements(groups: int, places: Sequence[int]) -> Iterator[tuple[Places, ...]]:
    """Every way in which so many groups of ``EACH`` legs may lie on ``places``."""
    if groups == 1:
        yield (tuple(places),)
        return
    for mine in combinations(places, EACH):
        left = [place for place in places if place not in mine]
        for rest in arrangements(groups - 1, left):
            yield (mine, *rest)


def values_at(seed: str, others: tuple[Places, ...]) -> list[float]:
    """Log efforts at all places, given where the others' legs lie: an arbitrary function of that,
    since they may slow, speed up or break whatever is made after them. Some tie, some never end."""
    random = Random(f"{seed}/{others}")
    return [
        random.choice([random.uniform(-3, 3), 0.0, inf]) for _ in range(EACH * (len(others) + 2))
    ]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**9), st.integers(1, 2))
def test_whatever_the_others_do_no_bet_is_favourable(seed: int, others: int) -> None:
    won: dict[tuple[Places, ...], list[int]] = {}
    every = range(EACH * (others + 2))
    fixed = Random(seed)
    for theirs in arrangements(others + 1, every) if others == 1 else _some(others, every, fixed):
        *lie, left = theirs
        values = values_at(str(seed), tuple(lie))
        for mine in combinations(left, EACH):
            controls = [values[place] for place in left if place not in mine]
            own = [values[place] for place in mine]
            won.setdefault(tuple(lie), []).append(wins(own, controls))
    for counts in won.values():  # given where the others lie, so all the more over all of it
        assert len(counts) == 20
        for bets in (BRAVE, CAREFUL):
            assert sum(bets[u] for u in counts) / len(counts) <= 1.0 + 1e-9


def _some(others: int, every: Sequence[int], random: Random) -> Iterator[tuple[Places, ...]]:
    """Places of several others, each once: enumerating all of them would be the same again and
    again."""
    drawn: set[tuple[Places, ...]] = set()
    while len(drawn) < 20:
        order = random.sample(every, len(every))
        lie = [tuple(sorted(order[EACH * n : EACH * (n + 1)])) for n in range(others)]
        drawn.add((*lie, tuple(sorted(order[EACH * others :]))))
    yield from sorted(drawn)


def part(platform: str, swap: bool = False) -> BurstPart:
    roles = [LegRole.TARGET, *([LegRole.SWAP] if swap else [])]
    own = tuple(observed(role, owner=platform).leg for role in roles for _ in range(EACH))
    controls = tuple(observed(LegRole.CONTROL, owner=f"c{n}").leg for n in range(EACH))
    return BurstPart(PlannedBurst(platform, PLAN), own, controls)


PARTS = (part("x"), part("facebook"))


def leg_at(place: int, role: LegRole, owner: str, log_seconds: float) -> LegObservation:
    if log_seconds == inf:
        broken = Failure(phase=Phase.TRANSFER, reason="connection_reset")
        return replace(observed(role, owner=owner, failure=broken), order=place)
    return replace(observed(role, owner=owner, seconds=exp(log_seconds)), order=place)


def judged(legs: Sequence[LegObservation], platform: str) -> Score:
    """The product's own way from the legs of a joint burst to what they say of a platform."""
    view = next(v for v in views(PARTS, PARTS, legs, (), ()) if v.platform == platform)
    burst = RoundObservation(
        id="0",
        vantage="default",
        platform=platform,
        kind=RoundKind.BURST,
        family=Family.IPV4,
        started_at=1_700_000_000.0,
        duration_seconds=5.0,
        legs=view.legs,
        burst=view.burst,
    )
    return score(burst, Measure.TRANSFER, levels={}, thresholds=BARE)


def in_a_joint_burst(
    mine: Places, theirs: Places, controls: Places, values: Sequence[float], slow: float
) -> list[LegObservation]:
    made = [leg_at(p, LegRole.TARGET, "x", values[p]) for p in mine]
    made += [leg_at(p, LegRole.TARGET, "facebook", values[p] + slow) for p in theirs]
    made += [leg_at(p, LegRole.CONTROL, f"c{n}", values[p]) for n, p in enumerate(controls)]
    return sorted(made, key=lambda leg: leg.order)


@pytest.mark.parametrize("slow", [0.0, 3.0, -3.0, inf])
def test_the_products_own_score_is_fair_beside_a_platform_that_is_slow_or_fast(slow: float) -> None:
    values = Random(str(slow)).sample([n / 4.0 for n in range(9)], 9)
    theirs = (1, 4, 8)
    left = [place for place in range(9) if place not in theirs]
    counts: Counter[int] = Counter()
    for mine in combinations(left, EACH):
        controls = tuple(place for place in left if place not in mine)
        found = judged(in_a_joint_burst(mine, theirs, controls, values, slow), "x")
        assert found.complete
        counts[found.wins] += 1
    for bets in (BRAVE, CAREFUL):
        expectation = sum(bets[u] * n for u, n in counts.items()) / sum(counts.values())
        assert expectation == pytest.approx(1.0)


def test_two_platforms_share_the_luck_of_their_controls() -> None:
    """Each is as seldom lucky as ever; both together are oftener than if each had its own."""
    found = Counter(
        (
            wins([float(p) for p in mine], [float(p) for p in controls]),
            wins([float(p) for p in theirs], [float(p) for p in controls]),
        )
        for mine, theirs, controls in arrangements(3, range(9))
    )
    every = sum(found.values())
    assert every == 1_680
    alone = sum(n for (x, _), n in found.items() if x == 9)
    assert alone * 20 == every
    # All nine are alike: the controls are the three fastest of nine once in 84.
    assert found[9, 9] * 84 == every
    for bets in (BRAVE, CAREFUL):
        assert sum(bets[y] * n for (_, y), n in found.items()) / every == pytest.approx(1.0)
        # So the two must not be multiplied: the product is no bet at all.
        both = sum(bets[x] * bets[y] * n for (x, y), n in found.items()) / every
        assert both > 1.5
