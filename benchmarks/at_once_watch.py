"""What ``benchmarks/everything_at_once.py`` takes down of a daemon, in the lab or in numbers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from benchmarks.at_once_plan import Made, Plan, Said, Told
from probe.app import Daemon
from probe.config.schema import Config
from probe.measure.one_round.round import Rounds
from probe.model.verdict import State
from probe.outlets.events import Event, RoundBegun, RoundJudged, RoundLate
from probe.outlets.order import OUTLETS
from probe.outlets.outlet import Parts

IMPAIRED = State.IMPAIRED.value


class Watch:
    """Takes down what the daemon does, from ``onset`` (monotonic) on."""

    def __init__(self, parts: Parts, plan: Plan) -> None:
        self._data, self._plan = parts.data, plan
        self.began = self.onset = time.monotonic()
        self.said: list[Said] = []
        self.made: list[Made] = []
        self.late = 0
        self.news = asyncio.Event()
        self._before = 0
        self._last: dict[str, str] = {}

    def tell(self, event: Event) -> None:
        """One event."""
        now = time.monotonic() - self.onset
        if isinstance(event, RoundBegun):
            pair = f"{event.vantage}/{event.platform}"
            self.made.append(Made(pair=pair, at=now, kind=event.kind.value))
        elif isinstance(event, RoundLate):
            self.late += 1
        elif isinstance(event, RoundJudged):
            observed, verdict = event.observed, event.verdict
            pair = f"{observed.vantage}/{observed.platform}"
            words = Said(
                pair=pair,
                at=now,
                state=verdict.state.value,
                reason=verdict.reason,
                rule=verdict.rule_id,
                signature=str(verdict.signature or ""),
                sentence=verdict.sentence,
            )
            if self._last.get(pair) != f"{words.state} {words.reason} {words.signature}":
                self._last[pair] = f"{words.state} {words.reason} {words.signature}"
                self.said.append(words)
                self.news.set()

    def begins(self) -> None:
        """What is waited for begins now: what was said before is forgotten."""
        self.onset, self.said, self._before = time.monotonic(), [], self.used()
        for one in self.made:
            one.at -= self.onset - self.began

    def all_said(self, *words: str) -> bool:
        """Whether one of these was said of every pair that was met."""
        said = {one.pair for one in self.said if one.state in words}
        return set(self._plan.met) <= said

    def enough(self, now: float) -> bool:
        """Whether all that can be awaited has been said."""
        plan, passed = self._plan, now - self.onset
        return (
            bool(plan.met)
            and passed >= plan.least_seconds
            and (
                self.all_said(plan.right)
                or (passed >= plan.enough_seconds and self.all_said(plan.right, IMPAIRED))
            )
        )

    async def until_enough(self, running: asyncio.Task[None]) -> Told:
        """Wait until all is said, or the plan's time is over."""
        plan, end = self._plan, self.onset + self._plan.most_seconds
        looks = [self.onset + s for s in (plan.least_seconds, plan.enough_seconds)]
        while (now := time.monotonic()) < end and not running.done() and not self.enough(now):
            self.news.clear()
            until = min(look for look in (*looks, end) if look > now)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(until - now):
                    await self.news.wait()
        return Told(
            said=self.said,
            made=self.made,
            late=self.late,
            seconds=time.monotonic() - self.onset,
            bytes=self.used() - self._before,
        )

    async def close(self) -> None:
        """It has begun nothing."""

    def used(self) -> int:
        """Bytes, by the data budget's count."""
        return sum(balance.used for balance in self._data.view().balances.values())


def watched(
    config: Config,
    plan: Plan,
    rounds_of: Callable[[Config, Rounds], Rounds] = lambda _, rounds: rounds,
) -> tuple[Daemon, Watch]:
    """A daemon, and who takes down what it does."""
    watches: list[Watch] = []

    def watching(parts: Parts) -> Watch:
        watches.append(Watch(parts, plan))
        return watches[0]

    daemon = Daemon(config, lambda: config, outlets=(*OUTLETS, watching), rounds_of=rounds_of)
    return daemon, watches[0]
