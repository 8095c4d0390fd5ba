"""The line as a model in virtual time. Pure: the time and the randomness are arguments.

A packet crosses three things in this order: the bottleneck (a queue in front of a link with a
rate), the air or cable (random loss; a lost packet has used the link), the way (delay, jitter).
Its departure is computed from its arrival and from what went before it, never from when the
computation happens to run, so the tardiness of a scheduler cannot add up.

Times are seconds on one clock that does not go back; sizes are bytes of IP.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from enum import StrEnum
from itertools import accumulate, pairwise
from random import Random

from msgspec import Struct

BITS = 8
MEGABIT = 1_000_000
# Below this a byte count is rounding.
DUST_BYTES = 1e-6


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} must lie between {least:g} and {most:g}, not {value!r}")


def _check_trace(trace: tuple[tuple[float, float], ...]) -> None:
    if len(trace) < 2:
        raise ValueError("a trace needs at least two points")
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(trace)):
        raise ValueError("the times of a trace must grow")
    if any(rate < 0 for _, rate in trace) or not any(rate for _, rate in trace):
        raise ValueError("the rates of a trace must not be negative, nor all zero")


class GilbertElliott(Struct, frozen=True, kw_only=True):
    """Loss in bursts: a chain of two states, stepped once per packet.

    ``to_bad``, ``to_good``: probabilities of leaving the good and the bad state. ``loss_good``,
    ``loss_bad``: of losing a packet in each. In the long run ``to_bad / (to_bad + to_good)`` of
    the packets meet the bad state.
    """

    to_bad: float
    to_good: float
    loss_good: float = 0.0
    loss_bad: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            _within(name, getattr(self, name), 0.0, 1.0)

    @property
    def loss(self) -> float:
        """The share of packets lost in the long run."""
        leaving = self.to_bad + self.to_good
        bad = self.to_bad / leaving if leaving else 0.0
        return bad * self.loss_bad + (1 - bad) * self.loss_good


class Direction(Struct, frozen=True, kw_only=True):
    """One direction of a line. The default is a perfect one.

    ``jitter_seconds``: standard deviation of the delay (normal; a delay is never negative).
    ``jitter_memory_seconds``: how long a deviation lasts (correlation ``exp(-t / memory)`` between
    packets ``t`` apart; 0: none). Unless ``reorder``, a packet never overtakes another, so jitter
    without memory delays a dense stream by more than ``delay_seconds`` on average.
    ``rate_bits_per_second``: the bottleneck's (``None``: no bottleneck). ``trace``: (seconds,
    Mbit/s), each rate holding until the next point's time and the last as long as the one before
    it, then again from the start; it is instead of a rate. ``trace_from_seconds``: where in the
    trace to begin. ``queue_bytes``: what may wait for the bottleneck, the packet being sent
    included; one that finds nothing waiting is always taken.
    """

    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    jitter_memory_seconds: float = 0.0
    reorder: bool = False
    loss: float = 0.0
    burst_loss: GilbertElliott | None = None
    rate_bits_per_second: float | None = None
    trace: tuple[tuple[float, float], ...] = ()
    trace_from_seconds: float = 0.0
    queue_bytes: int = 256 * 1024

    def __post_init__(self) -> None:
        for name in ("delay_seconds", "jitter_seconds", "jitter_memory_seconds", "queue_bytes"):
            _within(name, getattr(self, name), 0.0, math.inf)
        _within("loss", self.loss, 0.0, 1.0)
        if self.rate_bits_per_second is not None:
            if self.trace:
                raise ValueError("rate_bits_per_second and trace exclude each other")
            if not 0 < self.rate_bits_per_second < math.inf:
                raise ValueError("rate_bits_per_second must be positive")
        if self.trace:
            _check_trace(self.trace)


class Line(Struct, frozen=True, kw_only=True):
    """Both directions: ``down`` is towards the client."""

    down: Direction = Direction()
    up: Direction = Direction()


class Lost(StrEnum):
    """Why the line did not deliver a packet."""

    QUEUE = "queue"
    LOSS = "loss"


class Constant:
    """A link of one rate."""

    def __init__(self, bits_per_second: float) -> None:
        self._bytes_per_second = bits_per_second / BITS

    def carried(self, begin: float, end: float) -> float:
        """Bytes that the link can carry between two times."""
        return (end - begin) * self._bytes_per_second

    def finish(self, begin: float, size: float) -> float:
        """When the last of ``size`` bytes has left, the link being theirs from ``begin`` on."""
        return begin + size / self._bytes_per_second


class Trace:
    """A link whose rate follows a trace that began at ``origin``."""

    def __init__(self, trace: tuple[tuple[float, float], ...], origin: float) -> None:
        first = trace[0][0]
        times = [seconds - first for seconds, _ in trace]
        times.append(2 * times[-1] - times[-2])
        self._origin = origin
        self._times = times
        self._rates = [rate * MEGABIT / BITS for _, rate in trace]
        spans = [later - earlier for earlier, later in pairwise(times)]
        carried = (rate * span for rate, span in zip(self._rates, spans, strict=True))
        self._sums = [0.0, *accumulate(carried)]

    def _total(self, at: float) -> float:
        """Bytes that the link can carry from the origin to a time."""
        rounds, rest = divmod(at - self._origin, self._times[-1])
        i = bisect_right(self._times, rest, hi=len(self._rates)) - 1
        return rounds * self._sums[-1] + self._sums[i] + (rest - self._times[i]) * self._rates[i]

    def carried(self, begin: float, end: float) -> float:
        """Bytes that the link can carry between two times."""
        return self._total(end) - self._total(begin)

    def finish(self, begin: float, size: float) -> float:
        """When the last of ``size`` bytes has left, the link being theirs from ``begin`` on."""
        rounds, rest = divmod(self._total(begin) + size, self._sums[-1])
        # The first point at which that much has been carried: a stretch of rate 0 is not waited
        # out by bytes that were done before it.
        i = max(bisect_left(self._sums, rest) - 1, 0)
        within = (rest - self._sums[i]) / self._rates[i] if self._rates[i] else 0.0
        end = self._origin + rounds * self._times[-1] + self._times[i] + within
        return max(end, begin)


def capacity_of(direction: Direction, now: float) -> Constant | Trace | None:
    """The link of a direction that begins now; ``None``: no bottleneck."""
    if direction.trace:
        return Trace(direction.trace, now - direction.trace_from_seconds)
    if direction.rate_bits_per_second is not None:
        return Constant(direction.rate_bits_per_second)
    return None


class Bottleneck:
    """A drop-tail queue in front of a link. Packets must be offered in order of time."""

    def __init__(
        self, capacity: Constant | Trace, queue_bytes: float, *, busy_until: float = -math.inf
    ) -> None:
        self._capacity = capacity
        self._queue_bytes = queue_bytes
        self.busy_until = busy_until

    def waiting(self, at: float) -> float:
        """Bytes in the queue and on the link."""
        return self._capacity.carried(at, self.busy_until) if self.busy_until > at else 0.0

    def offer(self, at: float, size: int) -> float | None:
        """When the packet has left the link; ``None`` when the queue has no room for it."""
        waiting = self.waiting(at)
        if waiting > DUST_BYTES and waiting + size > self._queue_bytes + DUST_BYTES:
            return None
        self.busy_until = self._capacity.finish(max(at, self.busy_until), size)
        return self.busy_until


class Channel:
    """One direction at work.

    ``before``: the channel that this one replaces on a running line. Packets on their way keep
    their departures, and later ones queue behind them and do not overtake them.
    """

    def __init__(
        self, direction: Direction, random: Random, now: float, before: Channel | None = None
    ) -> None:
        self.direction = direction
        self._random = random
        self._last_arrival: float = before._last_arrival if before else now
        self._last_departure: float = before._last_departure if before else -math.inf
        self._bad = False
        self._deviation = 0.0
        self._deviation_at = -math.inf
        capacity = capacity_of(direction, now)
        self._bottleneck = None
        if capacity is not None:
            link = before._bottleneck if before else None
            self._bottleneck = Bottleneck(
                capacity,
                direction.queue_bytes,
                busy_until=link.busy_until if link else -math.inf,
            )

    def cross(self, arrival: float, size: int) -> float | Lost:
        """When a packet comes out at the other end, or why it does not."""
        # Two sources of one channel may disagree by microseconds about what came first.
        at = self._last_arrival = max(arrival, self._last_arrival)
        if self._bottleneck is not None:
            left = self._bottleneck.offer(at, size)
            if left is None:
                return Lost.QUEUE
            at = left
        if self._loses():
            return Lost.LOSS
        at += self._delay(at)
        if not self.direction.reorder:
            at = max(at, self._last_departure)
            self._last_departure = at
        return at

    def _loses(self) -> bool:
        asked = self.direction
        if asked.loss and self._random.random() < asked.loss:
            return True
        chain = asked.burst_loss
        if chain is None:
            return False
        leave = chain.to_good if self._bad else chain.to_bad
        if self._random.random() < leave:
            self._bad = not self._bad
        return self._random.random() < (chain.loss_bad if self._bad else chain.loss_good)

    def _delay(self, at: float) -> float:
        asked = self.direction
        if not asked.jitter_seconds:
            return asked.delay_seconds
        memory = asked.jitter_memory_seconds
        kept = math.exp((self._deviation_at - at) / memory) if memory else 0.0
        fresh = math.sqrt(1 - kept * kept)
        self._deviation = kept * self._deviation + fresh * self._random.gauss(0.0, 1.0)
        self._deviation_at = at
        return max(asked.delay_seconds + asked.jitter_seconds * self._deviation, 0.0)
