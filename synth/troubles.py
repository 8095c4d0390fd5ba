"""What goes wrong in a year without anybody meaning it. Values, drawn before the year begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from random import Random

from msgspec import Struct

from synth.chance import log_uniform

HOUR = 3_600.0
DAY = 24 * HOUR
YEAR = 365 * DAY


class Kind(StrEnum):
    """``whom`` of a trouble is an address (``EDGE_*``), a site (``SITE_*``, ``CONTROL_*``), a
    platform (``REFUSING``, ``SERVER_ERRORS``, ``FILTER``, ``HOSTS_FILE``, ``LOOKUP``,
    ``AUTHORITIES``) or nothing (the whole vantage). ``BIG_PACKETS`` is about a site, or, with
    nothing, about two of three. ``FEW_CONNECTIONS`` is about a site, whose front resets the next
    one, or, with nothing, about each address, to which a router drops it."""

    EDGE_SLOW = "edge_slow"
    EDGE_DEAD = "edge_dead"
    SITE_MOVED = "site_moved"
    CONTROL_DEAD = "control_dead"
    CONTROL_SLOW = "control_slow"
    REFUSING = "refusing"
    SERVER_ERRORS = "server_errors"
    OTHER_LINE = "other_line"
    OFFLINE = "offline"
    CROSS_TRAFFIC = "cross_traffic"
    CABLE_CUT = "cable_cut"
    RESOLVER = "resolver"
    PORTAL = "portal"
    BUSY_HOST = "busy_host"
    CLOCK = "clock"
    SITE_SLOW = "site_slow"
    WIFI = "wifi"
    CAP = "cap"
    TUNNEL = "tunnel"
    PORTS = "ports"
    BIG_PACKETS = "big_packets"
    FILTER = "filter"
    HOSTS_FILE = "hosts_file"
    LOOKUP = "lookup"
    CLOCK_BEHIND = "clock_behind"
    INSPECTION = "inspection"
    AUTHORITIES = "authorities"
    HANDOVER = "handover"
    FEW_CONNECTIONS = "few_connections"


class Trouble(Struct, frozen=True, kw_only=True):
    """``value``: a factor on time (``*_SLOW``, ``CROSS_TRAFFIC``, ``CABLE_CUT``, ``CAP``), seconds
    (``SITE_MOVED``, ``BUSY_HOST``, ``TUNNEL``), a status (``REFUSING``), a share (``RESOLVER``,
    ``LOOKUP``, ``PORTS``), packets lost (``WIFI``), connections in 20 s (``FEW_CONNECTIONS``)."""

    begin: float
    end: float
    kind: Kind
    whom: str = ""
    value: float = 0.0


class Frequency(Struct, frozen=True, kw_only=True):
    """How often in a year (for each ``whom``), and the least and most of how long and how much,
    both log-uniform."""

    per_year: float
    seconds: tuple[float, float]
    value: tuple[float, float] = (1.0, 1.0)


FREQUENCIES: dict[Kind, Frequency] = {
    # One edge, slow for one round to six hours.
    Kind.EDGE_SLOW: Frequency(per_year=12, seconds=(300, 6 * HOUR), value=(2.5, 20)),
    Kind.EDGE_DEAD: Frequency(per_year=3, seconds=(300, 6 * HOUR)),
    Kind.SITE_MOVED: Frequency(per_year=6, seconds=(600, 30 * DAY), value=(0.02, 0.15)),
    Kind.CONTROL_DEAD: Frequency(per_year=6, seconds=(600, 12 * HOUR)),
    Kind.CONTROL_SLOW: Frequency(per_year=4, seconds=(600, 14 * DAY), value=(2, 20)),
    Kind.REFUSING: Frequency(per_year=8, seconds=(300, 3 * DAY), value=(403, 451)),
    Kind.SERVER_ERRORS: Frequency(per_year=3, seconds=(120, 3 * HOUR), value=(500, 503)),
    Kind.OTHER_LINE: Frequency(per_year=12, seconds=(600, 3 * DAY)),
    Kind.OFFLINE: Frequency(per_year=120, seconds=(30, 6 * HOUR)),
    Kind.CROSS_TRAFFIC: Frequency(per_year=700, seconds=(120, 3 * HOUR), value=(1.5, 15)),
    Kind.CABLE_CUT: Frequency(per_year=2, seconds=(HOUR, 3 * DAY), value=(3, 20)),
    Kind.RESOLVER: Frequency(per_year=20, seconds=(60, 2 * HOUR), value=(0.2, 1.0)),
    Kind.PORTAL: Frequency(per_year=4, seconds=(300, 2 * HOUR)),
    Kind.BUSY_HOST: Frequency(per_year=50, seconds=(300, 2 * HOUR), value=(0.005, 0.2)),
    Kind.CLOCK: Frequency(per_year=6, seconds=(60, 60)),
}
SITES: dict[Kind, Frequency] = {
    # All servers of one operator, for whoever meets them: too much at once, a bad release.
    Kind.SITE_SLOW: Frequency(per_year=12, seconds=(600, 6 * HOUR), value=(2.5, 20)),
}
"""Sites' own slow hours."""

HOME: dict[Kind, Frequency] = {
    # Packets lost between the probe and its router.
    Kind.WIFI: Frequency(per_year=60, seconds=(120, 5 * HOUR), value=(0.02, 0.3)),
    # The month's volume is used up: so many times slower until it begins anew.
    Kind.CAP: Frequency(per_year=4, seconds=(HOUR, 7 * DAY), value=(10, 200)),
    # A VPN is switched on and off: everything is so many seconds farther away.
    Kind.TUNNEL: Frequency(per_year=30, seconds=(600, DAY), value=(0.03, 0.25)),
    # The provider's address translation has no ports left for a share of new connections.
    Kind.PORTS: Frequency(per_year=10, seconds=(600, 3 * HOUR), value=(0.1, 0.6)),
    # Large packets vanish on the way to half of the sites (no answer to their fragmentation).
    Kind.BIG_PACKETS: Frequency(per_year=0.5, seconds=(HOUR, 14 * DAY)),
    # A filter at home (Pi-hole, router) answers for a platform's names with 0.0.0.0.
    Kind.FILTER: Frequency(per_year=0.5, seconds=(HOUR, 30 * DAY)),
    # The probe's own hosts file does.
    Kind.HOSTS_FILE: Frequency(per_year=0.5, seconds=(HOUR, 30 * DAY)),
    # The router's forwarder answers a platform's names in part only; other resolvers do.
    Kind.LOOKUP: Frequency(per_year=4, seconds=(600, DAY), value=(0.3, 1.0)),
    # The clock is years behind after a cold start: no certificate is valid yet.
    Kind.CLOCK_BEHIND: Frequency(per_year=4, seconds=(300, DAY)),
    # A virus scanner or a company's box shows certificates of its own for every site.
    Kind.INSPECTION: Frequency(per_year=0.5, seconds=(HOUR, 30 * DAY)),
    # The probe's list of authorities is older than the one that signed a platform's certificate.
    Kind.AUTHORITIES: Frequency(per_year=0.1, seconds=(DAY, 14 * DAY)),
    # A satellite's line: now and then for some seconds nothing passes, for as long as it is used.
    Kind.HANDOVER: Frequency(per_year=6, seconds=(HOUR, DAY)),
    # What every line has, at the same rates as there.
    **{
        kind: FREQUENCIES[kind]
        for kind in (
            Kind.OTHER_LINE,
            Kind.OFFLINE,
            Kind.CROSS_TRAFFIC,
            Kind.RESOLVER,
            Kind.PORTAL,
            Kind.BUSY_HOST,
            Kind.CLOCK,
        )
    },
    # A router drops what is more than some connections to one address in 20 s.
    Kind.FEW_CONNECTIONS: Frequency(per_year=1, seconds=(HOUR, 30 * DAY), value=(1, 6)),
}
"""What goes wrong in a household, at the rates of one that has all of it: the rates are ours."""

_OF_EDGES = (Kind.EDGE_SLOW, Kind.EDGE_DEAD)
_OF_SITES = (Kind.SITE_MOVED, Kind.SITE_SLOW)
_OF_CONTROLS = (Kind.CONTROL_DEAD, Kind.CONTROL_SLOW)
_OF_PLATFORMS = (
    *(Kind.REFUSING, Kind.SERVER_ERRORS),
    *(Kind.FILTER, Kind.HOSTS_FILE, Kind.LOOKUP, Kind.AUTHORITIES),
)


def draw_troubles(
    random: Random,
    *,
    begin: float,
    seconds: float,
    edges: Sequence[str],
    sites: Sequence[str],
    controls: Sequence[str],
    platforms: Sequence[str],
    frequencies: Mapping[Kind, Frequency] = FREQUENCIES,
) -> tuple[Trouble, ...]:
    """The troubles of a time, in order of their beginning."""
    found = []
    for kind, often in frequencies.items():
        whose = {
            **dict.fromkeys(_OF_EDGES, edges),
            **dict.fromkeys(_OF_SITES, sites),
            **dict.fromkeys(_OF_CONTROLS, controls),
            **dict.fromkeys(_OF_PLATFORMS, platforms),
        }.get(kind, ("",))
        for whom in whose:
            at = begin
            while (at := at + random.expovariate(often.per_year / YEAR)) < begin + seconds:
                found.append(
                    Trouble(
                        begin=at,
                        end=at + log_uniform(random, *often.seconds),
                        kind=kind,
                        whom=whom,
                        value=log_uniform(random, *often.value),
                    )
                )
    return tuple(sorted(found, key=lambda trouble: trouble.begin))


class Now:
    """Which troubles hold at a time; times do not go back."""

    def __init__(self, troubles: Sequence[Trouble]) -> None:
        self._coming = sorted(troubles, key=lambda trouble: trouble.begin, reverse=True)
        self._held: list[Trouble] = []
        self.by_kind: dict[Kind, dict[str, float]] = {}

    def move_to(self, now: float) -> None:
        """``by_kind`` becomes what holds at ``now``: kind → whom → value."""
        changed = False
        while self._coming and self._coming[-1].begin <= now:
            self._held.append(self._coming.pop())
            changed = True
        if any(trouble.end <= now for trouble in self._held):
            self._held = [trouble for trouble in self._held if trouble.end > now]
            changed = True
        if changed:
            self.by_kind = {}
            for trouble in self._held:
                self.by_kind.setdefault(trouble.kind, {})[trouble.whom] = trouble.value

    def value(self, kind: Kind, whom: str = "") -> float | None:
        """The value of a trouble that holds now; ``None``: all is well."""
        found = self.by_kind.get(kind)
        return None if found is None else found.get(whom)
