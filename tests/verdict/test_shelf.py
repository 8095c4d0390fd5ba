"""A level belongs to an object: another one begins its own, and the first comes back with its."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from probe.model.identity import Family, LegRole, RoundKind
from probe.model.observation import Leg, LegObservation
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.normal.shelf import MOST_KEPT
from probe.verdict.remembered.kept_object import ALIKE, Object
from probe.verdict.remembered.keys import Series
from probe.verdict.remembered.memory import Memory
from tests.verdict.country import WELL, Country, Done

TARGET_KEY = Series(Family.IPV4, LegRole.TARGET, "x", "object", Measure.TRANSFER).key


class Moving(Country):
    """A country whose object may be at another host, or a shorter read."""

    host = "object.test"
    size = 65_536
    candidate = "a"

    def _observe(self, leg: Leg, order: int, address: str, state: float) -> LegObservation:
        if leg.range_bytes > 1_024:
            leg = replace(
                leg,
                max_bytes=self.size,
                min_bytes=self.size,
                range_bytes=self.size,
                candidate=self.candidate,
                connect_to=self.host if leg.role is not LegRole.CONTROL else leg.connect_to,
            )
        return super()._observe(leg, order, address, state)


def moving(**more: object) -> Moving:
    country = Moving(**more)  # type: ignore[arg-type]
    country.run(40)
    country.verdicts.clear()
    return country


def test_a_shorter_object_is_not_compared_with_a_longer_one() -> None:
    """Six times as long for each byte, as a short read takes: its own, and not a restriction."""
    country = moving(swaps=False)
    country.size = 6_000
    country.act = lambda leg, address: (
        Done(transfer=3.0) if leg.role is not LegRole.CONTROL else WELL
    )
    bursts = country.bursts
    country.run(30)
    assert {v.state for v in country.verdicts[2:]} <= {State.OK}
    assert country.bursts == bursts
    # And back again: what was normal of the long one is still known, and so is what is slow.
    country.size, country.act = 65_536, lambda leg, address: WELL
    country.run(6)
    assert country.memory.levels[TARGET_KEY].seen > 40
    country.act = lambda leg, address: Done(transfer=5.0) if leg.role is LegRole.TARGET else WELL
    assert country.run(4).state is State.IMPAIRED


def test_another_host_begins_its_own_level() -> None:
    country = moving(swaps=False)
    before = country.memory.levels[TARGET_KEY]
    country.host = "other.test"
    country.run(1)
    assert country.memory.levels[TARGET_KEY].seen == 1
    country.host = "object.test"
    country.run(1)
    assert country.memory.levels[TARGET_KEY].seen == before.seen + 1


def test_another_candidate_at_the_same_host_begins_its_own_level() -> None:
    country = moving()
    country.candidate = "b"
    country.act = lambda leg, address: (
        Done(transfer=3.0) if leg.role is not LegRole.CONTROL else WELL
    )
    country.run(30)
    assert not {v.state for v in country.verdicts} & {State.THROTTLED, State.IMPAIRED}
    assert country.memory.levels[TARGET_KEY].seen < 40
    country.candidate, country.act = "a", lambda leg, address: WELL
    country.run(6)
    assert country.memory.levels[TARGET_KEY].seen > 40


def test_an_object_that_reads_faster_is_no_end_of_a_restriction() -> None:
    slow = Moving(swaps=False)
    slow.size = 6_000
    slow.act = lambda leg, address: Done(transfer=6.0) if leg.role is LegRole.TARGET else WELL
    slow.run(96)
    slow.size, slow.act = 65_536, lambda leg, address: WELL
    slow.run(12)
    assert not any("Until" in v.sentence for v in slow.verdicts)
    assert slow.memory.platform("x").relief is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Object("a"), Object("a"), True),
        (Object("a"), Object("b"), False),
        (Object("a", 65_536), Object("a", 65_536), True),
        (Object("a", 65_536), Object("a", int(65_536 / ALIKE) + 1), True),
        (Object("a", 65_536), Object("a", int(65_536 / ALIKE) - 1), False),
        (Object("a", 65_536), Object("a", 0), False),
        (Object("a", 65_536), Object("b", 65_536), False),
    ],
)
def test_what_is_one_object(one: Object, other: Object, *, same: bool) -> None:
    assert one.same(other) is same
    assert other.same(one) is same


def test_the_shelf_is_small_and_the_oldest_goes() -> None:
    country = moving(swaps=False)
    for number in range(3 * MOST_KEPT):
        country.host = f"object-{number}.test"
        country.run(1)
    assert all(len(kept) <= MOST_KEPT for kept in country.memory.shelf.values())
    hosts = [kept.object.host for kept in country.memory.shelf[TARGET_KEY]]
    assert hosts == [f"object-{n}.test" for n in range(2 * MOST_KEPT - 1, 3 * MOST_KEPT - 1)]


def test_a_memory_that_knew_no_objects_keeps_its_levels() -> None:
    country = moving()
    stored = msgspec.to_builtins(country.memory)
    del stored["objects"], stored["shelf"]
    before = country.memory.levels[TARGET_KEY].seen
    country.memory = msgspec.convert(stored, Memory)
    country.run(1)
    assert country.memory.levels[TARGET_KEY].seen == before + 1
    again = msgspec.json.decode(msgspec.json.encode(country.memory), type=Memory)
    assert again.objects == country.memory.objects


def test_rounds_that_do_not_read_change_no_object() -> None:
    country = moving()
    before = country.memory.objects
    country.run(3, RoundKind.LIGHT)
    assert country.memory.objects == before
    assert not country.memory.shelf
