"""Delivers what waits for each receiver: one letter at a time, and again until it is taken."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence

from probe.config.schema import NotifyReceiver
from probe.publish.notify.delivery import Delivered, deliver
from probe.publish.notify.mailbag import Letter, Mailbag
from probe.publish.notify.notices import Notice

log = logging.getLogger(__name__)

FIRST_AGAIN_SECONDS = 60.0
MOST_AGAIN_SECONDS = 3_600.0

Delivers = Callable[[NotifyReceiver, Letter], Awaitable[Delivered]]


class Postman:
    """Has a bag for each receiver, by its name. ``kept`` is called when a bag has changed.
    ``gather_seconds``: what comes within this time goes together, and no receiver gets letters
    faster. One process runs at a time, whoever it is for."""

    def __init__(
        self,
        kept: Callable[[], None],
        *,
        deliver: Delivers = deliver,
        again_seconds: float = FIRST_AGAIN_SECONDS,
    ) -> None:
        self._kept, self._deliver, self._again = kept, deliver, again_seconds
        self.bags: dict[str, Mailbag] = {}
        self._something: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: list[asyncio.Task[None]] = []
        self._one = asyncio.Lock()

    def start(self, receivers: Sequence[NotifyReceiver], gather_seconds: float) -> None:
        """Deliver to these from now on, and to no others. Needs a running loop."""
        self._end()
        names = {one.name for one in receivers}
        self.bags = {name: bag for name, bag in self.bags.items() if name in names}
        self._something = {name: asyncio.Event() for name in names}
        for one in receivers:
            if self.bags.setdefault(one.name, Mailbag()).waiting:
                self._something[one.name].set()
        self._tasks = [asyncio.create_task(self._serve(one, gather_seconds)) for one in receivers]

    def post(self, notices: Sequence[Notice]) -> None:
        """Tell every receiver."""
        for name, bag in self.bags.items():
            self.bags[name] = bag.with_more(tuple(notices))
            self._something[name].set()

    def take_up(self, bags: Mapping[str, Mailbag]) -> None:
        """What an earlier run left, before what this one has."""
        for name, bag in self.bags.items():
            earlier = bags.get(name)
            if earlier is not None and earlier.waiting:
                self.bags[name] = earlier.joined(bag)
                self._something[name].set()

    async def stop(self) -> None:
        """At once: what was not delivered waits."""
        self._end()
        await asyncio.gather(*self._stopping, return_exceptions=True)
        self._stopping = []

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._stopping = [one for one in (*self._stopping, *self._tasks) if not one.done()]
        self._tasks = []

    async def _serve(self, receiver: NotifyReceiver, gather_seconds: float) -> None:
        name, wait, last = receiver.name, 0.0, Delivered.WELL
        while True:
            await self._something[name].wait()
            # Receivers that came back are not asked by everybody in the same second.
            await asyncio.sleep(max(gather_seconds, wait * random.uniform(0.8, 1.2)))  # noqa: S311
            self._something[name].clear()
            bag = self.bags[name]
            if (letter := bag.letter()) is None:
                continue
            result = await self._attempt(receiver, letter)
            if result is Delivered.WELL:
                if last is not Delivered.WELL:
                    log.info("notifications are delivered again", extra={"receiver": name})
                self.bags[name] = self.bags[name].without(bag)
                self._kept()
                wait = 0.0
            else:
                if result is not last:
                    log.warning(
                        "a notification is not delivered yet",
                        extra={"receiver": name, "reason": result.name.lower()},
                    )
                wait = min(MOST_AGAIN_SECONDS, wait * 2.0 or self._again)
            last = result
            if self.bags[name].waiting:
                self._something[name].set()

    async def _attempt(self, receiver: NotifyReceiver, letter: Letter) -> Delivered:
        async with self._one:
            try:
                return await self._deliver(receiver, letter)
            except OSError:
                # No process can be started: too many, or no memory.
                return Delivered.FAILED
