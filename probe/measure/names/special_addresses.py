"""Addresses that no public server can have: IANA's special-purpose address registries, as a table.

Sources: iana-ipv4-special-registry and iana-ipv6-special-registry (RFC 6890), column "Globally
Reachable", as of July 2026; the newest entries are of RFC 9665 and RFC 9780. What is blank there
says nothing. ``tests/measure/test_special_addresses.py`` holds each row. Python's ``is_global`` has
what the registries were when its patch level was released.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(map(ip_network, texts))


# Multicast is in registries of its own (RFC 5771, RFC 4291); site-local was given up by RFC 3879.
NOT_GLOBAL = _networks(
    "0.0.0.0/8",  # this network, RFC 791
    "10.0.0.0/8",  # private use, RFC 1918
    "100.64.0.0/10",  # shared address space (carriers' NAT), RFC 6598
    "127.0.0.0/8",  # loopback, RFC 1122
    "169.254.0.0/16",  # link-local, RFC 3927
    "172.16.0.0/12",  # private use, RFC 1918
    "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
    "192.0.2.0/24",  # documentation, RFC 5737
    "192.88.99.2/32",  # 6a44 relays, RFC 6751
    "192.168.0.0/16",  # private use, RFC 1918
    "198.18.0.0/15",  # benchmarking, RFC 2544
    "198.51.100.0/24",  # documentation, RFC 5737
    "203.0.113.0/24",  # documentation, RFC 5737
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and limited broadcast, RFC 1112, RFC 8190
    "::/128",  # unspecified, RFC 4291
    "::1/128",  # loopback, RFC 4291
    "::ffff:0:0/96",  # IPv4-mapped, RFC 4291
    "64:ff9b:1::/48",  # local-use translation, RFC 8215
    "100::/64",  # discard-only, RFC 6666
    "100:0:0:1::/64",  # dummy prefix, RFC 9780
    "2001::/23",  # IETF protocol assignments (Teredo among them), RFC 2928
    "2001:db8::/32",  # documentation, RFC 3849
    "3fff::/20",  # documentation, RFC 9637
    "5f00::/16",  # segment routing SIDs, RFC 9602
    "fc00::/7",  # unique-local, RFC 4193
    "fe80::/10",  # link-local, RFC 4291
    "fec0::/10",  # site-local, RFC 3879
    "ff00::/8",  # multicast
)
GLOBAL_WITHIN = _networks(
    "192.0.0.9/32",  # PCP anycast, RFC 7723
    "192.0.0.10/32",  # TURN anycast, RFC 8155
    "2001:1::1/128",  # PCP anycast, RFC 7723
    "2001:1::2/128",  # TURN anycast, RFC 8155
    "2001:1::3/128",  # DNS-SD service registration anycast, RFC 9665
    "2001:3::/32",  # AMT, RFC 7450
    "2001:4:112::/48",  # AS112-v6, RFC 7535
    "2001:20::/28",  # ORCHIDv2, RFC 7343
    "2001:30::/28",  # DRIP, RFC 9374
)
# IPv4/IPv6 translation, RFC 6052: as global as the IPv4 address in its last 32 bits.
TRANSLATED = IPv6Network("64:ff9b::/96")
# Where a packet would come back to this very host, or to nobody.
_NOWHERE = _networks("0.0.0.0/8", "127.0.0.0/8", "255.255.255.255/32", "::/127")


@lru_cache(maxsize=1024)
def is_special(address: str) -> bool:
    """Whether no public server can have ``address``. ``ValueError`` if it is no address."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address) and (within := _ipv4_within(ip)) is not None:
        return is_special(str(within))
    return _within(ip, NOT_GLOBAL) and not _within(ip, GLOBAL_WITHIN)


@lru_cache(maxsize=1024)
def is_nowhere(address: str) -> bool:
    """Whether ``address`` leads to this host itself or to nobody: unspecified, loopback, broadcast
    (mapped, translated or by 6to4 as well), which is what filters answer with."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or _ipv4_within(ip) or ip
    return _within(ip, _NOWHERE)


def _ipv4_within(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that ``ip`` stands for."""
    if ip in TRANSLATED:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    # 6to4, RFC 3056: it leads where the IPv4 address after the prefix does (the registry: "N/A").
    return ip.sixtofour


def _within(ip: _Address, networks: tuple[_Network, ...]) -> bool:
    return any(ip in network for network in networks)
