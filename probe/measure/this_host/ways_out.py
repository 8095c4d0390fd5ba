"""Which way a vantage's packets leave this host, as far as its operator should be warned of it.

The kernel is asked where it would send a packet; none is sent. What it says could identify the
line, so nothing of it leaves this module but two answers: whether the way looks like a tunnel, and
whether it is another one than before (compared by a digest with a key that dies with the process).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import socket
import struct
from array import array
from collections.abc import Iterable
from ipaddress import IPv6Address
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from probe.config.schema import VantageConfig
from probe.measure.connection.family import SOCKET_FAMILIES, family_of
from probe.measure.this_host import routes
from probe.model.identity import Family

# Never assigned to anybody (RFC 5737, RFC 3849): a route to them is the way to the internet.
_SOMEWHERE = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}
_SYS = Path("/sys/class/net")
_ADDRESSES6 = Path("/proc/net/if_inet6")
# Link types of the kernel (linux/if_arp.h) that carry packets inside of others: PPP, IP in IP and
# its IPv6 forms, GRE, and none at all, which is what tun and WireGuard devices have.
_TUNNEL_TYPES = frozenset({"512", "768", "769", "776", "778", "823", "65534"})
# netdevice(7): all IPv4 addresses, the second and third ones of an interface among them.
_SIOCGIFCONF = 0x8912
_IFREQ_BYTES = 40
_MOST_ADDRESSES = 256


class WayOut(Struct, frozen=True, kw_only=True):
    """``tunnel``: packets leave through a VPN or another tunnel. ``changed``: by another way than
    at the last look (never at the first one)."""

    tunnel: bool
    changed: bool


class Lines:
    """Looks at the ways out of all vantages, and remembers whether they are still the same."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._digests: dict[str, bytes] = {}

    def look(
        self, vantage: VantageConfig, families: Iterable[Family] = (Family.IPV4,)
    ) -> WayOut | None:
        """The way of ``vantage`` now, for the ``families`` that are measured; ``None`` where it
        cannot be told (a proxy, no route). It is a tunnel if any of them leaves through one."""
        if vantage.proxy is not None:
            return None
        ways = [way for family in families if (way := _way(vantage, family)) is not None]
        if not ways:
            return None
        whole = "|".join(
            part for way in ways for part in (*way.interfaces, way.source, way.gateway)
        )
        digest = hashlib.blake2b(os.fsencode(whole), key=self._key).digest()
        before = self._digests.get(vantage.name)
        self._digests[vantage.name] = digest
        return WayOut(
            tunnel=any(is_tunnel(one) for way in ways for one in way.interfaces),
            changed=before is not None and before != digest,
        )


class _Way(NamedTuple):
    """How packets of one family leave: whose address they bear, and where the route leads. As a
    rule these are one interface; a tunnel without an address of its own has another's."""

    interfaces: tuple[str, ...]
    source: str
    gateway: str


def _way(vantage: VantageConfig, family: Family) -> _Way | None:
    if vantage.interface is not None:
        only = vantage.interface
        return _Way((only,), vantage.source_address or "", routes.gateway(only, family))
    source = vantage.source_address
    if source is None:
        source = _source(family)
    elif family_of(source) is not family:
        return None
    if source is None:
        return None
    found = (interface_of(source), routes.interface_towards(_SOMEWHERE[family]))
    interfaces = tuple(dict.fromkeys(one for one in found if one is not None))
    if not interfaces:
        return None
    return _Way(interfaces, source, routes.gateway(interfaces[0], family))


def is_tunnel(interface: str, sys: Path = _SYS) -> bool:
    """Whether an interface carries packets inside of others."""
    folder = sys / interface
    try:
        kind = (folder / "type").read_text().strip()
    except OSError:
        return False
    return kind in _TUNNEL_TYPES or (folder / "tun_flags").exists()


def interface_of(address: str, addresses6: Path = _ADDRESSES6) -> str | None:
    """The interface that has ``address``, be it its first or another one; ``None``: none has."""
    # Not if_nameindex or netlink, which a confined service may not use.
    return _interface_of6(address, addresses6) if ":" in address else _interface_of4(address)


def _interface_of4(address: str) -> str | None:
    room = array("B", bytes(_IFREQ_BYTES * _MOST_ADDRESSES))
    asked = struct.pack("iL", len(room), room.buffer_info()[0])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            size = struct.unpack("iL", fcntl.ioctl(sock.fileno(), _SIOCGIFCONF, asked))[0]
    except OSError:
        return None
    found = room.tobytes()[:size]
    for at in range(0, size, _IFREQ_BYTES):
        if socket.inet_ntoa(found[at + 20 : at + 24]) == address:
            # A label such as eth0:1 is of the interface before the colon.
            return os.fsdecode(found[at : at + 16].partition(b"\0")[0]).partition(":")[0]
    return None


def _interface_of6(address: str, addresses6: Path) -> str | None:
    wanted = IPv6Address(address.partition("%")[0]).packed.hex()
    lines = routes.kernel_lines(addresses6)
    return next((f[5] for f in lines if len(f) > 5 and f[0] == wanted), None)


def _source(family: Family) -> str | None:
    """The address that a packet to the internet would have; connecting UDP sends none."""
    try:
        with socket.socket(SOCKET_FAMILIES[family], socket.SOCK_DGRAM) as sock:
            sock.connect((_SOMEWHERE[family], 9))
            return str(sock.getsockname()[0])
    except OSError:
        return None
