"""Where a resolver stands: on this host, in the home, or beyond it.

A filter against advertisements or for children, and a router's name service, answer from within the
home; what they say is no word of the country's networks.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from probe.measure.connection.family import family_of
from probe.measure.names.special_addresses import is_special
from probe.measure.this_host.routes import ROUTES, ROUTES6, of_family
from probe.model.observation import Place


def place_of(address: str, routes: Path = ROUTES, routes6: Path = ROUTES6) -> Place:
    """``HOST``: a loopback address. ``HOME``: an address of no public server (private, of a
    carrier's NAT, link-local), the default gateway's, or one on a network that this host is
    attached to. ``BEYOND``: any other. A carrier's resolver may have a private address as well: so
    ``HOME`` means that it may be the home's. ``ValueError`` if it is no address."""
    plain = address.partition("%")[0]
    if (place := _by_itself(plain)) is not None:
        return place
    ip = ip_address(plain)
    for route in of_family(family_of(str(ip)), routes, routes6):
        if ip == route.gateway if route.default else route.gateway is None and ip in route.network:
            return Place.HOME
    return Place.BEYOND


@lru_cache(maxsize=64)
def _by_itself(address: str) -> Place | None:
    """Where it stands whatever the routes are; ``None``: that they must say."""
    ip = ip_address(address)
    if ip.is_loopback:
        return Place.HOST
    return Place.HOME if is_special(str(ip)) else None
