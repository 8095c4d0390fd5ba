"""What moves has the line alone; what only waits hands its turn on, and goes on waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from probe.measure.one_leg.pulse import Pulse, Signs
from probe.measure.one_round.line_turn import MOST_WAITING, LineTurn

PATIENCE = 0.1
Leg = Callable[[Pulse], Coroutine[Any, Any, str]]


class Line:
    """Notes which legs moved at the same time, and in which order they began."""

    def __init__(self) -> None:
        self.turn = LineTurn(PATIENCE)
        self.moving = self.most_moving = self.open = self.most_open = 0
        self.began: list[str] = []

    @contextmanager
    def _opened(self, name: str) -> Iterator[None]:
        self.began.append(name)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            yield
        finally:
            self.open -= 1

    def moves(self, name: str, seconds: float = 3 * PATIENCE) -> Leg:
        """A leg of which something comes all the time."""

        async def leg(pulse: Pulse) -> str:
            # More than a segment in each millisecond.
            pulse.follow(lambda: Signs(now := time.monotonic_ns(), received=now // 500))
            with self._opened(name):
                self.moving += 1
                self.most_moving = max(self.most_moving, self.moving)
                await asyncio.sleep(seconds)
                self.moving -= 1
            return name

        return leg

    def drips(self, name: str, seconds: float = 20 * PATIENCE) -> Leg:
        """A leg of which a byte comes now and then, until its deadline."""

        async def leg(pulse: Pulse) -> str:
            pulse.follow(lambda: Signs(now := time.monotonic_ns(), received=now // 50_000_000))
            with self._opened(name):
                await asyncio.sleep(seconds)
            return name

        return leg

    def waits(self, name: str, seconds: float = 10 * PATIENCE) -> Leg:
        """A leg of which nothing comes until its deadline."""

        async def leg(pulse: Pulse) -> str:
            began = time.monotonic_ns()
            pulse.follow(lambda: Signs(began))
            with self._opened(name):
                await asyncio.sleep(seconds)
            return name

        return leg

    async def round(self, *legs: Leg) -> list[str]:
        ticket = self.turn.ticket()
        async with asyncio.TaskGroup() as group:
            begun = [await self.turn.begin(ticket, leg, group) for leg in legs]
        return [task.result() for task in begun]


async def test_what_waits_does_not_hold_what_follows() -> None:
    line = Line()
    began = time.monotonic()
    made = await line.round(*(line.waits(str(n)) for n in range(6)), line.moves("last"))
    # One after the other they would take six deadlines and more.
    assert time.monotonic() - began < 3 * 10 * PATIENCE
    assert made == ["0", "1", "2", "3", "4", "5", "last"]
    assert line.most_open == 7


async def test_a_byte_now_and_then_holds_nobody() -> None:
    line = Line()
    dripping = asyncio.get_running_loop().create_task(
        line.round(*(line.drips("drip") for _ in range(3)))
    )
    await asyncio.sleep(0)
    well = asyncio.get_running_loop().create_task(line.round(line.moves("well", 0.02)))
    await asyncio.wait({dripping, well}, return_when=asyncio.FIRST_COMPLETED)
    assert well.done()
    assert not dripping.done()
    await dripping


async def test_what_moves_is_alone_whoever_asks() -> None:
    line = Line()
    await asyncio.gather(
        *(line.round(line.moves(f"{n}"), line.moves(f"{n}"), line.waits("")) for n in range(3))
    )
    assert line.most_moving == 1


async def test_the_legs_of_a_round_stay_together_while_they_move() -> None:
    line = Line()
    first, second = (
        line.round(line.moves(name, 0.05), line.moves(name, 0.05), line.moves(name, 0.05))
        for name in ("earlier", "later")
    )
    await asyncio.gather(first, second)
    assert line.began == ["earlier"] * 3 + ["later"] * 3


async def test_another_round_fills_the_time_in_which_one_only_waits() -> None:
    line = Line()
    silent = asyncio.get_running_loop().create_task(
        line.round(*(line.waits("silent") for _ in range(3)))
    )
    await asyncio.sleep(0)
    well = asyncio.get_running_loop().create_task(
        line.round(line.moves("well", 0.02), line.moves("well", 0.02))
    )
    await asyncio.wait({silent, well}, return_when=asyncio.FIRST_COMPLETED)
    assert well.done()
    assert not silent.done()
    await silent


async def test_who_is_cancelled_while_it_waits_for_its_turn_hands_it_on() -> None:
    line = Line()
    holder = asyncio.get_running_loop().create_task(line.round(line.moves("holder")))
    await asyncio.sleep(PATIENCE / 2)
    given_up = asyncio.get_running_loop().create_task(line.round(line.moves("given up")))
    after = asyncio.get_running_loop().create_task(line.round(line.moves("after")))
    await asyncio.sleep(PATIENCE / 2)
    given_up.cancel()
    await asyncio.wait_for(asyncio.gather(holder, after), 20)
    assert line.began == ["holder", "after"]


async def test_a_round_that_is_cancelled_ends_what_it_began() -> None:
    line = Line()
    made = asyncio.get_running_loop().create_task(
        line.round(*(line.waits("", 60.0) for _ in range(3)))
    )
    await asyncio.sleep(PATIENCE * 4)
    assert line.open == 3
    made.cancel()
    with pytest.raises(asyncio.CancelledError):
        await made
    assert line.open == 0
    assert await line.round(line.moves("next")) == ["next"]


async def test_so_many_wait_at_once_and_no_more() -> None:
    line = Line()
    line.turn = LineTurn(0.0)
    await line.round(*(line.waits("", 0.2) for _ in range(2 * MOST_WAITING + 1)))
    assert line.most_open == MOST_WAITING
