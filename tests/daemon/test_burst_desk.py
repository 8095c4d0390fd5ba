"""Plans that meet: one burst at a time of each kind, for all that wait; nobody waits for ever."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Sequence
from random import Random

import pytest

from probe.daemon.burst_desk import BurstDesk
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares, Family, RoundKind
from probe.model.observation import RoundObservation

READS = Burst(target="object", compares=Compares.GOODPUT, read_bytes=65_536)
TOUCHES = Burst(target="page", compares=Compares.HANDSHAKE, read_bytes=0)


class Line:
    """Makes bursts that last until ``go``. ``alone``: platforms that nobody can be joined with."""

    def __init__(self) -> None:
        self.made_for: list[tuple[str, ...]] = []
        self.under_way: list[tuple[str, ...]] = []
        self.cancelled: list[tuple[str, ...]] = []
        self.alone: set[str] = set()
        self.breaks = False
        self._ends: list[asyncio.Event] = []

    def joined(self, planned: Sequence[PlannedBurst], *, vantage: str) -> tuple[PlannedBurst, ...]:
        first, *others = planned
        if first.platform in self.alone:
            return (first,)
        return (first, *(one for one in others if one.platform not in self.alone))

    async def made(
        self, planned: Sequence[PlannedBurst], *, vantage: str
    ) -> tuple[RoundObservation, ...]:
        names = tuple(one.platform for one in planned)
        self.made_for.append(names)
        self.under_way.append(names)
        end = asyncio.Event()
        self._ends.append(end)
        try:
            await end.wait()
        except asyncio.CancelledError:
            self.cancelled.append(names)
            raise
        finally:
            self.under_way.remove(names)
            self._ends.remove(end)
        if self.breaks:
            raise RuntimeError("a fault of ours")
        return tuple(observed(vantage, one) for one in planned)

    async def go(self, times: int = 1) -> None:
        """What is under way ends; so does what follows, so many ``times``."""
        for _ in range(times):
            await settle()
            self.end()
        await settle()

    def end(self) -> None:
        """What is under way ends in the next turn of the loop."""
        for end in tuple(self._ends):
            end.set()


def observed(vantage: str, planned: PlannedBurst) -> RoundObservation:
    return RoundObservation(
        id="0",
        vantage=vantage,
        platform=planned.platform,
        kind=RoundKind.BURST,
        family=planned.burst.family,
        started_at=1.0,
        duration_seconds=1.0,
        legs=(),
        burst=planned.burst,
    )


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Turn:
    """One platform's turn: asks for ``plans`` one after the other."""

    def __init__(
        self, desk: BurstDesk, platform: str, plans: Iterable[Burst] = (READS,), at: str = "here"
    ) -> None:
        self.seen: list[RoundObservation] = []
        first, *self._plans = plans
        self.task = asyncio.create_task(desk.see_through(at, platform, first, self.judge))

    def judge(self, observed: RoundObservation) -> Burst | None:
        self.seen.append(observed)
        return self._plans.pop(0) if self._plans else None


def desk_of(line: Line, stopping: Callable[[], bool] = lambda: False) -> BurstDesk:
    return BurstDesk(lambda: line, stopping)


async def test_the_first_is_made_at_once_and_who_comes_meanwhile_is_made_in_one() -> None:
    line = Line()
    desk = desk_of(line)
    first = Turn(desk, "x", [READS] * 3)
    await settle()
    assert line.under_way == [("x",)]
    others = [Turn(desk, name, [READS] * 2) for name in ("facebook", "instagram", "youtube")]
    await settle()
    assert line.under_way == [("x",)]
    await line.go(3)
    # They waited longer, so they come first; from then on all are one burst.
    all_four = ("facebook", "instagram", "youtube", "x")
    assert line.made_for == [("x",), all_four, all_four]
    assert [len(turn.seen) for turn in (first, *others)] == [3, 2, 2, 2]
    assert all(turn.task.done() for turn in (first, *others))


async def test_what_cannot_be_made_in_one_is_made_beside_it_or_after_it() -> None:
    line = Line()
    line.alone = {"instagram"}
    desk = desk_of(line)
    over_ipv6 = Burst(
        target="object", compares=Compares.GOODPUT, read_bytes=65_536, family=Family.IPV6
    )
    turns = [
        Turn(desk, "x"),
        Turn(desk, "facebook", [TOUCHES]),
        Turn(desk, "youtube", [over_ipv6]),
        Turn(desk, "instagram"),
    ]
    await settle()
    # Another kind goes on beside it: the legs take turns on the line.
    assert sorted(line.under_way) == [("facebook",), ("x",), ("youtube",)]
    await line.go()
    assert line.under_way == [("instagram",)]
    await line.go()
    assert all(turn.task.done() and len(turn.seen) == 1 for turn in turns)


async def test_a_plan_of_another_kind_that_follows_goes_to_its_own_table() -> None:
    line = Line()
    desk = desk_of(line)
    changing, staying = Turn(desk, "x", [READS, TOUCHES]), Turn(desk, "facebook", [READS, READS])
    await line.go()
    assert sorted(line.under_way) == [("facebook",), ("x",)]
    await line.go()
    assert changing.task.done()
    assert staying.task.done()


async def test_vantages_are_independent() -> None:
    line = Line()
    desk = desk_of(line)
    turns = [Turn(desk, name, at=f"v{n}") for n in range(10) for name in ("x", "facebook")]
    await settle()
    assert line.under_way == [("x", "facebook")] * 10
    await line.go()
    assert all(turn.seen[0].vantage == f"v{n // 2}" for n, turn in enumerate(turns))


async def test_who_leaves_while_he_waits_is_not_made() -> None:
    line = Line()
    desk = desk_of(line)
    first, leaves, stays = Turn(desk, "x"), Turn(desk, "facebook"), Turn(desk, "youtube")
    late = Turn(desk, "instagram")
    await settle()
    assert line.under_way == [("x", "facebook", "youtube", "instagram")]
    waits, gone = Turn(desk, "extra"), Turn(desk, "gone")
    await settle()
    gone.task.cancel()
    leaves.task.cancel()
    await line.go(2)
    assert line.made_for[1:] == [("extra",)]
    assert line.cancelled == []
    assert not leaves.seen
    assert all(len(one.seen) == 1 for one in (first, stays, late, waits))


async def test_what_nobody_waits_for_is_not_made_to_its_end() -> None:
    line = Line()
    desk = desk_of(line)
    turns = [Turn(desk, "x"), Turn(desk, "facebook")]
    await settle()
    waits = Turn(desk, "youtube")
    await settle()
    for turn in turns:
        turn.task.cancel()
    await settle()
    assert line.cancelled == [("x", "facebook")]
    assert line.under_way == [("youtube",)]
    await line.go()
    assert len(waits.seen) == 1
    # The desk is as new.
    again = Turn(desk, "x")
    await line.go()
    assert len(again.seen) == 1


async def test_a_fault_in_making_ends_the_turns_that_took_part_and_no_other() -> None:
    line = Line()
    desk = desk_of(line)
    broken = [Turn(desk, "x"), Turn(desk, "facebook")]
    await settle()
    waits = Turn(desk, "youtube")
    line.breaks = True
    await settle()
    for end in tuple(line._ends):
        end.set()
    await settle()
    line.breaks = False
    for turn in broken:
        with pytest.raises(RuntimeError, match="a fault of ours"):
            await turn.task
    await line.go()
    assert len(waits.seen) == 1


async def test_a_fault_in_judging_ends_one_turn() -> None:
    line = Line()
    desk = desk_of(line)

    def breaks(observed: RoundObservation) -> Burst | None:
        raise RuntimeError("cannot be judged")

    broken = asyncio.create_task(desk.see_through("here", "x", READS, breaks))
    well = Turn(desk, "facebook", [READS] * 2)
    await line.go(2)
    with pytest.raises(RuntimeError, match="cannot be judged"):
        await broken
    assert len(well.seen) == 2


async def test_a_fault_before_anything_is_made_lets_nobody_wait() -> None:
    class Gone(Line):
        def joined(
            self, planned: Sequence[PlannedBurst], *, vantage: str
        ) -> tuple[PlannedBurst, ...]:
            raise KeyError("a platform that the configuration has no more")

    turns = [Turn(BurstDesk(Gone), name) for name in ("x", "facebook")]
    await settle()
    for turn in turns:
        with pytest.raises(KeyError):
            await turn.task


async def test_a_daemon_that_stops_begins_no_more() -> None:
    line, stops = Line(), asyncio.Event()
    desk = desk_of(line, stops.is_set)
    under_way = Turn(desk, "x")
    await settle()
    waits = Turn(desk, "facebook")
    await settle()
    stops.set()
    await line.go()
    assert under_way.task.done()
    assert waits.task.done()
    assert not waits.seen
    assert line.made_for == [("x",)]


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_comes_and_goes_nobody_waits_for_ever(seed: int) -> None:
    random, line = Random(seed), Line()
    desk = desk_of(line)
    turns: list[Turn] = []
    for step in range(30):
        match random.randrange(4):
            case 0 | 1:
                plans = [random.choice([READS, TOUCHES]) for _ in range(random.randint(1, 4))]
                turns.append(Turn(desk, f"p{step}", plans, at=random.choice("ab")))
            case 2 if turns:
                random.choice(turns).task.cancel()
            case _:
                await line.go()
    await line.go(len(turns) * 4 + 4)
    assert all(turn.task.done() for turn in turns)
    assert not line.under_way
    assert not desk._tables


@pytest.mark.parametrize("seed", range(60))
async def test_whatever_meets_in_one_turn_of_the_loop_is_no_fault(seed: int) -> None:
    """Ends, cancelled turns and the daemon's own stop, some turns of the loop apart or none."""
    random, line, stops = Random(seed), Line(), asyncio.Event()
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    desk = desk_of(line, stops.is_set)
    turns: list[Turn] = []
    for step in range(60):
        match random.randrange(5):
            case 0 | 1:
                plans = [random.choice([READS, TOUCHES]) for _ in range(random.randint(1, 4))]
                turns.append(Turn(desk, f"p{step}", plans, at=random.choice("ab")))
            case 2 | 3 if turns:
                for turn in random.sample(turns, random.randint(1, len(turns))):
                    turn.task.cancel()
            case 4:
                stops.set() if random.random() < 0.5 else stops.clear()
            case _:
                line.end()
        for _ in range(random.choice((0, 0, 1, 2, 3, 20))):
            await asyncio.sleep(0)
    await line.go(len(turns) * 4 + 4)
    assert all(turn.task.done() for turn in turns)
    assert not line.under_way
    assert not desk._tables
    del turns
    gc.collect()
    assert not faults
