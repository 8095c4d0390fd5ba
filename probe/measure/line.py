"""Which way a vantage's packets leave this host, as far as its operator should be warned of it.

The kernel is asked where it would send a packet; none is sent. What it says could identify the
line, so nothing of it leaves this module but two answers: whether the way looks like a tunnel, and
whether it is another one than before (compared by a digest with a key that dies with the process).
"""

from __future__ import annotations

import fcntl
import hashlib
import secrets
import socket
import struct
from pathlib import Path

from msgspec import Struct

from probe.config.schema import VantageConfig

# Never assigned to anybody (RFC 5737, RFC 3849): a route to them is the way to the internet.
_SOMEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_SYS = Path("/sys/class/net")
_ROUTES = Path("/proc/net/route")
# Link types of the kernel (linux/if_arp.h) that carry packets inside of others: PPP, IP in IP and
# its IPv6 forms, GRE, and none at all, which is what tun and WireGuard devices have.
_TUNNEL_TYPES = frozenset({"512", "768", "769", "776", "778", "823", "65534"})
_SIOCGIFADDR = 0x8915


class Line(Struct, frozen=True, kw_only=True):
    """``tunnel``: packets leave through a VPN or another tunnel. ``changed``: by another way than
    at the last look (never at the first one)."""

    tunnel: bool
    changed: bool


class Lines:
    """Looks at the ways out of all vantages, and remembers whether they are still the same."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._digests: dict[str, bytes] = {}

    def look(self, vantage: VantageConfig) -> Line | None:
        """The way of ``vantage`` now; ``None`` where it cannot be told (a proxy, no route)."""
        if vantage.proxy is not None:
            return None
        interface, source = vantage.interface, vantage.source_address
        if interface is None:
            source = source or _source()
            interface = None if source is None else interface_of(source)
        if interface is None:
            return None
        whole = "|".join((interface, source or "", gateway(interface)))
        digest = hashlib.blake2b(whole.encode(), key=self._key).digest()
        before = self._digests.get(vantage.name)
        self._digests[vantage.name] = digest
        return Line(tunnel=is_tunnel(interface), changed=before is not None and before != digest)


def is_tunnel(interface: str, sys: Path = _SYS) -> bool:
    """Whether an interface carries packets inside of others."""
    folder = sys / interface
    try:
        kind = (folder / "type").read_text().strip()
    except OSError:
        return False
    return kind in _TUNNEL_TYPES or (folder / "tun_flags").exists()


def interface_of(address: str) -> str | None:
    """The interface that has the IPv4 ``address``; for IPv6, ``None``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for name in _interfaces():
            try:
                asked = struct.pack("256s", name.encode()[:15])
                found = fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, asked)
            except OSError:
                continue  # it has no address
            if socket.inet_ntoa(found[20:24]) == address:
                return name
    return None


def _interfaces(sys: Path = _SYS) -> list[str]:
    # Not if_nameindex: that asks over netlink, which a confined service may not.
    try:
        return sorted(folder.name for folder in sys.iterdir())
    except OSError:
        return []


def gateway(interface: str, routes: Path = _ROUTES) -> str:
    """The gateway of the default route through ``interface``, in the kernel's digits, or none."""
    try:
        lines = routes.read_text().splitlines()[1:]
    except OSError:
        return ""
    for fields in map(str.split, lines):
        if len(fields) > 2 and fields[0] == interface and fields[1] == "00000000":
            return fields[2]
    return ""


def _source() -> str | None:
    """The address that a packet to the internet would have; connecting UDP sends none."""
    for family, somewhere in _SOMEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((somewhere, 9))
                return str(sock.getsockname()[0])
        except OSError:
            continue
    return None
