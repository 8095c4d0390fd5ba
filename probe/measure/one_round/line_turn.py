"""Whose turn it is on a vantage's line: what moves bytes has it alone, what only waits hands it on.

Two bodies at once would share the line, and each would seem slow. A handshake that gets no answer
and a read that has stalled take nothing from anybody: after ``PATIENCE_SECONDS`` without a byte, or
thrice as long with hardly any, such a leg hands its turn on, and waits for its deadline as the
sample that it is. So a platform that is silent holds neither its own other legs nor other
platforms.

Whoever began its round earlier goes first: the legs of a round, which are compared with each other,
stay together as long as they move, and another round fills what would else be waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar

from probe.measure.one_leg.pulse import Pulse

T = TypeVar("T")

# A SYN that was lost is sent again after a second (RFC 6298, section 2), and its answer is mostly
# there half a second later: a leg that loses one does not lose its turn.
PATIENCE_SECONDS = 1.5
# What brings less than a segment in three times as long takes nothing from anybody either: a byte
# now and then must not hold everybody.
TRICKLE_TIMES = 3.0
TRICKLE_BYTES = 1_448
# So many legs of a vantage wait for their deadlines at once; each holds a socket. A burst of four
# platforms has 27, and rounds of others go on beside it.
MOST_WAITING = 40


class LineTurn:
    """The turn on one vantage's line. ``patience_seconds``: after so long in silence it is handed
    on."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience = patience_seconds
        self._numbers = count()
        self._taken = False
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._room = asyncio.Semaphore(MOST_WAITING)

    def ticket(self) -> int:
        """The place of a round that begins now: before all that begin later."""
        return next(self._numbers)

    async def begin(
        self,
        ticket: int,
        leg: Callable[[Pulse], Coroutine[Any, Any, T]],
        group: asyncio.TaskGroup,
    ) -> asyncio.Task[T]:
        """Wait for the turn, begin ``leg`` as a task of ``group``, and come back as soon as it is
        over or only waits."""
        await self._room.acquire()
        try:
            await self._take(ticket)
        except BaseException:
            self._room.release()
            raise
        pulse = Pulse()
        task = group.create_task(leg(pulse))
        task.add_done_callback(lambda _: self._room.release())
        try:
            await self._while_it_moves(task, pulse)
        finally:
            # Soon, and not now: whoever began earlier asks for its next leg's turn in between.
            asyncio.get_running_loop().call_soon(self._hand_on)
        return task

    async def _while_it_moves(self, task: asyncio.Task[T], pulse: Pulse) -> None:
        span = TRICKLE_TIMES * self._patience
        came, until = 0, pulse.seconds + span
        while not task.done() and (left := self._patience - pulse.silent_seconds()) > 0.0:
            await asyncio.wait({task}, timeout=min(left, max(0.0, until - pulse.seconds)))
            if pulse.seconds >= until:
                if pulse.signs.received - came < TRICKLE_BYTES:
                    return
                came, until = pulse.signs.received, pulse.seconds + span

    async def _take(self, ticket: int) -> None:
        if not self._taken:
            self._taken = True
            return
        mine = asyncio.get_running_loop().create_future()
        heappush(self._queue, (ticket, next(self._numbers), mine))
        try:
            await mine
        except asyncio.CancelledError:
            # It may have been handed on in the very moment.
            if mine.done() and not mine.cancelled():
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        while self._queue:
            _, _, waiting = heappop(self._queue)
            if not waiting.done():
                waiting.set_result(None)
                return
        self._taken = False
