"""Which resolvers are asked: the system's own, read afresh, and those that the operator names."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from probe.config.schema import DnsConfig, ResolverConfig
from probe.measure.family import family_of
from probe.model.identity import Family

SYSTEM = "system"
RESOLV_CONF = Path("/etc/resolv.conf")
DNS_PORT = 53
HTTPS_PORT = 443


class Resolver(Struct, frozen=True, kw_only=True):
    """Where a query goes: ``address`` is literal (IPv6 without brackets), so that reaching a
    resolver needs no other one. ``url`` is the DoH endpoint, ``None`` for ``udp``."""

    name: str
    transport: Literal["udp", "https"]
    address: str
    port: int
    url: str | None = None


def resolvers(
    config: DnsConfig, resolv_conf: Path = RESOLV_CONF, *, nameservers: tuple[str, ...] = ()
) -> tuple[Resolver, ...]:
    """The resolvers to measure now: ``system`` first, then the configured ones in their order.

    ``system`` is the first of the vantage's ``nameservers``; without any, the first nameserver of
    ``resolv_conf``, the one that the host asks first. The file is read at every call because DHCP
    rewrites it; without a file or a nameserver in it there is no system resolver. Raises
    ``ValueError`` for a configured resolver that leads nowhere.
    """
    system = (nameservers or system_nameservers(resolv_conf))[:1] if config.system else ()
    return (
        *(
            Resolver(name=SYSTEM, transport="udp", address=address, port=port)
            for address, port in map(host_and_port, system)
        ),
        *map(_configured, config.resolvers),
    )


def system_nameservers(resolv_conf: Path = RESOLV_CONF) -> tuple[str, ...]:
    """The literal addresses of the ``nameserver`` lines, in order; empty when there are none."""
    try:
        # It is asked for at every look-up, and hardly ever another file than before.
        status = resolv_conf.stat()
        return _nameservers(resolv_conf, status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=1)
def _nameservers(path: Path, *_version: int) -> tuple[str, ...]:
    lines = path.read_text(errors="replace").splitlines()
    # Not dnspython's reader: it rejects the whole file for one address that it cannot read.
    pairs = (line.split()[:2] for line in lines)
    return tuple(
        pair[1]
        for pair in pairs
        if len(pair) == 2 and pair[0] == "nameserver" and _literal(pair[1])
    )


def static_addresses(
    resolve: dict[str, tuple[str, ...]], name: str, family: Family
) -> tuple[str, ...] | None:
    """The addresses of ``family`` that ``name`` is pinned to, as curl's ``--resolve`` does.

    ``None``: not pinned, ask a resolver. Empty: pinned, but to no address of this family, so
    nobody is asked either.
    """
    wanted = _plain(name)
    pinned = [addresses for key, addresses in resolve.items() if _plain(key) == wanted]
    if not pinned:
        return None
    return tuple(
        address for addresses in pinned for address in addresses if family_of(address) is family
    )


def host_and_port(text: str, default_port: int = DNS_PORT) -> tuple[str, int]:
    """Split ``9.9.9.9``, ``9.9.9.9:53``, ``2620:fe::fe`` or ``[2620:fe::fe]:53``.

    Raises ``ValueError`` when the host is not a literal address or the port no port.
    """
    if _literal(text):
        return text, default_port
    parts = urlsplit(f"//{text}")
    host, port = parts.hostname or "", parts.port
    if not _literal(host):
        raise ValueError(f"{text!r} is not an address, or an address with a port")
    return host, port or default_port


def _configured(config: ResolverConfig) -> Resolver:
    if config.doh is None:
        address, port = host_and_port(config.address or "")
        return Resolver(name=config.name, transport="udp", address=address, port=port)
    parts = urlsplit(config.doh)
    address, port = host_and_port(
        config.address or parts.hostname or "", default_port=parts.port or HTTPS_PORT
    )
    return Resolver(name=config.name, transport="https", address=address, port=port, url=config.doh)


def _literal(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return name.lower().rstrip(".")
