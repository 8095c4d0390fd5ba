"""How long bytes take: slow start, flights, losses and timers. Pure.

A flow that loses nothing is reckoned flight by flight; one that may lose something, segment by
segment, as a sender does it that halves its window at each loss (RFC 5681, RFC 6298, RFC 8985):
slower than the best stacks are, so losses hurt here more than in reality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from synth.censor import Meeting
from synth.line import LineAtWork

SEGMENT = 1_448
PACKET = 1_500
FIRST_FLIGHT = 10
LARGEST_FLIGHT = 700
LEAST_TIMER = 0.2
MOST_BACKOFF = 6
PIECES = 4


@dataclass(slots=True)
class Delivery:
    """What arrived: (time, bytes in order); ``handed``: when the last of each would have, had
    nothing been in its way. ``lost``: segments; ``disordered``: segments that came before one that
    was lost."""

    samples: list[tuple[float, int]] = field(default_factory=list)
    handed: list[float] = field(default_factory=list)
    lost: int = 0
    disordered: int = 0
    whole: bool = False


@dataclass(slots=True)
class Flow:
    """A connection at work. ``received``: payload bytes that have come down it, in segments of
    ``segment``; ``stood_at``: when it came about."""

    line: LineAtWork
    random: Random
    meeting: Meeting
    rtt: float
    flight: int = FIRST_FLIGHT
    received: float = 0.0
    segment: int = SEGMENT
    stood_at: float = 0.0

    @property
    def packet(self) -> int:
        """Bytes of a full packet."""
        return self.segment + PACKET - SEGMENT

    @property
    def packets(self) -> tuple[int, int]:
        """How many have come, and how many have left."""
        return 4 + int(self.received // self.segment), 6 + int(self.received // (2 * self.segment))

    def ends(self, at: float) -> bool:
        """Whether the next segment, at that time, meets a silence that begins with it."""
        meeting = self.meeting
        if self.received + self.segment > meeting.cut_after:
            return True
        if sum(self.packets) + 1 > meeting.cut_packets:
            return True
        return at - self.stood_at > meeting.cut_seconds

    @property
    def round_trip(self) -> float:
        """With what the censor adds."""
        return self.rtt + self.meeting.delay_seconds


def deliver(flow: Flow, at: float, size: int, until: float) -> Delivery:
    """``size`` bytes, of which the first would arrive at ``at``; nothing counts after ``until``."""
    segments = max(1, -(-size // flow.segment))
    meeting, line = flow.meeting, flow.line
    loss = line.loss(at)
    if not meeting.slows and not meeting.silent and at < line.calm_until():
        calm = loss <= 0.0 or flow.random.random() < (1.0 - loss) ** segments
        if calm:
            made = _smooth(flow, at, size, segments, until)
            if made.samples and made.samples[-1][0] < line.calm_until():
                return made
            flow.flight = FIRST_FLIGHT
    return _rough(flow, at, size, segments, until)


def _smooth(flow: Flow, at: float, size: int, segments: int, until: float) -> Delivery:
    made = Delivery()
    finish, samples, handed = flow.line.finish, made.samples, made.handed
    busy, done, flight, rtt = at, 0, flow.flight, flow.rtt
    segment, packet = flow.segment, flow.packet
    first = True
    while done < segments:
        left = segments - done
        count = flight if flight < left else left
        if at > busy:
            busy = at
        step = count // PIECES or 1
        upto = done + count
        while done < upto:
            now = upto - done
            if first:
                now, first = 1, False
            elif step < now:
                now = step
            busy = finish(busy, now * packet)
            if busy > until:
                return made
            done += now
            came = done * segment
            samples.append((busy, came if came < size else size))
            handed.append(at)
        at += rtt
        flight = min(2 * flight, LARGEST_FLIGHT)
    flow.flight = flight
    flow.received += size
    made.whole = True
    return made


def _rough(flow: Flow, at: float, size: int, segments: int, until: float) -> Delivery:
    made = Delivery()
    meeting, line, random = flow.meeting, flow.line, flow.random
    missing: list[int] = []  # sent and lost, in order
    fresh, flight, backoff, probing = 0, flow.flight, 0, True
    busy, in_order, rtt = at, 0, flow.round_trip
    while missing or fresh < segments:
        if at > until or meeting.silent:
            return made
        again = missing[:flight]
        upto = min(segments, fresh + flight - len(again))
        passed, last = 0, at
        for number in (*again, *range(fresh, upto)):
            fresh = max(fresh, number + 1)
            arrival = _pass(flow, at, busy, line.loss(at), random)
            if arrival is None:
                made.lost += 1
                if number not in missing:
                    missing.append(number)
                continue
            busy = last = arrival
            passed += 1
            if number in missing:
                missing.remove(number)
            elif missing:
                made.disordered += 1
            front = missing[0] if missing else fresh
            if front > in_order and arrival <= until:
                in_order = front
                made.samples.append((arrival, min(size, in_order * flow.segment)))
                made.handed.append(at)
        if not missing:
            backoff = 0
            flight = min(2 * flight if probing else flight + 1, LARGEST_FLIGHT)
            at = max(at + rtt, last)
        elif passed >= 3:
            # Enough came after the loss to tell the sender at once.
            backoff, probing = 0, False
            flight = max(2, flight // 2)
            at = max(at + rtt, last)
        elif passed and (probe := _probe(flow, max(at, last) + 2.0 * rtt, busy)) is not None:
            # The last segment, sent again after silence, came: the sender learns what is missing.
            busy = at = probe
            missing.pop()
            made.disordered += bool(missing)
            if not missing and at <= until:
                in_order = fresh
                made.samples.append((at, min(size, in_order * flow.segment)))
                made.handed.append(at)
            at += rtt
            backoff, flight, probing = 0, 2, False
        else:
            backoff = 0 if passed else min(backoff + 1, MOST_BACKOFF)
            at = max(at, last) + (rtt + LEAST_TIMER) * 2.0 ** max(0, backoff - 1)
            flight, probing = 2 if passed else 1, True
    flow.flight = max(2, flight)
    made.whole = in_order >= segments
    return made


def _probe(flow: Flow, at: float, busy: float) -> float | None:
    """A tail-loss probe (RFC 8985)."""
    return _pass(flow, at, busy, flow.line.loss(at), flow.random)


def _pass(flow: Flow, at: float, busy: float, loss: float, random: Random) -> float | None:
    """When a segment arrives; ``None``: it does not."""
    meeting = flow.meeting
    if meeting.silent:
        return None
    if flow.ends(at):
        meeting.silent = True
        return None
    if loss and random.random() < loss:
        return None
    if meeting.loss and random.random() < meeting.loss:
        return None
    if meeting.loss_down and random.random() < meeting.loss_down:
        return None
    for bucket in meeting.buckets:
        if not bucket.take(max(at, 0.0), flow.packet):
            return None
    for queue in meeting.queues:
        passed = queue.offer(at, flow.packet)
        if passed is None:
            return None
        at = passed
    flow.received += flow.segment
    return flow.line.finish(max(at, busy), flow.packet)
