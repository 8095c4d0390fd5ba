"""The kernel's main routing tables, as /proc shows them: no socket, no right is needed for that."""

from __future__ import annotations

import os
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from pathlib import Path

from msgspec import Struct

from probe.model.identity import Family

ROUTES = Path("/proc/net/route")
ROUTES6 = Path("/proc/net/ipv6_route")
# Flags of a route (linux/route.h): it is up, it leads through a gateway, it refuses.
_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200


class Route(Struct, frozen=True):
    """One route. ``gateway``: ``None`` where the network is attached to the interface itself."""

    network: IPv4Network | IPv6Network
    interface: str
    gateway: IPv4Address | IPv6Address | None
    metric: int

    @property
    def default(self) -> bool:
        """Whether it is a default route: its prefix has no bits."""
        return self.network.prefixlen == 0


def of_family(family: Family, routes: Path = ROUTES, routes6: Path = ROUTES6) -> tuple[Route, ...]:
    """The routes of one family that are up; none where they cannot be read."""
    if family is Family.IPV4:
        found = map(_route4, kernel_lines(routes)[1:])
    else:
        found = map(_route6, kernel_lines(routes6))
    return tuple(route for route in found if route is not None)


def interface_towards(address: str, routes: Path = ROUTES, routes6: Path = ROUTES6) -> str | None:
    """The interface of the route that a packet to ``address`` would take by the main table: the
    longest prefix, then the least metric. Rules that lead to other tables are not looked at."""
    ip = ip_address(address)
    family = Family.IPV4 if isinstance(ip, IPv4Address) else Family.IPV6
    able = [route for route in of_family(family, routes, routes6) if ip in route.network]
    best = min(able, key=lambda one: (-one.network.prefixlen, one.metric), default=None)
    return None if best is None else best.interface


def gateway(interface: str, family: Family, routes: Path = ROUTES, routes6: Path = ROUTES6) -> str:
    """The gateway of the default route through ``interface``, or nothing."""
    for route in of_family(family, routes, routes6):
        if route.default and route.interface == interface and route.gateway is not None:
            return str(route.gateway)
    return ""


def _route4(fields: list[str]) -> Route | None:
    try:
        to, by, mask = (_address4(fields[n]) for n in (1, 2, 7))
        flags, metric = int(fields[3], 16), int(fields[6])
    except (IndexError, ValueError):
        return None
    if not flags & _UP or flags & _REJECT:
        return None
    network = IPv4Network((int(to) & int(mask), int(mask).bit_count()))
    return Route(network, fields[0], by if flags & _GATEWAY else None, metric)


def _route6(fields: list[str]) -> Route | None:
    try:
        to, by = (IPv6Address(bytes.fromhex(fields[n])) for n in (0, 4))
        length, metric, flags = (int(fields[n], 16) for n in (1, 5, 8))
        interface = fields[9]
    except (IndexError, ValueError):
        return None
    if not flags & _UP or flags & _REJECT or interface == "lo":
        return None
    network = IPv6Network((int(to), length), strict=False)
    return Route(network, interface, by if flags & _GATEWAY else None, metric)


def _address4(digits: str) -> IPv4Address:
    """The kernel writes it in the machine's order, which is little-endian wherever we run."""
    return IPv4Address(bytes.fromhex(digits)[::-1])


def kernel_lines(path: Path) -> list[list[str]]:
    """The fields of each line that the kernel shows there; none where it does not. Names of
    interfaces may be any bytes but slashes, colons and blanks, and are given as Python gives names
    of files."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    return [[os.fsdecode(field) for field in line.split()] for line in lines]
