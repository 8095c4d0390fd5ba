"""The daemon of one cell of ``benchmarks/everything_at_once.py``, in the client's namespace.

    python -m benchmarks.at_once_daemon PLAN

The real daemon with its server, schedule, data budget, history and rounds on the lab's wire; only
idle time is skipped. Prints one line of JSON, which is a ``Told``.
"""

from __future__ import annotations

# First, because it replaces the clocks that everything else takes hold of.
from benchmarks.skipping_time import CLOCK, SkippingLoop, under_way  # isort: skip

import asyncio
import contextlib
import gc
import logging
import os
import sys
import time
from pathlib import Path

import click
import msgspec

from benchmarks.at_once_plan import Made, Plan, Said, Told
from benchmarks.seldom import look_seldom
from lab.box.control import BoxControl
from probe.app import Daemon
from probe.config import load
from probe.daemon.judging import Judging
from probe.measure.round import Rounds
from probe.model.verdict import State
from probe.outlets.events import Event, RoundBegun, RoundJudged, RoundLate
from probe.outlets.order import OUTLETS
from probe.outlets.outlet import Parts

# What lives in real time in the box: 64 KiB of a queue at 150 kbit/s.
SETTLE_SECONDS = 4.0


IMPAIRED = State.IMPAIRED.value


class Watch:
    """Takes down what the daemon does, from ``onset`` (monotonic) on."""

    def __init__(self, parts: Parts, plan: Plan) -> None:
        self._data, self._plan = parts.data, plan
        self.onset = time.monotonic()
        self.said: list[Said] = []
        self.made: list[Made] = []
        self.late = 0
        self.news = asyncio.Event()
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

    async def close(self) -> None:
        """It has begun nothing."""

    def used(self) -> int:
        """Bytes, by the data budget's count."""
        return sum(balance.used for balance in self._data.view().balances.values())


async def live(plan: Plan) -> Told:
    """From the start to the end of the cell."""
    config = load(Path(plan.main_file), {})
    began = CLOCK.skipped_ns, time.monotonic()
    watches: list[Watch] = []

    def watching(parts: Parts) -> Watch:
        watches.append(Watch(parts, plan))
        return watches[0]

    daemon = Daemon(config, lambda: config, outlets=(*OUTLETS, watching))
    watch = watches[0]
    running = asyncio.create_task(daemon.run())
    if plan.onset_seconds:
        await asyncio.sleep(plan.onset_seconds)
    if plan.rules:
        CLOCK.settle_seconds = SETTLE_SECONDS
        with BoxControl(Path(plan.box)) as box:
            box.set_rules(plan.rules)
    watch.onset, watch.said, before = time.monotonic(), [], watch.used()
    for one in watch.made:
        one.at -= watch.onset - began[1]
    end = watch.onset + plan.most_seconds
    looks = [watch.onset + s for s in (plan.least_seconds, plan.enough_seconds)]
    while (now := time.monotonic()) < end and not running.done() and not watch.enough(now):
        watch.news.clear()
        until = min(look for look in (*looks, end) if look > now)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watch.news.wait(), until - now)
    told = Told(
        said=watch.said,
        made=watch.made,
        late=watch.late,
        seconds=time.monotonic() - watch.onset,
        skipped_seconds=(CLOCK.skipped_ns - began[0]) / 1e9,
        bytes=watch.used() - before,
        wall_end=0.0,
    )
    daemon.stop()
    await running
    told.wall_end = time.time()
    return told


@click.command(help=__doc__)
@click.argument("plan", type=click.Path(path_type=Path))
def main(plan: Path) -> None:
    """Run and print."""
    made = msgspec.json.decode(plan.read_bytes(), type=Plan)
    look_seldom()
    under_way(Rounds, Judging)
    CLOCK.wall_offset = made.wall_begin - CLOCK.wall() if made.wall_begin else 0.0
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
    # As the daemon does (probe/cli.py).
    gc.collect()
    gc.freeze()
    loop = SkippingLoop()
    told = loop.run_until_complete(live(made))
    print(msgspec.json.encode(told).decode(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
