"""Bursts of several platforms in one: plans that come while a burst is being made wait for its end,
and are then made together.

The first plan is made at once. What cannot be made in one with it (other bytes, another family,
other controls) is a burst of its own, beside it: the legs take turns on the line as all legs do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares, Family
from probe.model.observation import RoundObservation

Judge = Callable[[RoundObservation], Burst | None]
"""Says what a burst means for one platform, and which burst is to follow."""


class MakesBursts(Protocol):
    """``probe.measure.bursts.bursts.Bursts``."""

    def joined(self, planned: Sequence[PlannedBurst], *, vantage: str) -> tuple[PlannedBurst, ...]:
        """The first, and those of the others that can be made with it in one."""

    def made(
        self, planned: Sequence[PlannedBurst], *, vantage: str
    ) -> Awaitable[tuple[RoundObservation, ...]]:
        """What the burst of all of them saw, for each."""


class _Case:
    """A platform whose bursts are made until its judge asks for no more."""

    def __init__(self, platform: str, burst: Burst, judge: Judge) -> None:
        self.planned = PlannedBurst(platform, burst)
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._judge = judge

    def judged(self, observed: RoundObservation) -> bool:
        """Whether another burst follows."""
        try:
            following = self._judge(observed)
        except Exception as error:
            self.fails(error)
            return False
        if following is None:
            self.ends()
            return False
        self.planned = PlannedBurst(self.planned.platform, following)
        return True

    def ends(self) -> None:
        """Nothing follows. Whoever was cancelled in this turn of the loop has left already."""
        if not self.closed.done():
            self.closed.set_result(None)

    def fails(self, error: BaseException) -> None:
        """Nothing follows, because of ``error``."""
        if not self.closed.done():
            self.closed.set_exception(error)


class _Table:
    """The bursts of one kind from one vantage, one after the other."""

    def __init__(self) -> None:
        self.waiting: list[_Case] = []
        self.under_way: list[_Case] = []
        self.burst: asyncio.Task[tuple[RoundObservation, ...]] | None = None


_Kind = tuple[str, Family, Compares, int]


class BurstDesk:
    """Takes the plans of all vantages. ``bursts`` says who makes them: a reload has another.
    ``stopping``: no more are begun."""

    def __init__(
        self, bursts: Callable[[], MakesBursts], stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._bursts = bursts
        self._stopping = stopping
        self._tables: dict[_Kind, _Table] = {}

    async def see_through(self, vantage: str, platform: str, burst: Burst, judge: Judge) -> None:
        """Make ``burst`` and what ``judge`` asks for after it, until it asks for nothing.

        Raises what ``judge`` raises, and what goes wrong in making it. If this is cancelled, the
        bursts of others go on.
        """
        case = _Case(platform, burst, judge)
        self._hand_in(vantage, case)
        try:
            await case.closed
        finally:
            await self._leave(case)

    def _hand_in(self, vantage: str, case: _Case) -> None:
        burst = case.planned.burst
        kind = (vantage, burst.family, burst.compares, burst.read_bytes)
        self._tables.setdefault(kind, _Table()).waiting.append(case)
        self._begin(kind)

    def _begin(self, kind: _Kind) -> None:
        """The next burst of ``kind``, unless one is under way."""
        table = self._tables[kind]
        if table.burst is not None:
            return
        if self._stopping():
            for case in table.waiting:
                case.ends()
            table.waiting.clear()
        if not table.waiting:
            del self._tables[kind]
            return
        table.burst = asyncio.get_running_loop().create_task(self._made(kind[0], table))
        table.burst.add_done_callback(lambda burst: self._ended(kind, table, burst))

    async def _made(self, vantage: str, table: _Table) -> tuple[RoundObservation, ...]:
        # If it goes wrong from here on, it does so for all that take part.
        table.under_way, table.waiting = table.waiting, []
        if not table.under_way:
            return ()  # whoever asked for it has left in between
        bursts = self._bursts()
        joined = bursts.joined([case.planned for case in table.under_way], vantage=vantage)
        table.waiting = [case for case in table.under_way if case.planned not in joined]
        table.under_way = [case for case in table.under_way if case.planned in joined]
        return await bursts.made(joined, vantage=vantage)

    def _ended(
        self, kind: _Kind, table: _Table, burst: asyncio.Task[tuple[RoundObservation, ...]]
    ) -> None:
        made, table.under_way, table.burst = table.under_way, [], None
        if burst.cancelled():
            for case in made:
                case.closed.cancel()
        elif (error := burst.exception()) is not None:
            for case in made:
                case.fails(error)
        else:
            seen = {observed.platform: observed for observed in burst.result()}
            for case in made:
                if not case.closed.done() and case.judged(seen[case.planned.platform]):
                    # It begins in the next turn of the loop, when all of these are judged: what
                    # follows is made in one again.
                    self._hand_in(kind[0], case)
        if kind in self._tables:
            self._begin(kind)

    async def _leave(self, case: _Case) -> None:
        """``case`` is closed. What nobody waits for is not made."""
        for table in self._tables.values():
            if case in table.waiting:
                table.waiting.remove(case)
            if case in table.under_way and all(one.closed.done() for one in table.under_way):
                burst = table.burst
                if burst is not None:
                    burst.cancel()
                    await asyncio.wait({burst})
                    return
