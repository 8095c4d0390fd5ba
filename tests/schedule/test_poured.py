"""Somebody who stands in far ends' places pours bytes into every leg before it is seen that he is
nobody. That ends no measuring, and takes nothing from platforms that are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.config.amount import LEG_BYTES, round_bytes, round_size
from probe.model.burst import Burst
from probe.model.identity import Compares, RoundKind
from probe.model.observation import Leg, RoundObservation, SkippedLeg
from probe.model.verdict import State
from probe.schedule.data_budget import Refusal
from probe.schedule.data_spent import PERIOD_SECONDS, SLICE_SECONDS, DataSpent, fullest, spent
from probe.schedule.round_pace import FEWEST_LEGS
from synth.shape import verdict_of
from tests.schedule.test_data_budget import DAY, Month, Time, sized

POURED = 131_072
"""Bytes of a leg, what the kernel takes unread among them: `tests/measure/test_poured.py`."""
MOST_POURED = 2 * POURED
"""Twice what any leg was seen to take: kernels differ in what they take unread."""
HOUR = 3_600.0
BURST = Burst(target="object", compares=Compares.GOODPUT, read_bytes=65_536, each=6, with_swap=True)


class Poured(Month):
    """The default configuration, whose rounds of ``poured`` cost ``size`` a leg, and look
    suspicious. ``controls``: these legs as well, and as none of them answers there are more."""

    def __init__(
        self,
        poured: tuple[str, ...],
        *,
        bursts: bool,
        controls: bool = False,
        size: int = POURED,
    ) -> None:
        super().__init__(load(None, {}), Time())
        self.poured, self.bursts, self.controls, self.size = poured, bursts, controls, size
        self.made: dict[str, list[tuple[float, RoundKind]]] = {name: [] for name in self.rounds}
        self.fewest = dict.fromkeys(self.rounds, 99)
        """Legs of a round."""

    def make(self, platform: str, kind: RoundKind) -> None:
        named = next(p for p in self.of.platforms if p.name == platform)
        size, met = round_size(self.of, named), platform in self.poured
        usual = round_bytes(self.of, size, kind)
        whole = size.legs + (size.further if met and self.controls else 0)
        legs = min(whole, self.data.most_legs("default", platform) or whole)
        own = size.legs - self.of.settings.schedule.controls
        dear = (legs if self.controls else min(legs, own)) if met else 0
        observed = replace(self.rounds[platform], kind=kind)
        leg = observed.legs[0].leg
        bytes_used = usual * legs / size.legs + dear * (self.size - LEG_BYTES)
        observed = in_legs(observed, legs, int(bytes_used), left_out=[leg] * (whole - legs))
        self.fewest[platform] = min(self.fewest[platform], legs)
        self.data.spent(observed)
        self.made[platform].append((self.time.now, kind))
        if met and self.bursts and self.data.refuse_burst("default", platform, BURST) is None:
            burst = replace(observed, kind=RoundKind.BURST)
            poured = (12 + 6 * self.controls) * self.size
            self.data.spent(in_legs(burst, 18, poured + 6 * (LEG_BYTES + 65_536)))
        verdict = verdict_of(observed, State.IMPAIRED if met else State.OK)
        self.data.judged(verdict, light=kind is RoundKind.LIGHT)

    def longest_gap(self, platform: str, *, reads: bool = False) -> float:
        """Seconds without a round of it."""
        some = (at for at, kind in self.made[platform] if not reads or kind is not RoundKind.LIGHT)
        return max(b - a for a, b in pairwise([1_000.0, *some, self.time.now]))


def in_legs(
    observed: RoundObservation, legs: int, size: int, *, left_out: Sequence[Leg] = ()
) -> RoundObservation:
    """The round with so many legs, and ``size`` bytes on the wire, all of them of its first leg."""
    first = sized(observed, 0).legs[0]
    skipped = tuple(SkippedLeg(leg=leg, reason="data_budget") for leg in left_out)
    made = (replace(first, wire_bytes_received=size), *[first] * (legs - 1))
    return replace(sized(observed, 0), legs=made, skipped=skipped)


@pytest.mark.parametrize(
    ("bursts", "controls", "size"),
    [
        (False, False, POURED),
        (True, False, POURED),
        (True, True, 40_000),
        (True, True, POURED),
        (True, False, MOST_POURED),
        (True, True, MOST_POURED),
    ],
)
def test_a_month_of_pouring_ends_no_measuring(bursts: bool, controls: bool, size: int) -> None:
    """From the first day on, when nothing of the month is used: else what is used in some days is
    not there for weeks."""
    all_four = ("x", "youtube", "facebook", "instagram")
    month = Poured(all_four, bursts=bursts, controls=controls, size=size)
    month.run(31.0)
    for platform in month.poured:
        assert month.longest_gap(platform) < 0.9 * HOUR
    assert min(month.fewest.values()) >= FEWEST_LEGS
    if size <= POURED:  # as much as was ever seen: each round still has every target, and a control
        for one in month.of.platforms:
            assert month.fewest[one.name] > len(one.targets)
    assert month.refused == 0
    assert month.data.balance("default").left > 0.05 * month.data.balance("default").budget


def test_who_is_left_alone_is_measured_as_before() -> None:
    """Also at the configured pace, out of the reserve, if something becomes of it."""
    alone, beside = Poured((), bursts=False), Poured(("x",), bursts=True)
    for month in (alone, beside):
        month.run(12.0)
    others = set(beside.rounds) - {"x"}
    for platform in others:
        assert beside.longest_gap(platform) < 1.2 * alone.longest_gap(platform)
        # At first nobody knows that it is poured into, and its reserve is used for some rounds.
        reads = [month.longest_gap(platform, reads=True) for month in (alone, beside)]
        assert reads[1] < 1.5 * reads[0]
    one = beside.data.pace("default", "youtube")
    beside.data.judged(verdict_of(beside.rounds["youtube"], State.IMPAIRED))
    assert beside.data.pace("default", "youtube").transfer_seconds < one.transfer_seconds
    assert beside.data.refuse_burst("default", "youtube", BURST) is None


def test_who_is_poured_into_pays_by_itself_and_is_itself_again_soon() -> None:
    month = Poured(("x",), bursts=False)
    month.run(1.0)
    poured = month.data.pace("default", "x")
    assert poured.every > 1
    assert not month.data.at_once("default", "x")
    month.poured = ()
    month.run(1.0)
    assert month.data.pace("default", "x").every == 1


def test_bursts_leave_some_of_the_reserve_and_of_what_is_poured_into_most() -> None:
    month = Poured(("x",), bursts=False)
    month.run(1.0)
    budget, reserve = month.data.balance("default").budget, month.of.settings.schedule.reserve
    taken = 0.0
    burst = replace(month.rounds["x"], kind=RoundKind.BURST)
    while month.data.refuse_burst("default", "x", BURST) is None:
        month.data.spent(in_legs(burst, 18, 2_000_000))
        taken += 2_000_000
    assert 0.05 * budget * reserve < taken < 0.12 * budget * reserve
    assert month.data.refuse_burst("default", "youtube", BURST) is None
    while month.data.refuse_burst("default", "youtube", BURST) is None:
        month.data.spent(in_legs(burst, 18, 2_000_000))
        taken += 2_000_000
    assert 0.7 * budget * reserve < taken < 0.8 * budget * reserve
    assert month.data.permit("default", "x", RoundKind.LIGHT) is RoundKind.LIGHT
    assert month.data.view().refused["default", "youtube", Refusal.OUT_OF_BUDGET] == 1


def test_what_is_used_sooner_is_there_for_nobody_until_it_leaves_the_window() -> None:
    rate = 100.0
    whole = rate * PERIOD_SECONDS
    assert fullest(DataSpent(), rate) == whole
    steady = DataSpent(clock=PERIOD_SECONDS)
    slices = int(PERIOD_SECONDS / SLICE_SECONDS)
    steady = replace(steady, spent=tuple((n, int(rate * SLICE_SECONDS)) for n in range(slices)))
    assert fullest(steady, rate) == pytest.approx(whole)
    assert fullest(spent(steady, 5_000), rate) == pytest.approx(whole + 5_000)
    # What leaves before the rest is needed is no loss.
    early = DataSpent(clock=PERIOD_SECONDS - DAY, spent=((0, 5_000),))
    assert fullest(early, rate) == pytest.approx(whole)
    late = DataSpent(clock=DAY, spent=((4, 5_000),))
    assert fullest(late, rate) == pytest.approx(5_000 + whole)
