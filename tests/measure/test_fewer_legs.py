"""A round for which the data budget does not pay in full looks at every target in its turn."""

from __future__ import annotations

from math import ceil
from random import Random

import pytest

from probe.measure.one_round.fewer_legs import FewerLegs
from probe.model.identity import LegRole
from probe.model.observation import Leg

CORNERS = (LegRole.TARGET, LegRole.SWAP)


def leg(role: LegRole, target: str, prober: str = "tcp") -> Leg:
    owner = target if role is LegRole.CONTROL else "x"
    return Leg(
        role=role,
        owner=owner,
        target=target,
        connect_to="x.test",
        port=443,
        url="https://x.test/",
        sni="x.test",
        certificate_name="x.test",
        prober=prober,
    )


def legs(targets: int, controls: int) -> list[Leg]:
    mine = [leg(role, f"t{n}") for n in range(targets) for role in CORNERS]
    others = [leg(LegRole.CONTROL, f"c{n}") for n in range(controls)]
    return [*mine, *others, leg(LegRole.TARGET, "t0", "quic")]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("targets", [1, 3, 5])
@pytest.mark.parametrize("most", [2, 3, 4, 7])
def test_targets_take_turns_beside_a_control(most: int, targets: int, seed: int) -> None:
    random = Random(seed)
    chooses, last = FewerLegs(random), {f"t{n}": -1 for n in range(targets)}
    for number in range(30):
        order = legs(targets, 2)
        random.shuffle(order)
        kept, left_out = chooses.of("here", order, most)
        assert [one for one in order if one in kept] == list(kept)
        assert sorted([*kept, *(one.leg for one in left_out)], key=str) == sorted(order, key=str)
        assert len(kept) == min(most, len(order))
        assert any(one.role is LegRole.CONTROL for one in kept)
        made = {one.target for one in kept if one.role is LegRole.TARGET and one.prober == "tcp"}
        swapped = {one.target for one in kept if one.role is LegRole.SWAP}
        assert swapped <= made or len(made) == targets
        last.update(dict.fromkeys(made, number))
        assert number - min(last.values()) <= ceil(targets / len(made))


def test_all_are_made_where_nothing_is_short() -> None:
    order = legs(3, 2)
    assert FewerLegs(Random(1)).of("here", order, None) == (tuple(order), ())
    assert FewerLegs(Random(1)).of("here", order, len(order)) == (tuple(order), ())
