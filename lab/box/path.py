"""The whole way of a packet through the box, in virtual time. Pure.

```
client ── line ── censor ── world
```

The censor stands at the world's end of the line: what comes down is judged before it queues for
the line, what goes up after it has crossed it. What the censor injects towards the client crosses
the line like everything else.
"""

from __future__ import annotations

import heapq
from collections import Counter
from enum import IntEnum
from random import Random
from typing import NamedTuple

from lab.box.censor import Censor, RuleCount
from lab.box.line import Channel, Direction, Line, Lost
from lab.box.packet import ETHERNET_BYTES, is_discovery
from lab.box.rules import Rule, Way
from lab.box.spec import BoxSpec, WayCount

CENSOR = "censor"


class Sending(NamedTuple):
    """A frame to be sent, and when it was due."""

    way: Way
    frame: bytes
    due: float


class _Stage(IntEnum):
    """Where a frame stands at the time of its event: at the censor, at the beginning of the line,
    at the end of its way."""

    CENSOR = 0
    LINE = 1
    END = 2


class _Tally:
    def __init__(self) -> None:
        self.received = 0
        self.received_bytes = 0
        self.injected = 0
        self.sent = 0
        self.sent_bytes = 0
        self.passed_by = 0
        self.dropped: Counter[str] = Counter()


class Path:
    """Takes frames with the time of their arrival, gives them back when they are due."""

    def __init__(self, spec: BoxSpec, now: float) -> None:
        random = Random(spec.seed)
        # Of their own, so that what one direction carries does not change the other's fate.
        self._randoms = {way: Random(random.getrandbits(64)) for way in Way}
        self._channels = {way: Channel(_of(spec.line, way), self._randoms[way], now) for way in Way}
        self._censor = Censor(spec.rules, Random(random.getrandbits(64)))
        self._events: list[tuple[float, int, _Stage, Way, bytes]] = []
        self._number = 0
        self._tallies = {way: _Tally() for way in Way}
        self._at_once: list[Sending] = []

    def set_line(self, line: Line, now: float) -> None:
        """Another line from now on; what is on its way stays on it."""
        for way in Way:
            before = self._channels[way]
            direction = _of(line, way)
            if direction != before.direction:
                self._channels[way] = Channel(direction, self._randoms[way], now, before)

    def set_rules(self, rules: tuple[Rule, ...]) -> None:
        """Other rules from now on."""
        self._censor.set_rules(rules)

    def forget(self) -> None:
        """Lose the censor's memory of flows and addresses."""
        self._censor.forget()

    def receive(self, way: Way, frame: bytes, at: float) -> None:
        """A frame has come in at one end."""
        tally = self._tallies[way]
        if is_discovery(frame):
            # A line's own round trip is no business of the neighbour table.
            tally.passed_by += 1
            self._at_once.append(Sending(way, frame, at))
            return
        tally.received += 1
        tally.received_bytes += len(frame) - ETHERNET_BYTES
        if way is Way.UP:
            self._enter_line(way, frame, at, _Stage.CENSOR)
        else:
            self._judge(way, frame, at)

    def advance(self, now: float) -> list[Sending]:
        """Everything that is due."""
        due, self._at_once = self._at_once, []
        events = self._events
        while events and events[0][0] <= now:
            at, _, stage, way, frame = heapq.heappop(events)
            if stage is _Stage.END:
                due.append(self._leave(way, frame, at))
            elif stage is _Stage.LINE:
                self._enter_line(way, frame, at, _Stage.END)
            elif self._censor.idle:
                due.append(self._leave(way, frame, at))
            else:
                self._judge(way, frame, at)
        return due

    def next_at(self) -> float | None:
        """When there is something to do next; ``None``: not before a frame comes in."""
        if self._at_once:
            return self._at_once[0].due
        return self._events[0][0] if self._events else None

    def counts(self) -> tuple[dict[Way, WayCount], dict[str, RuleCount]]:
        """Frames by direction, and what each rule did, since the start."""
        waiting = Counter(way for _, _, _, way, _ in self._events)
        ways = {
            way: WayCount(
                received=tally.received,
                received_bytes=tally.received_bytes,
                injected=tally.injected,
                sent=tally.sent,
                sent_bytes=tally.sent_bytes,
                dropped=dict(tally.dropped),
                waiting=waiting[way],
                passed_by=tally.passed_by,
            )
            for way, tally in self._tallies.items()
        }
        return ways, self._censor.counts()

    def _leave(self, way: Way, frame: bytes, at: float) -> Sending:
        tally = self._tallies[way]
        tally.sent += 1
        tally.sent_bytes += len(frame) - ETHERNET_BYTES
        return Sending(way, frame, at)

    def _enter_line(self, way: Way, frame: bytes, at: float, then: _Stage) -> None:
        out = self._channels[way].cross(at, len(frame) - ETHERNET_BYTES)
        if isinstance(out, Lost):
            self._tallies[way].dropped[out] += 1
        else:
            self._push(out, then, way, frame)

    def _judge(self, way: Way, frame: bytes, at: float) -> None:
        if self._censor.idle:
            self._go_on(way, frame, at, at)
            return
        judgement = self._censor.judge(way, frame, at)
        for passage in judgement.passages:
            self._go_on(passage.way, passage.frame, passage.at, at)
        for injected in judgement.injected:
            self._tallies[injected].injected += 1
        if judgement.dropped:
            self._tallies[way].dropped[CENSOR] += 1

    def _go_on(self, way: Way, frame: bytes, at: float, now: float) -> None:
        if way is Way.UP:
            self._push(at, _Stage.END, way, frame)
        elif at > now:
            self._push(at, _Stage.LINE, way, frame)
        else:
            self._enter_line(way, frame, at, _Stage.END)

    def _push(self, at: float, stage: _Stage, way: Way, frame: bytes) -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, stage, way, frame))


def _of(line: Line, way: Way) -> Direction:
    return line.down if way is Way.DOWN else line.up
