"""Who restricts what, on the way: the scenarios' own values at work on modelled flows.

A flow is met at its SYN (by address, or because its address is remembered) or at its hello (by
name). What it meets then slows, drops or ends it (``Meeting``), together with its line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from scenarios.model import (
    EVERY,
    CutOff,
    Delayed,
    DnsForged,
    Effect,
    HelloDropped,
    Impersonated,
    Impostor,
    Leaky,
    Lossy,
    Over,
    Policed,
    QuicDropped,
    Reset,
    Restricted,
    Scope,
    Shaped,
    Silent,
    Stack,
    SynDropped,
    Whom,
)

BITS = 8


class Bucket:
    """A policer's token bucket, full at first."""

    def __init__(self, bytes_per_second: float, burst_bytes: float) -> None:
        self._rate = bytes_per_second
        self._burst = max(burst_bytes, 1_500.0)
        self._tokens = self._burst
        self._at = -math.inf

    def take(self, at: float, size: float) -> bool:
        """Whether the bucket covers a packet of ``size`` bytes at ``at``."""
        if at > self._at:
            if self._at > -math.inf:
                self._tokens = min(self._burst, self._tokens + (at - self._at) * self._rate)
            self._at = at
        if size > self._tokens:
            return False
        self._tokens -= size
        return True


class Queue:
    """A shaper: a slower link with a queue in front of it."""

    def __init__(self, bytes_per_second: float, queue_bytes: float) -> None:
        self._rate = bytes_per_second
        self._queue = queue_bytes
        self._busy_until = -math.inf

    def offer(self, at: float, size: float) -> float | None:
        """When the packet has passed; ``None``: the queue was full."""
        waiting = max(0.0, self._busy_until - at) * self._rate
        if waiting > 0.0 and waiting + size > self._queue:
            return None
        self._busy_until = max(at, self._busy_until) + size / self._rate
        return self._busy_until


@dataclass(slots=True)
class Meeting:
    """What acts on one flow from now on. ``loss``: of packets each way, ``loss_down``: of those
    that come down, beside it. ``cut_after``: bytes down until silence, ``cut_packets``: packets
    either way, ``cut_seconds``: since the connection stood, ``cut_resets``: no silence then, but a
    RST. ``opened``: the impostor makes certificates on the spot. ``spared``: no restriction meets
    it. ``no_large``: large packets vanish on the way down. ``over``: its transport. ``at``: when it
    began. ``side_by_side``: so many flows share what is kept for several, each of which is then met
    as if it had its part for itself."""

    buckets: list[Bucket] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    loss: float = 0.0
    loss_down: float = 0.0
    delay_seconds: float = 0.0
    cut_after: float = math.inf
    cut_packets: float = math.inf
    cut_seconds: float = math.inf
    cut_resets: bool = False
    silent: bool = False
    reset: bool = False
    no_syn: bool = False
    no_hello: bool = False
    no_large: bool = False
    impostor: Impostor | None = None
    opened: bool = False
    spared: bool = False
    over: Over = Over.TCP
    at: float = 0.0
    side_by_side: int = 1

    @property
    def slows(self) -> bool:
        """Whether packets have to be looked at one by one."""
        losing = self.loss or self.loss_down
        cut = min(self.cut_after, self.cut_packets, self.cut_seconds) < math.inf
        return bool(self.buckets or self.queues or losing) or cut

    def lost_up(self, line: float) -> float:
        """The share of packets up that are lost on a line which loses ``line`` of them."""
        return 1.0 - (1.0 - line) * (1.0 - self.loss)

    def lost_down(self, line: float) -> float:
        """The same of packets down."""
        return 1.0 - (1.0 - self.lost_up(line)) * (1.0 - self.loss_down)


class Censor:
    """All restrictions of a vantage. ``zone``: host → addresses. ``seed``: of what
    is drawn for each flow."""

    def __init__(self, zone: Mapping[str, Sequence[str]], seed: int = 0) -> None:
        self._zone = zone
        self._random = Random(seed)
        self._restrictions: tuple[Restricted, ...] = ()
        self._addresses: list[frozenset[str] | None] = []
        self._remembered: set[tuple[int, str]] = set()
        # Restriction and address: from when until when nothing that we send passes.
        self._residual: dict[tuple[int, str], tuple[float, float]] = {}
        self._shared: dict[tuple[int, int, str], Bucket | Queue] = {}

    def restrict(self, restrictions: Iterable[Restricted]) -> None:
        """Replace all restrictions; nothing is remembered of the old ones."""
        self._restrictions = tuple(r for r in restrictions if r.whom.stack is not Stack.OTHER)
        self._addresses = [self._reach(r) for r in self._restrictions]
        self._remembered.clear()
        self._residual.clear()
        self._shared.clear()

    def _reach(self, restricted: Restricted) -> frozenset[str] | None:
        """The addresses that are met; ``None``: all."""
        whom = restricted.whom
        spared = {a for host in whom.but_hosts for a in self._zone.get(host, ())}
        if EVERY in whom.hosts or not whom.hosts:
            if not spared:
                return None
            return frozenset(a for found in self._zone.values() for a in found) - spared
        found = {a for host in whom.hosts for a in self._zone.get(host, ())[: whom.edges]}
        return frozenset(found - spared)

    @property
    def idle(self) -> bool:
        """Nothing is restricted."""
        return not self._restrictions

    def question(self, name: str) -> DnsForged | None:
        """What is done to a question for ``name``."""
        for restricted in self._restrictions:
            for effect in restricted.effects:
                if isinstance(effect, DnsForged) and _named(restricted.whom.names, name):
                    return effect
        return None

    def syn(self, address: str, meeting: Meeting) -> None:
        """A connection to ``address`` begins."""
        if meeting.spared:
            return
        for index, restricted in enumerate(self._restrictions):
            if not _over(restricted.whom, meeting):
                continue
            begun, ends = self._residual.get((index, address), (math.inf, math.inf))
            meeting.silent = meeting.silent or begun <= meeting.at < ends
            if self._here(index, address) and (
                not _reads(restricted.whom) or (index, address) in self._remembered
            ):
                self._meet(index, restricted.effects, address, meeting)

    def hello(self, address: str, name: str, meeting: Meeting) -> None:
        """The hello says ``name``."""
        if meeting.spared:
            return
        for index, restricted in enumerate(self._restrictions):
            whom = restricted.whom
            if not _over(whom, meeting):
                continue
            if not _reads(whom) or not self._here(index, address) or not _named(whom.names, name):
                continue
            if whom.but_names and _named(whom.but_names, name):
                continue
            known = (index, address) in self._remembered
            if whom.lasting:
                self._remembered.add((index, address))
            if not known:
                self._meet(index, restricted.effects, address, meeting)

    def _here(self, index: int, address: str) -> bool:
        found = self._addresses[index]
        return found is None or address in found

    def _meet(self, index: int, effects: Sequence[Effect], address: str, meeting: Meeting) -> None:
        up = meeting.over is Over.UPLOAD
        for place, effect in enumerate(effects):
            match effect:
                case Policed(rate_bits_per_second=rate, burst_bytes=burst, scope=scope):
                    part = _part(meeting, scope)
                    full = Bucket(part * rate.value / BITS, part * burst.value)
                    bucket = self._of(
                        scope if part == 1.0 else Scope.FLOW, index, place, address, full, up=up
                    )
                    assert isinstance(bucket, Bucket)
                    meeting.buckets.append(bucket)
                case Shaped(rate_bits_per_second=rate, queue_bytes=most, scope=scope):
                    part = _part(meeting, scope)
                    empty = Queue(part * rate.value / BITS, part * most.value)
                    queue = self._of(
                        scope if part == 1.0 else Scope.FLOW, index, place, address, empty, up=up
                    )
                    assert isinstance(queue, Queue)
                    meeting.queues.append(queue)
                case Lossy(probability=probability, up=True):
                    meeting.loss = meeting.lost_up(probability.value)
                case Lossy(probability=probability):
                    left = (1.0 - meeting.loss_down) * (1.0 - probability.value)
                    meeting.loss_down = 1.0 - left
                case Delayed(round_trip_seconds=seconds):
                    meeting.delay_seconds += seconds.value
                case CutOff():
                    _cut(meeting, effect, self._restrictions[index].whom.over)
                case Silent():
                    meeting.silent = True
                case SynDropped():
                    meeting.no_syn = True
                case HelloDropped():
                    meeting.no_hello = True
                case Leaky(share=share):
                    if self._random.random() < share.value:
                        self._dropped(index, address, effect, meeting)
                case Reset():
                    # Nobody on the way can reset what is encrypted from the first answer on.
                    meeting.reset = meeting.over is not Over.QUIC
                case Impersonated(shows=shows):
                    meeting.impostor = shows
                case QuicDropped():
                    meeting.silent = meeting.silent or meeting.over is Over.QUIC
                case DnsForged():
                    pass

    def _dropped(self, index: int, address: str, effect: Leaky, meeting: Meeting) -> None:
        """A connection that does not leak."""
        seconds = self._random.choice(effect.reacts_seconds or (0.0,))
        if effect.reacts_seconds:
            meeting.cut_seconds = min(meeting.cut_seconds, seconds)
        else:
            meeting.no_hello = True
        if effect.residual.most:
            begins = meeting.at + seconds
            self._residual[index, address] = (begins, begins + effect.residual.value)

    def _of(
        self,
        scope: Scope,
        index: int,
        place: int,
        address: str,
        fresh: Bucket | Queue,
        *,
        up: bool,
    ) -> Bucket | Queue:
        if scope is Scope.FLOW:
            return fresh
        # Each way has its own.
        way = "up" if up else "down"
        key = (index, place, f"{way} {address if scope is Scope.ADDRESS else ''}")
        return self._shared.setdefault(key, fresh)


def _part(meeting: Meeting, scope: Scope) -> float:
    """Which part of what is kept for several flows is this one's."""
    return 1.0 if scope is Scope.FLOW else 1.0 / meeting.side_by_side


def _cut(meeting: Meeting, effect: CutOff, over: Over) -> None:
    """Bytes are those that come down, or, of what acts on uploads alone, those that go up."""
    if effect.after_bytes is not None and (meeting.over is Over.UPLOAD) is (over is Over.UPLOAD):
        meeting.cut_after = min(meeting.cut_after, effect.after_bytes.value)
    if effect.after_packets is not None:
        meeting.cut_packets = min(meeting.cut_packets, effect.after_packets.value)
    meeting.cut_resets = meeting.cut_resets or effect.resets
    if effect.after_seconds is not None:
        meeting.cut_seconds = min(meeting.cut_seconds, effect.after_seconds.value)


def _reads(whom: Whom) -> bool:
    """Whether it takes a hello to know."""
    return bool(whom.names or whom.but_names)


def _over(whom: Whom, meeting: Meeting) -> bool:
    if meeting.over is Over.UPLOAD:
        # What acts each way acts on what is sent.
        return whom.over in (Over.BOTH, Over.TCP, Over.UPLOAD)
    return whom.over in (Over.BOTH, meeting.over)


def _named(patterns: Sequence[str], name: str) -> bool:
    """``x.com`` is that name alone, ``.x.com`` also every name below it; no pattern: any name."""
    return not patterns or any(
        name == p or (p.startswith(".") and (name == p[1:] or name.endswith(p))) for p in patterns
    )
