"""Throttling by a factor: what makes a platform so many times slower on a line, as restrictions."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from msgspec import Struct

from lab.world.content import PAGES
from probe.config.candidates import candidates_of
from probe.config.definition import Definition
from probe.config.schema import Config
from scenarios.model import Delayed, Policed, Restricted, Scope, Shaped, Whom, exactly
from synth.line import LineModel

TRANSFER_BYTES = 65_536
BITS = 8
WIRE = 1_500 / 1_448
# Flights of a 64 KiB body after the first one, and the request's own round trip.
FLIGHTS = 3.0


class How(StrEnum):
    """By a policer, by a queue, or handshakes alone (a delay on the name of a page)."""

    POLICER = "policer"
    SHAPER = "shaper"
    HANDSHAKE = "handshake"


class Effect(Struct, frozen=True, kw_only=True):
    """``factor`` times slower than usual, by name or by address."""

    factor: float
    how: How = How.POLICER
    by_name: bool = True


def names_of(platform: Definition) -> tuple[str, ...]:
    """The names that say it is the platform: those of its targets, and none of its swaps'."""
    found = []
    for target in (one for of in platform.targets for one in candidates_of(of)):
        url = target.url or (PAGES[target.discover.page].link if target.discover else "")
        found.append(target.sni or urlsplit(url).hostname or "")
    return tuple(dict.fromkeys(found))


def hosts_of(platform: Definition) -> tuple[str, ...]:
    """The hosts at whose addresses the platform is reached."""
    found = []
    for target in (one for of in platform.targets for one in candidates_of(of)):
        url = target.url or (PAGES[target.discover.page].link if target.discover else "")
        found.append(target.connect_to or urlsplit(url).hostname or "")
    return tuple(dict.fromkeys(found))


def usual_seconds(line: LineModel, distance_seconds: float) -> float:
    """What 64 KiB usually take on a line, from the request to the last byte."""
    rate = line.bytes_per_second
    if line.traces:
        rates = [rate * 1e6 / BITS for trace in line.traces for _, rate in trace]
        rate = max(1.0, sorted(rates)[len(rates) // 2])
    rtt = line.rtt_seconds + distance_seconds
    return FLIGHTS * rtt + 0.008 + TRANSFER_BYTES * WIRE / rate


def restriction(
    config: Config, platform: str, effect: Effect, line: LineModel, distance_seconds: float
) -> Restricted:
    """The restriction that makes a platform ``factor`` times slower than usual."""
    definition = next(p for p in config.platforms if p.name == platform)
    whom = Whom(names=names_of(definition)) if effect.by_name else Whom(hosts=hosts_of(definition))
    if effect.how is How.HANDSHAKE:
        usual = 2.0 * (line.rtt_seconds + distance_seconds) + 0.004
        more = exactly((effect.factor - 1.0) * usual / (1.0 if effect.by_name else 2.0))
        return Restricted(whom=whom, effects=(Delayed(round_trip_seconds=more),))
    seconds = effect.factor * usual_seconds(line, distance_seconds)
    rate = exactly(TRANSFER_BYTES * WIRE * BITS / seconds)
    made: Policed | Shaped
    if effect.how is How.SHAPER:
        made = Shaped(rate_bits_per_second=rate, queue_bytes=exactly(131_072.0))
    else:
        made = Policed(rate_bits_per_second=rate, burst_bytes=exactly(8_000.0), scope=Scope.FLOW)
    return Restricted(whom=whom, effects=(made,))
