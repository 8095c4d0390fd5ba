"""What each action does to a packet that its rule has met. Pure: time and randomness are given.

An enforcer says when the packet goes on, or ``None`` when it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from random import Random
from typing import Generic, NamedTuple, TypeVar

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from lab.box.flows import Flow, Flows
from lab.box.forge import datagram_back, packed, reset_back, reset_on
from lab.box.line import BITS, Bottleneck, Constant
from lab.box.packet import ACK, RST, SYN, TCP, Packet
from lab.box.rules import (
    CutOff,
    Delay,
    DropHello,
    DropSyn,
    ForgeDns,
    Lose,
    Police,
    Redirect,
    Reset,
    Rule,
    Scope,
    Shape,
    Silence,
    Way,
)

T = TypeVar("T")


class Passage(NamedTuple):
    """A frame that leaves the censor, and when."""

    way: Way
    frame: bytes
    at: float


@dataclass(slots=True)
class Event:
    """A packet at the censor, with the question in it if it is DNS, and what was made of it."""

    packet: Packet
    way: Way
    flow: Flow
    question: dns.message.Message | None = None
    injected: list[tuple[Way, bytes]] = field(default_factory=list)


Enforcer = Callable[[Event, float], "float | None"]


class Kept(Generic[T]):
    """What a rule keeps once per flow, per (client, address) or at all; per direction or not."""

    def __init__(self, scope: Scope, make: Callable[[], T]) -> None:
        self._scope = scope
        self._make = make
        self._shared: dict[tuple[bytes, bytes, Way | None] | Way | None, T] = {}

    def of(self, event: Event, way: Way | None = None) -> T:
        if self._scope is Scope.ADDRESS:
            return self._in_shared((event.flow.client, event.flow.server, way))
        if self._scope is Scope.ALL:
            return self._in_shared(way)
        kept = event.flow.kept
        found: T | None = kept.get((self, way))
        if found is None:
            found = kept[self, way] = self._make()
        return found

    def _in_shared(self, key: tuple[bytes, bytes, Way | None] | Way | None) -> T:
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = self._make()
        return found


class TokenBucket:
    """A policer: never lets through more than rate * time + burst. Full at first."""

    def __init__(self, rate_bits_per_second: float, burst_bytes: int) -> None:
        self._bytes_per_second = rate_bits_per_second / BITS
        self._burst = float(burst_bytes)
        self._tokens = self._burst
        self._at: float | None = None

    def take(self, at: float, size: int) -> bool:
        """Whether the bucket covers a packet; if so it has paid."""
        if self._at is not None and at > self._at:
            filled = self._tokens + (at - self._at) * self._bytes_per_second
            self._tokens = min(filled, self._burst)
        self._at = at if self._at is None else max(at, self._at)
        if size > self._tokens:
            return False
        self._tokens -= size
        return True


@dataclass(slots=True)
class Count:
    """What has passed since when, and whether that was too much."""

    bytes: int = 0
    packets: int = 0
    began: float | None = None
    over: bool = False

    def takes(self, rule: CutOff, size: int, at: float) -> bool:
        """Whether a packet with ``size`` bytes of payload passes."""
        if self.began is None:
            self.began = at
        full = bool(rule.after_bytes) and self.bytes + size > rule.after_bytes
        many = bool(rule.after_packets) and self.packets >= rule.after_packets
        late = bool(rule.after_seconds) and at - self.began > rule.after_seconds
        self.over = self.over or full or many or late
        if not self.over:
            self.bytes += size
            self.packets += 1
        return not self.over


def enforcer(rule: Rule, random: Random, flows: Flows) -> Enforcer:
    """The rule's action, ready to act."""
    match rule.action:
        case Police(rate_bits_per_second=rate, burst_bytes=burst):
            return partial(_police, Kept(rule.scope, partial(TokenBucket, rate, burst)))
        case Shape(rate_bits_per_second=rate, queue_bytes=queue):
            link = Constant(rate)
            return partial(_shape, Kept(rule.scope, partial(Bottleneck, link, queue)))
        case Lose(probability=probability):
            return lambda _, at: None if random.random() < probability else at
        case Delay(seconds=seconds, jitter_seconds=0.0):
            return lambda _, at: at + seconds
        case Delay():
            return partial(_delay, Kept(Scope.FLOW, list), rule.action, random)
        case CutOff():
            return partial(_cut_off, Kept(rule.scope, Count), rule.action)
        case Silence():
            return lambda _, __: None
        case DropSyn():
            return _drop_syn
        case DropHello():
            return _drop_hello
        case Reset():
            return partial(_reset, rule.action)
        case ForgeDns():
            return partial(_forge_dns, rule.action)
        case Redirect(address=address):
            return partial(_redirect, flows, packed(address))


def _police(buckets: Kept[TokenBucket], event: Event, at: float) -> float | None:
    covered = buckets.of(event, event.way).take(at, event.packet.size_bytes)
    return at if covered else None


def _shape(queues: Kept[Bottleneck], event: Event, at: float) -> float | None:
    return queues.of(event, event.way).offer(at, event.packet.size_bytes)


def _delay(
    last: Kept[list[float]], rule: Delay, random: Random, event: Event, at: float
) -> float | None:
    gone = last.of(event, event.way)
    leaves = at + max(0.0, random.gauss(rule.seconds, rule.jitter_seconds))
    gone[:] = [max([leaves, *gone])]
    return gone[0]


def _cut_off(counts: Kept[Count], rule: CutOff, event: Event, at: float) -> float | None:
    packet = event.packet
    if counts.of(event).takes(rule, packet.data_bytes, at):
        return at
    if rule.resets and event.way is Way.DOWN and packet.protocol == TCP and not packet.flags & RST:
        event.injected.append((Way.DOWN, reset_on(packet, packet.sequence)))
    return None


def _drop_syn(event: Event, at: float) -> float | None:
    opens = event.way is Way.UP and event.packet.flags & (SYN | ACK) == SYN
    return None if opens else at


def _drop_hello(event: Event, at: float) -> float | None:
    if event.way is Way.DOWN:
        return at
    if event.packet.protocol != TCP:
        return None
    offset = event.flow.offset(event.packet)
    within = offset is not None and 0 <= offset < event.flow.hello_bytes
    return None if within and event.packet.data_bytes else at


def _reset(action: Reset, event: Event, at: float) -> float | None:
    packet = event.packet
    # An answer to a RST would be answered with a RST.
    if event.way is Way.UP and packet.protocol == TCP and not packet.flags & RST:
        if action.to_client:
            event.injected.append((Way.DOWN, reset_back(packet)))
        if action.to_server and not packet.flags & SYN:
            passed = 0 if action.swallow else packet.sequence_bytes
            event.injected.append((Way.UP, reset_on(packet, packet.sequence + passed)))
    return None if action.swallow else at


def _forge_dns(action: ForgeDns, event: Event, at: float) -> float | None:
    if event.way is Way.DOWN or event.question is None:
        return at
    answer = forged_answer(action, event.question)
    event.injected.append((Way.DOWN, datagram_back(event.packet, answer.to_wire())))
    return at if action.beside else None


def forged_answer(action: ForgeDns, query: dns.message.Message) -> dns.message.Message:
    """The lie, as the resolver would have said it."""
    answer = dns.message.make_response(query, recursion_available=True)
    if action.nxdomain:
        answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
    question = query.question[0]
    version = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}.get(question.rdtype)
    lies = [a for a in action.addresses if ip_address(a).version == version]
    if lies:
        answer.answer.append(
            dns.rrset.from_text_list(
                question.name, action.ttl_seconds, question.rdclass, question.rdtype, lies
            )
        )
    return answer


def _redirect(flows: Flows, address: bytes, event: Event, at: float) -> float | None:
    flow = event.flow
    if flow.fresh and event.way is Way.UP and len(flow.server) == len(address):
        flows.redirect(flow, address)
    return at
