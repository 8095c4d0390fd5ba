"""How much a configuration would ask for: legs per host, and bytes. Pure arithmetic."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from probe.config.checks import connect_name
from probe.config.schema import Config, Target
from probe.model.identity import Compares

# What the schedule allows per vantage and host, whatever the configuration says.
LEGS_PER_HOUR = 30.0
# One leg without its body, both ways with TCP and IP headers: a handshake with a certificate chain
# of 3 to 5 kB, a request, and the head of an answer. An estimate; the daemon counts what it uses.
LEG_BYTES = 6_000
# A query and its answer.
DNS_BYTES = 300
HOUR = 3_600.0
DAY = 86_400.0


class Estimate(Struct, frozen=True, kw_only=True):
    """``host_legs_per_hour``: legs of the platforms by the host that is connected to, and
    ``control_legs_per_hour`` those of each control, all from one vantage. ``bytes_per_day`` is from
    all vantages."""

    host_legs_per_hour: dict[str, float]
    control_legs_per_hour: float
    bytes_per_day: float


def estimate(config: Config) -> Estimate:
    """What is to be expected when nothing fails. An upper bound where answers are short."""
    schedule, legs = config.settings.schedule, config.settings.legs
    rounds_per_hour = HOUR / float(schedule.light)
    hosts: Counter[str] = Counter()
    light_legs = read_legs = names = 0
    drawn = min(schedule.controls, len({c.operator or c.name for c in config.controls}))
    for platform in config.platforms:
        own = 0
        for target in platform.targets:
            made = 1 + (target.swap is not None)
            host = _host(target)
            hosts[host] += made
            decoy = target.decoy
            beacon = decoy and (decoy.connect_to or config.settings.beacon)
            if beacon:
                hosts[beacon] += 1
                made += 1
            own += made
            read_legs += _read(target)
        light_legs += own + drawn
        names += len({_host(target) for target in platform.targets}) + drawn
        # The first control of a transfer round is read as well.
        read_legs += any(t.compares is Compares.GOODPUT for t in platform.targets)
    per_day = DAY / float(schedule.light)
    transfers = DAY / float(schedule.transfer)
    resolvers = len(config.settings.dns.resolvers) + config.settings.dns.system
    bodies = transfers * read_legs * int(legs.transfer_bytes)
    handshakes = per_day * light_legs * LEG_BYTES
    dns = per_day * names * resolvers * DNS_BYTES
    return Estimate(
        host_legs_per_hour={host: count * rounds_per_hour for host, count in hosts.items()},
        control_legs_per_hour=rounds_per_hour
        * len(config.platforms)
        * drawn
        / max(1, len(config.controls)),
        bytes_per_day=(bodies + handshakes + dns) * len(config.settings.vantages),
    )


def _host(target: Target) -> str:
    if target.discover is not None and target.connect_to is None:
        return target.discover.hosts[0]
    return connect_name(target) or ""


def _read(target: Target) -> int:
    corners = (target, target.swap, target.decoy)
    return sum(c is not None and c.compares is Compares.GOODPUT for c in corners)
