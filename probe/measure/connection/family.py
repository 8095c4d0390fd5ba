"""The family of a literal address, for people and for sockets."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, ip_address

from probe.model.identity import Family

SOCKET_FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


@lru_cache(maxsize=256)
def family_of(address: str) -> Family:
    """The family of a literal address; ``ValueError`` if it is none."""
    return Family.IPV4 if isinstance(ip_address(address), IPv4Address) else Family.IPV6
