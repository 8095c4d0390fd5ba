"""Which resolvers are asked: the system's own, read afresh, and those that the operator names."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from probe.config.schema import DnsConfig, ResolverConfig
from probe.measure.connection.family import family_of
from probe.measure.names.host_files import RESOLV_CONF, literal, resolv_conf
from probe.model.identity import Family

SYSTEM = "system"
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
    config: DnsConfig, path: Path = RESOLV_CONF, *, nameservers: tuple[str, ...] = ()
) -> tuple[Resolver, ...]:
    """The resolvers to measure now: ``system`` first, then the configured ones in their order.

    ``system`` is the first of the vantage's ``nameservers``; without any, the first nameserver of
    ``path``, the one that the host asks first. The file is read at every call because DHCP
    rewrites it; without a file or a nameserver in it there is no system resolver. Raises
    ``ValueError`` for a configured resolver that leads nowhere.
    """
    system = (nameservers or resolv_conf(path).nameservers)[:1] if config.system else ()
    return (
        *(
            Resolver(name=SYSTEM, transport="udp", address=address, port=port)
            for address, port in map(host_and_port, system)
        ),
        *map(_configured, config.resolvers),
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


@lru_cache(maxsize=64)
def host_and_port(text: str, default_port: int = DNS_PORT) -> tuple[str, int]:
    """Split ``9.9.9.9``, ``9.9.9.9:53``, ``2620:fe::fe`` or ``[2620:fe::fe]:53``.

    Raises ``ValueError`` when the host is not a literal address or the port no port.
    """
    if literal(text):
        return text, default_port
    parts = urlsplit(f"//{text}")
    host, port = parts.hostname or "", parts.port
    if not literal(host):
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


def _plain(name: str) -> str:
    return name.lower().rstrip(".")
