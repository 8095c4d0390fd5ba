"""What goes wrong in a year without anybody meaning it. Values, drawn before the year begins."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from random import Random

from msgspec import Struct

from tests.synth.chance import log_uniform

HOUR = 3_600.0
DAY = 24 * HOUR
YEAR = 365 * DAY


class Kind(StrEnum):
    """``whom`` of a trouble is an address (``EDGE_*``), a site (``SITE_*``, ``CONTROL_*``), a
    platform (``REFUSING``, ``SERVER_ERRORS``) or nothing (the whole vantage)."""

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


class Trouble(Struct, frozen=True, kw_only=True):
    """``value``: a factor on time (``*_SLOW``, ``CROSS_TRAFFIC``, ``CABLE_CUT``), seconds
    (``SITE_MOVED``, ``BUSY_HOST``), a status (``REFUSING``), a share (``RESOLVER``)."""

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
_OF_EDGES = (Kind.EDGE_SLOW, Kind.EDGE_DEAD)
_OF_SITES = (Kind.SITE_MOVED,)
_OF_CONTROLS = (Kind.CONTROL_DEAD, Kind.CONTROL_SLOW)
_OF_PLATFORMS = (Kind.REFUSING, Kind.SERVER_ERRORS)


def draw_troubles(
    random: Random,
    *,
    begin: float,
    seconds: float,
    edges: Sequence[str],
    sites: Sequence[str],
    controls: Sequence[str],
    platforms: Sequence[str],
) -> tuple[Trouble, ...]:
    """The troubles of a time, in order of their beginning."""
    found = []
    for kind, often in FREQUENCIES.items():
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
