"""From what a scenario says to what the box is told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random

from msgspec import Struct, structs

from lab.box import rules as box
from lab.box.line import Direction, Line
from lab.net import WORLD_ADDRESS
from scenarios import model
from scenarios.model import EVERY, Effect, LineKind, Restricted, Stack, Whom

HTTPS = 443


class Places(Struct, frozen=True, kw_only=True):
    """Where things are in a lab: the zone (name → addresses), the impostors by what they show, the
    JA3 fingerprints of each TLS stack, the resolvers on UDP that are not the host's."""

    zone: Mapping[str, tuple[str, ...]]
    impostors: Mapping[model.Impostor, tuple[str, ...]]
    fingerprints: Callable[[Stack], tuple[str, ...]]
    resolvers: tuple[str, ...] = ()

    def addresses(self, whom: Whom) -> tuple[str, ...]:
        """The addresses that are met; empty: every one."""
        if not whom.but_hosts and EVERY in whom.hosts:
            return ()
        hosts = list(self.zone) if EVERY in whom.hosts else whom.hosts
        spared = {a for host in whom.but_hosts for a in self.zone[host]}
        found = (a for host in hosts for a in _edges(self.zone[host], whom.edges))
        return tuple(dict.fromkeys(a for a in found if a not in spared))


def _edges(addresses: tuple[str, ...], count: int | None) -> tuple[str, ...]:
    """The first so many of each family."""
    if count is None:
        return addresses
    return tuple(a for mark in ".:" for a in [own for own in addresses if mark in own][:count])


def rules_for(happens: tuple[model.Happening, ...], places: Places) -> tuple[box.Rule, ...]:
    """The censor's rules for all that happens."""
    restricted = [each for each in happens if isinstance(each, Restricted)]
    made = [rule for each in restricted for rule in _rules(each, places)]
    return tuple(structs.replace(rule, name=f"{n}-{rule.name}") for n, rule in enumerate(made))


_PROTOCOLS: dict[model.Over, tuple[box.Protocol, ...]] = {
    model.Over.BOTH: (),
    model.Over.TCP: (box.Protocol.TCP,),
    model.Over.QUIC: (box.Protocol.QUIC,),
    model.Over.UPLOAD: (box.Protocol.TCP,),
}


def _rules(restricted: Restricted, places: Places) -> Iterator[box.Rule]:
    whom = restricted.whom
    match = box.Match(
        names=whom.names,
        but_names=whom.but_names,
        addresses=places.addresses(whom),
        fingerprints=places.fingerprints(whom.stack),
        protocols=_PROTOCOLS[whom.over],
    )
    for effect in restricted.effects:
        for rule in _effect(effect, match, whom, places):
            up = whom.over is model.Over.UPLOAD
            yield structs.replace(rule, reach=box.Reach.UP) if up else rule


def _effect(effect: Effect, match: box.Match, whom: Whom, places: Places) -> Iterator[box.Rule]:
    memory = box.Memory.ADDRESS if whom.lasting else box.Memory.FLOW
    match effect:
        case model.Policed(rate_bits_per_second=rate, burst_bytes=burst, scope=scope):
            action: box.Action = box.Police(
                rate_bits_per_second=rate.value, burst_bytes=round(burst.value)
            )
            yield box.Rule(
                name="police", action=action, match=match, memory=memory, scope=_scope(scope)
            )
        case model.Shaped(rate_bits_per_second=rate, queue_bytes=queue, scope=scope):
            action = box.Shape(rate_bits_per_second=rate.value, queue_bytes=round(queue.value))
            yield box.Rule(
                name="shape", action=action, match=match, memory=memory, scope=_scope(scope)
            )
        case model.Lossy(probability=probability, up=up):
            action = box.Lose(probability=probability.value)
            reach = box.Reach.BOTH if up else box.Reach.DOWN
            yield box.Rule(name="lose", action=action, match=match, memory=memory, reach=reach)
        case model.Delayed(round_trip_seconds=seconds):
            action = box.Delay(seconds=seconds.value / 2)
            yield box.Rule(name="delay", action=action, match=match, memory=memory)
        case model.CutOff():
            yield _cut(effect, match)
        case model.Silent():
            yield box.Rule(name="silence", action=box.Silence(), match=match, memory=memory)
        case model.SynDropped():
            yield box.Rule(name="drop-syn", action=box.DropSyn(), match=match)
        case model.HelloDropped():
            # Whatever its name: so that it is a hello at all.
            said = match if match.reads_hello else structs.replace(match, names=("*",))
            yield box.Rule(name="drop-hello", action=box.DropHello(), match=said)
        case model.Reset():
            yield box.Rule(name="reset", action=box.Reset(), match=match)
        case model.DnsForged():
            yield _forged(effect, whom, places)
        case model.Impersonated(shows=shows):
            at_https = structs.replace(match, protocols=(box.Protocol.TCP,), ports=(HTTPS,))
            for address in places.impostors[shows]:
                action = box.Redirect(address=address)
                family = "6" if ":" in address else "4"
                yield box.Rule(name=f"redirect{family}", action=action, match=at_https)
        case model.Leaky():
            yield _leaky(effect, match)
        case model.QuicDropped():
            quic = structs.replace(match, protocols=(box.Protocol.QUIC,))
            yield box.Rule(name="quic", action=box.Silence(), match=quic)


def _leaky(effect: model.Leaky, match: box.Match) -> box.Rule:
    residual = effect.residual.value
    return box.Rule(
        name="leaky",
        # Where the hello is let through, only what we send is dropped.
        action=box.Silence() if effect.reacts_seconds else box.DropHello(),
        reach=box.Reach.UP,
        match=match,
        share=effect.share.value,
        reacts_seconds=effect.reacts_seconds,
        memory=box.Memory.PORT if residual else box.Memory.FLOW,
        remembers_seconds=residual,
    )


def _cut(effect: model.CutOff, match: box.Match) -> box.Rule:
    if effect.after_packets is not None:
        action = box.CutOff(after_packets=round(effect.after_packets.value), resets=effect.resets)
        return box.Rule(name="cut", action=action, match=match)
    if effect.after_seconds is not None:
        action = box.CutOff(after_seconds=effect.after_seconds.value, resets=effect.resets)
        return box.Rule(name="cut", action=action, match=match)
    assert effect.after_bytes is not None
    # Replies only: the bytes that the original counted came down.
    action = box.CutOff(after_bytes=round(effect.after_bytes.value), resets=effect.resets)
    return box.Rule(name="cut", action=action, match=match, reach=box.Reach.DOWN)


def _forged(effect: model.DnsForged, whom: Whom, places: Places) -> box.Rule:
    match = box.Match(
        names=whom.names or ("*",),
        addresses={
            model.Resolvers.EVERY: (),
            model.Resolvers.OWN: (WORLD_ADDRESS,),
            model.Resolvers.OTHERS: places.resolvers,
        }[effect.resolvers],
        protocols=(box.Protocol.DNS,),
    )
    action: box.Action
    match effect.lie:
        case model.DnsLie.NOTHING:
            action = box.Silence()
        case model.DnsLie.NXDOMAIN:
            action = box.ForgeDns(nxdomain=True)
        case _:
            action = box.ForgeDns(
                addresses=places.impostors[model.Impostor.OTHER_NAME],
                beside=effect.lie is model.DnsLie.BESIDE,
            )
    return box.Rule(name="dns", action=action, match=match)


def _scope(scope: model.Scope) -> box.Scope:
    return box.Scope(scope.value)


def line_for(kind: LineKind, random: Random) -> Line:
    """The line of a kind; a trace begins at a random place of it."""
    trace_seconds = kind.down_trace[-1][0] - kind.down_trace[0][0] if kind.down_trace else 0.0
    either = Direction(
        delay_seconds=kind.round_trip_seconds / 2,
        jitter_seconds=kind.jitter_seconds,
        jitter_memory_seconds=kind.jitter_memory_seconds,
        loss=kind.loss,
        queue_bytes=kind.queue_bytes,
    )
    return Line(
        down=structs.replace(
            either,
            rate_bits_per_second=None if kind.down_trace else kind.down_bits_per_second,
            trace=kind.down_trace,
            trace_from_seconds=random.uniform(0.0, trace_seconds),
        ),
        up=structs.replace(either, rate_bits_per_second=kind.up_bits_per_second),
    )


def changed_line(line: Line, happens: tuple[model.Happening, ...], random: Random) -> Line:
    """The line once all that happens has happened to it."""
    for each in happens:
        if isinstance(each, model.LineBecomes):
            line = line_for(each.kind, random)
        elif isinstance(each, model.LineWorsens):
            line = Line(down=_worse(line.down, each), up=_worse(line.up, each))
            if each.down_bits_per_second is not None:
                rate = each.down_bits_per_second.value
                down = structs.replace(line.down, rate_bits_per_second=rate, trace=())
                line = structs.replace(line, down=down)
    return line


def _worse(direction: Direction, by: model.LineWorsens) -> Direction:
    return structs.replace(
        direction,
        loss=max(direction.loss, by.loss.value),
        delay_seconds=direction.delay_seconds + by.more_round_trip_seconds.value / 2,
    )
