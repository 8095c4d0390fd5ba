"""The censor: a state machine from (packet, time) to what leaves it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
from msgspec import Struct, structs

from lab.box.enforce import Enforcer, Event, Passage, enforcer
from lab.box.flows import Flow, Flows
from lab.box.forge import readdressed
from lab.box.packet import Packet, parse
from lab.box.rules import Memory, Protocol, Rule, Way

Place = tuple[bytes | int, ...]
"""Client and address; with a port, protocol and port too."""


class RuleCount(Struct, kw_only=True):
    """What a rule has done: packets and bytes (of IP) it acted on, flows they belonged to, packets
    dropped, packets injected."""

    packets: int = 0
    bytes: int = 0
    flows: int = 0
    dropped: int = 0
    injected: int = 0


class Judgement(NamedTuple):
    """What leaves the censor because of a frame, whether the frame itself does, and where to the
    frames went that were not there before."""

    passages: list[Passage]
    dropped: bool = False
    injected: tuple[Way, ...] = ()


class _Active:
    """A rule at work."""

    def __init__(self, rule: Rule, random: Random, flows: Flows, count: RuleCount) -> None:
        self.rule = rule
        self._random = random
        self.protocols = rule.protocols
        self.count = count
        # Where a name has been seen: from when until when its flows are met.
        self.remembered: dict[Place, tuple[float, float]] = {}
        self.enforce: Enforcer = enforcer(rule, random, flows)

    def may_meet(self, flow: Flow) -> bool:
        """Whether what does not change in a flow's life fits."""
        match = self.rule.match
        return (
            (not self.protocols or not self.protocols.isdisjoint(flow.protocols))
            and (not match.ports or flow.server_port in match.ports)
            and match.has_address(flow.server)
        )

    def learn(self, flow: Flow, at: float) -> None:
        """Condemn a flow whose hello, seen at ``at``, fits."""
        match = self.rule.match
        hello = flow.hello
        if hello is None or not match.reads_hello:
            return
        rule = self.rule
        if not (match.has_name(hello.server_name) and match.has_fingerprint(hello.fingerprint)):
            return
        if rule.share < 1.0 and self._random.random() >= rule.share:
            return
        met_at = at + (self._random.choice(rule.reacts_seconds) if rule.reacts_seconds else 0.0)
        flow.condemned_by[self] = met_at
        if rule.memory is not Memory.FLOW:
            until = met_at + rule.remembers_seconds if rule.remembers_seconds else math.inf
            place = self._place(flow)
            begun, ends = self.remembered.get(place, (met_at, until))
            # What is remembered just now goes on.
            self.remembered[place] = (min(begun, met_at) if ends > at else met_at, until)

    def _place(self, flow: Flow) -> Place:
        protocol, client, server, _, port = flow.key
        return (client, server, *((protocol, port) if self.rule.memory is Memory.PORT else ()))

    def meets(self, event: Event, at: float) -> bool:
        """Whether the rule is for this packet, in a flow that it may meet."""
        match = self.rule.match
        if not match.reads_hello:
            return True
        flow = event.flow
        if Protocol.DNS in flow.protocols:
            return event.question is not None and match.has_name(_asked(event.question))
        if flow.condemned_by.get(self, math.inf) <= at:
            return True
        if not self.remembered:
            return False
        begun, until = self.remembered.get(self._place(flow), (math.inf, math.inf))
        return begun <= at < until


class Censor:
    """All rules at work, in their order."""

    def __init__(self, rules: Sequence[Rule], random: Random) -> None:
        self._random = random
        self._flows = Flows()
        self._active: list[_Active] = []
        self._counts: dict[str, RuleCount] = {}
        self._generation = 0
        self._busy = False
        self._reads_dns = False
        self.set_rules(rules)

    @property
    def idle(self) -> bool:
        """Whether every packet passes as it came."""
        return not self._busy

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the rules. One that stays as it was, but for being on or off, keeps what it has
        seen and its buckets; counters are kept by name."""
        if len({rule.name for rule in rules}) != len(rules):
            raise ValueError("two rules of one name")
        before = {active.rule.name: active for active in self._active}
        self._active = [self._activate(rule, before.get(rule.name)) for rule in rules]
        # Redirected flows stay redirected, as connection tracking has it.
        self._busy = self._flows.any_redirected or any(rule.enabled for rule in rules)
        self._reads_dns = any(
            Protocol.DNS in active.protocols or Protocol.UDP in active.protocols
            for active in self._active
        )
        self._generation += 1

    def _activate(self, rule: Rule, before: _Active | None) -> _Active:
        if before is not None and structs.replace(before.rule, enabled=rule.enabled) == rule:
            before.rule = rule
            return before
        count = self._counts.setdefault(rule.name, RuleCount())
        return _Active(rule, self._random, self._flows, count)

    def forget(self) -> None:
        """Lose all state but counters and rules: what happens when a line is reconnected."""
        self._flows = Flows()
        rules = [active.rule for active in self._active]
        self._active = []
        self.set_rules(rules)

    def counts(self) -> dict[str, RuleCount]:
        """By rule's name, since the start."""
        return {name: structs.replace(count) for name, count in self._counts.items()}

    def judge(self, way: Way, frame: bytes, at: float) -> Judgement:
        """What leaves the censor because of a frame."""
        packet = parse(frame)
        if packet is None:
            return Judgement([Passage(way, frame, at)])
        packet, flow = self._identify(packet, way)
        event = Event(packet, way, flow)
        if way is Way.UP and flow.read(packet):
            for active in flow.rules:
                if active.rule.enabled:
                    active.learn(flow, at)
        if self._reads_dns and Protocol.DNS in flow.protocols:
            event.question = _question(packet.data)
        return self._enforce(event, at)

    def _identify(self, packet: Packet, way: Way) -> tuple[Packet, Flow]:
        """The flow of a packet, and the packet as it was before a redirection."""
        if way is Way.DOWN and (flow := self._flows.redirected(packet)) is not None:
            original = parse(readdressed(packet, source=flow.server))
            assert original is not None
            packet = original
        flow = self._flows.of(packet, way)
        if flow.generation != self._generation:
            flow.rules = tuple(active for active in self._active if active.may_meet(flow))
            flow.generation = self._generation
        return packet, flow

    def _enforce(self, event: Event, at: float) -> Judgement:
        flow, packet = event.flow, event.packet
        before: list[Passage] = []
        after: list[Passage] = []
        until: float = at
        for active in flow.rules:
            rule = active.rule
            if not (rule.enabled and rule.acts_on(event.way) and active.meets(event, at)):
                continue
            count = active.count
            count.packets += 1
            count.bytes += packet.size_bytes
            if active not in flow.met_by:
                flow.met_by.add(active)
                count.flows += 1
            goes_on = active.enforce(event, until)
            for way, frame in event.injected:
                count.injected += 1
                # What follows the packet must not overtake it.
                (after if way is event.way else before).append(
                    Passage(way, self._out(way, frame, flow), until)
                )
            event.injected.clear()
            if goes_on is None:
                count.dropped += 1
                return _judgement(before, None, after)
            until = goes_on
        own = Passage(event.way, self._out(event.way, packet.frame, flow), until)
        return _judgement(before, own, after)

    @staticmethod
    def _out(way: Way, frame: bytes, flow: Flow) -> bytes:
        """A frame as it goes out: what is up a redirected flow gets its real address."""
        if way is Way.DOWN or flow.redirect is None:
            return frame
        packet = parse(frame)
        assert packet is not None
        return readdressed(packet, destination=flow.redirect)


def _judgement(before: list[Passage], own: Passage | None, after: list[Passage]) -> Judgement:
    injected = tuple(passage.way for passage in (*before, *after))
    passages = [*before, *after] if own is None else [*before, own, *after]
    return Judgement(passages, own is None, injected)


def _question(payload: bytes) -> dns.message.Message | None:
    """The DNS message in a datagram, if it is one and has one question."""
    try:
        message = dns.message.from_wire(payload)
    except dns.exception.DNSException:
        return None
    return message if len(message.question) == 1 else None


def _asked(message: dns.message.Message) -> str:
    return message.question[0].name.to_text(omit_final_dot=True).lower()
