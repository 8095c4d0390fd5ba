"""The line of a vantage: how fast, how far, how lossy, and how all that varies.

A ``LineModel`` is a value; ``LineAtWork`` is one with its random state. Rates are bytes of IP per
second, times are seconds on the world's clock, which only goes forward.
"""

from __future__ import annotations

import math
from random import Random

from msgspec import Struct

from lab.box.line import BITS, GilbertElliott, Line, Trace
from probe.model.identity import Access
from synth.chance import pareto

DAY = 86_400.0
HOUR = 3_600.0
Points = tuple[tuple[float, float], ...]
"""A capacity trace: (seconds, Mbit/s)."""


class LineModel(Struct, frozen=True, kw_only=True):
    """How a line behaves in the long run.

    ``noise_sd``: standard deviation of the logarithm of the capacity that a leg meets;
    ``noise_memory``: its correlation from one leg to the next. ``slow_sd`` and ``slow_memory``: the
    same from one round to the next, shared by the legs of a round. ``jitter_sd``: of the logarithm
    of a leg's round trip. ``loss``: share of packets lost at any time. ``fades_per_hour``: how
    often the line loses ``fade_loss`` of its packets, each time for a Pareto-distributed time of at
    least ``fade_seconds`` (index ``fade_index``; a small one has a heavy tail). ``evening``: share
    of the capacity that is gone at the daily peak; ``evening_queue_seconds`` is what a round trip
    is longer then. ``traces`` replace the rate: one after the other is replayed, without a pause
    between the legs of a round. ``up_share``: how fast it sends beside how fast it receives.
    """

    name: str
    access: Access = Access.FIXED
    bytes_per_second: float = 12_500_000.0
    rtt_seconds: float = 0.005
    noise_sd: float = 0.2
    noise_memory: float = 0.0
    slow_sd: float = 0.1
    slow_memory: float = 0.6
    jitter_sd: float = 0.05
    loss: float = 0.0002
    fades_per_hour: float = 0.1
    fade_seconds: float = 0.2
    fade_index: float = 1.5
    fade_loss: float = 0.5
    evening: float = 0.0
    evening_queue_seconds: float = 0.0
    traces: tuple[Points, ...] = ()
    up_share: float = 1.0


def still(name: str, access: Access, *, bytes_per_second: float, rtt_seconds: float) -> LineModel:
    """A line that never varies."""
    return LineModel(
        name=name,
        access=access,
        bytes_per_second=bytes_per_second,
        rtt_seconds=rtt_seconds,
        noise_sd=0.0,
        slow_sd=0.0,
        jitter_sd=0.0,
        loss=0.0,
        fades_per_hour=0.0,
    )


def from_box(name: str, line: Line, access: Access = Access.FIXED) -> LineModel:
    """The lab's line, as far as the client can tell: both delays, the way down, its losses.

    The noise is this world's mildest, because real packets on a real kernel have some too.
    """
    down, up = line.down, line.up
    rate = down.rate_bits_per_second
    rtt = max(down.delay_seconds + up.delay_seconds, 0.0005)
    chain = down.burst_loss or up.burst_loss
    return LineModel(
        name=name,
        access=access,
        bytes_per_second=rate / BITS if rate is not None else 125_000_000.0,
        rtt_seconds=rtt,
        noise_sd=0.05,
        slow_sd=0.05,
        slow_memory=0.0,
        jitter_sd=min(0.5, (down.jitter_seconds + up.jitter_seconds) / rtt + 0.02),
        loss=1.0 - (1.0 - down.loss) * (1.0 - up.loss),
        fades_per_hour=0.0 if chain is None else _fades_per_hour(chain),
        fade_seconds=0.05,
        fade_index=2.5,
        fade_loss=0.0 if chain is None else chain.loss_bad,
        traces=(down.trace,) if down.trace else (),
    )


def _fades_per_hour(chain: GilbertElliott) -> float:
    """A chain that steps once per packet has no rate in time; a busy leg sees a packet about every
    two milliseconds, which is what its bad spells are spaced by here."""
    return HOUR * chain.to_bad / 0.002 if chain.to_bad else 0.0


class LineAtWork:
    """A line with its present state. ``begin_round`` and ``begin_leg`` move its noise on."""

    def __init__(self, model: LineModel, random: Random, now: float) -> None:
        self.model = model
        self._random = random
        self._leg_noise = 0.0
        self._round_noise = 0.0
        self._share = 1.0
        self.rate = model.bytes_per_second
        self.queue_seconds = 0.0
        self.up_free = 1.0
        self._trace: Trace | None = None
        self._trace_until = -math.inf
        self._fade = (-math.inf, -math.inf)
        self._next_fade = self._draw_fade(now)

    def begin_round(self, now: float, *, share: float = 1.0, queue_seconds: float = 0.0) -> None:
        """``share`` of the capacity is ours (the rest is other traffic, an outage abroad...), and
        round trips take ``queue_seconds`` longer."""
        model, random = self.model, self._random
        kept = model.slow_memory
        self._round_noise = kept * self._round_noise + random.gauss(0.0, 1.0) * (
            model.slow_sd * math.sqrt(1.0 - kept * kept)
        )
        evening = _evening(now)
        self._share = share * (1.0 - model.evening * evening) * math.exp(self._round_noise)
        self.queue_seconds = queue_seconds + model.evening_queue_seconds * evening
        if model.traces and now >= self._trace_until:
            self._next_trace(now)

    def begin_leg(self, now: float) -> None:
        """Another leg begins."""
        model = self.model
        kept = model.noise_memory
        self._leg_noise = kept * self._leg_noise + self._random.gauss(0.0, 1.0) * (
            model.noise_sd * math.sqrt(1.0 - kept * kept)
        )
        self.rate = model.bytes_per_second * self._share * math.exp(self._leg_noise)
        if self._trace is not None and now >= self._trace_until:
            self._next_trace(now)

    def _next_trace(self, now: float) -> None:
        points = self._random.choice(self.model.traces)
        length = points[-1][0] - points[0][0]
        offset = self._random.random() * length
        self._trace = Trace(points, now - offset)
        self._trace_until = now - offset + max(length, 30.0)

    def finish(self, begin: float, size: float) -> float:
        """When the last of ``size`` bytes has crossed, the line being theirs from ``begin`` on."""
        if self._trace is not None:
            # The share of the trace's capacity that is ours: as if there were more bytes.
            return self._trace.finish(begin, size / self._share)
        return begin + size / self.rate

    def round_trip(self, distance_seconds: float) -> float:
        """A leg's round trip to somebody ``distance_seconds`` beyond the line."""
        base = self.model.rtt_seconds + distance_seconds
        jitter = self.model.jitter_sd
        if jitter:
            base *= math.exp(abs(self._random.gauss(0.0, jitter)))
        return base + self.queue_seconds

    def loss(self, at: float) -> float:
        """Share of the packets that are lost at ``at``; times must not go back by much."""
        while at >= self._next_fade[0]:
            self._fade = self._next_fade
            self._next_fade = self._draw_fade(self._fade[1])
        begin, end = self._fade
        return self.model.fade_loss if begin <= at < end else self.model.loss

    def _draw_fade(self, after: float) -> tuple[float, float]:
        per_hour = self.model.fades_per_hour
        if per_hour <= 0.0:
            return math.inf, math.inf
        begin = after + self._random.expovariate(per_hour / HOUR)
        lasts = pareto(self._random, self.model.fade_seconds, self.model.fade_index, most=300.0)
        return begin, begin + lasts

    def calm_until(self) -> float:
        """Until when nothing but the even loss goes missing."""
        return self._next_fade[0]


# Load over the day, by hour of local time: a long evening, a quiet night.
_LOAD = (
    *(0.3, 0.15, 0.05, 0.0, 0.0, 0.0, 0.05, 0.15, 0.2, 0.25, 0.3, 0.3),
    *(0.35, 0.35, 0.35, 0.4, 0.45, 0.5, 0.65, 0.8, 0.95, 1.0, 0.85, 0.6),
)


def _evening(now: float) -> float:
    hour = now % DAY / HOUR
    before = int(hour)
    return _LOAD[before] + (hour - before) * (_LOAD[(before + 1) % 24] - _LOAD[before])
