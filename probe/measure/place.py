"""Where a resolver stands: on this host, in the home, or beyond it.

A filter against advertisements or for children, and a router's name service, answer from within the
home; what they say is no word of the country's networks.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

from probe.measure.special_addresses import is_special
from probe.model.observation import Place

_ROUTES = Path("/proc/net/route")
_ROUTES6 = Path("/proc/net/ipv6_route")
# Flags of a route (linux/route.h): it leads through a gateway.
_GATEWAY = 0x2


def place_of(address: str, routes: Path = _ROUTES, routes6: Path = _ROUTES6) -> Place:
    """``HOST``: a loopback address. ``HOME``: an address of no public server (private, of a
    carrier's NAT, link-local), the default gateway's, or one on a network that this host is
    attached to. ``BEYOND``: any other. A carrier's resolver may have a private address as well: so
    ``HOME`` means that it may be the home's. ``ValueError`` if it is no address."""
    ip = ip_address(address.partition("%")[0])
    if ip.is_loopback:
        return Place.HOST
    attached = _attached4(routes) if isinstance(ip, IPv4Address) else _attached6(routes6)
    if is_special(str(ip)) or any(ip in network for network in attached):
        return Place.HOME
    return Place.BEYOND


def _attached4(routes: Path) -> list[IPv4Network]:
    """Networks that are reached without a gateway, and the default gateways themselves."""
    found = []
    for fields in _lines(routes)[1:]:
        try:
            to, gateway, mask = (_address4(fields[n]) for n in (1, 2, 7))
            flags = int(fields[3], 16)
        except (IndexError, ValueError):
            continue
        if flags & _GATEWAY:
            if not int(mask):
                found.append(IPv4Network((int(gateway), 32)))
        elif int(mask):
            found.append(IPv4Network((int(to) & int(mask), int(mask).bit_count())))
    return found


def _attached6(routes: Path) -> list[IPv6Network]:
    found = []
    for fields in _lines(routes):
        try:
            to, gateway = (IPv6Address(bytes.fromhex(fields[n])) for n in (0, 4))
            length, flags = int(fields[1], 16), int(fields[8], 16)
        except (IndexError, ValueError):
            continue
        if flags & _GATEWAY:
            if not length:
                found.append(IPv6Network((int(gateway), 128)))
        elif length:
            found.append(IPv6Network((int(to), length), strict=False))
    return found


def _address4(digits: str) -> IPv4Address:
    """The kernel writes it in the machine's order, which is little-endian wherever we run."""
    return IPv4Address(bytes.fromhex(digits)[::-1])


def _lines(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return []
