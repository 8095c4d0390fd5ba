"""Every host that a configuration may send a packet to. Nothing is hidden."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from probe.config.candidates import candidates_of
from probe.config.checks import SYSTEM_RESOLVER
from probe.config.definition import Corner, Definition, Target
from probe.config.formats import host_and_port, is_address
from probe.config.neutral import OBSCURE, neutral_names
from probe.config.probers import Prober, used
from probe.config.schema import (
    Config,
    ForwardConfig,
    HubConfig,
    NotifyReceiver,
    ResolverConfig,
    TargetsConfig,
    VantageConfig,
)
from probe.model.identity import Answer

HTTPS_PORT = 443
HTTP_PORT = 80
FORWARD = "forward"
OUTSIDE = "outside"
TARGETS = "targets"
NOTIFY = "notify"
HUB = "hub"
DNS_PORT = 53
PROXY_PORTS = {"socks5": 1080, "http": 8080}
_TOO_LONG = "the same, for answers too long for UDP"


class Contact(Struct, frozen=True, kw_only=True):
    """A host that may be contacted.

    ``host`` is a name, a literal address, ``*.`` and a name (any name below it), or ``system``: the
    name servers that the host itself is set to use. ``owner`` is the platform, control, resolver or
    (for a proxy or a name server) vantage that it is contacted for. ``vantages`` are those that do.
    """

    host: str
    port: int
    transport: Literal["tcp", "udp"]
    owner: str
    purpose: str
    vantages: tuple[str, ...]


def contacts(config: Config) -> tuple[Contact, ...]:
    """All hosts that a daemon with this configuration may send a packet to, each purpose once."""
    every = tuple(vantage.name for vantage in config.settings.vantages)
    direct = tuple(v.name for v in config.settings.vantages if v.proxy is None)
    found: list[Contact] = []
    drawn = tuple(one for one in config.pool if one not in config.controls)
    for definition in (*config.platforms, *config.controls, *drawn):
        for host, port, purpose in _of_definition(definition, config):
            if definition in drawn:
                purpose += ", if this probe draws it"
            pinned = config.settings.resolve.get(host)
            if pinned is not None:
                purpose += f" (pinned to {', '.join(pinned)})"
            found.append(
                Contact(
                    host=host,
                    port=port,
                    transport="tcp",
                    owner=definition.name,
                    purpose=purpose,
                    vantages=every,
                )
            )
        for prober in used(config.settings):
            vantages = every if prober.through_proxy else direct
            found += _beside(prober, found, definition, vantages)
    for vantage in config.settings.vantages:
        found += _of_proxy(vantage)
    found += _of_resolvers(config, direct)
    found += _of_receiver(config.settings.forward)
    found += _of_outside(config)
    found += _of_targets(config.settings.targets)
    found += _of_hub(config.settings.hub)
    for receiver in config.settings.notify.receivers:
        found += _of_notify(receiver)
    return tuple(dict.fromkeys(found))


def names_said(config: Config) -> tuple[str, ...]:
    """The neutral names of which a swap says one, unless its own definition lists others."""
    return (*neutral_names((*config.controls, *config.pool)), *OBSCURE)


def contacted_hosts(config: Config) -> frozenset[str]:
    """The hosts among them, whatever for."""
    return frozenset(contact.host for contact in contacts(config))


def _beside(
    prober: Prober, found: list[Contact], definition: Definition, vantages: tuple[str, ...]
) -> list[Contact]:
    """The contacts of targets that are measured by ``prober`` too, again, in its own way."""
    speaking = [f"{target.name}: " for target in definition.targets if prober.speaks(target)]
    if not vantages:
        return []
    return [
        replace(
            contact,
            transport=prober.transport,
            purpose=f"{contact.purpose}, {prober.over}",
            vantages=vantages,
        )
        for contact in found
        if contact.owner == definition.name
        and contact.purpose.startswith(tuple(speaking))
        and (": target" in contact.purpose or ": swap" in contact.purpose)
    ]


def _of_definition(definition: Definition, config: Config) -> Iterator[tuple[str, int, str]]:
    listed: set[str] = set()
    is_platform = definition.kind == "platform"
    for target in definition.targets:
        beacon = config.settings.beacon if is_platform else None
        for host, port, purpose in _of_target(target, beacon, names_said(config)):
            listed.add(host)
            yield host, port, f"{target.name}: {purpose}"
    if any(one.discover is not None for t in definition.targets for one in candidates_of(t)):
        for host in definition.hosts:
            if host not in listed:
                yield host, HTTPS_PORT, "a page that is looked through may redirect here"


def _of_target(
    target: Target, beacon: str | None, neutral: tuple[str, ...]
) -> Iterator[tuple[str, int, str]]:
    for place, candidate in enumerate(candidates_of(target)):
        what = "target" if not place else "fallback of the target"
        yield from _of_candidate(candidate, what, beacon, neutral)


def _of_candidate(
    target: Target, what: str, beacon: str | None, neutral: tuple[str, ...]
) -> Iterator[tuple[str, int, str]]:
    places: list[tuple[str, int, str]] = []
    if target.url is not None:
        places.append((*_endpoint(urlsplit(target.url)), what))
    if target.discover is not None:
        pages = (target.discover.page, *target.discover.pages)
        for host, port in dict.fromkeys(_endpoint(urlsplit(page)) for page in pages):
            yield host, port, "page on which the object's link is looked for"
        places += [(host, HTTPS_PORT, f"{what}, discovered") for host in target.discover.hosts]
    for host, port, purpose in places:
        to = target.connect_to or host
        yield to, port, purpose + _said(to, target.sni or host)
        if target.swap is not None:
            yield to, port, f"swap{_said_by_swap(to, target.swap, neutral)}"
        if target.decoy is not None:
            yield from _of_decoy(target.decoy, target.sni or host, port, beacon)


def _of_decoy(
    decoy: Corner, name: str, port: int, beacon: str | None
) -> Iterator[tuple[str, int, str]]:
    to = decoy.connect_to or beacon
    if to is not None:
        yield to, port, f"decoy{_said(to, decoy.sni or name)}"


def _said_by_swap(connect_to: str, swap: Corner, neutral: tuple[str, ...]) -> str:
    if swap.answer is Answer.ANY:
        return f", {under_one_of(swap.names or neutral)}"
    famous = "" if swap.famous is None else f" or {swap.famous}"
    return _said(connect_to, swap.sni or "") + famous


def under_one_of(names: Iterable[str]) -> str:
    """How a purpose says that one of several names is said."""
    return f"under one of the names {', '.join(names)}"


def _said(connect_to: str, sni: str) -> str:
    return "" if sni == connect_to else f", under the name {sni}"


def _endpoint(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or HTTPS_PORT


def _of_proxy(vantage: VantageConfig) -> Iterator[Contact]:
    if vantage.proxy is None:
        return
    parts = urlsplit(vantage.proxy)
    yield Contact(
        host=parts.hostname or "",
        port=parts.port or PROXY_PORTS[parts.scheme],
        transport="tcp",
        owner=vantage.name,
        purpose=f"{parts.scheme} proxy of the vantage; it resolves the names and reaches the hosts",
        vantages=(vantage.name,),
    )


def _of_resolvers(config: Config, direct: tuple[str, ...]) -> Iterator[Contact]:
    named_proxies = tuple(
        v.name
        for v in config.settings.vantages
        if v.proxy is not None and not is_address(urlsplit(v.proxy).hostname or "")
    )
    own = {v.name for v in config.settings.vantages if v.nameservers}
    asking = tuple(name for name in direct if name not in own)
    for vantage in config.settings.vantages:
        for server in vantage.nameservers:
            yield from _both_ways(
                *_place(server),
                owner=vantage.name,
                purposes=("a name server of the vantage: look-ups", _TOO_LONG),
                vantages=(vantage.name,),
            )
    if asking or named_proxies:
        yield from _both_ways(
            SYSTEM_RESOLVER,
            DNS_PORT,
            owner=SYSTEM_RESOLVER,
            purposes=("the host's own name servers: look-ups", _TOO_LONG),
            vantages=(*asking, *named_proxies),
        )
    for resolver in config.settings.dns.resolvers if direct else ():
        yield from _of_resolver(resolver, direct)


def _place(server: str) -> tuple[str, int]:
    """Address and port of a server for DNS over UDP."""
    parts = urlsplit(f"//{_bracketed(server)}")
    return parts.hostname or "", parts.port or DNS_PORT


def _both_ways(
    host: str, port: int, *, owner: str, purposes: tuple[str, str], vantages: tuple[str, ...]
) -> Iterator[Contact]:
    """A server that is asked over UDP (the first purpose), and over TCP when it has to be."""
    over_udp, over_tcp = purposes
    udp = Contact(
        host=host, port=port, transport="udp", owner=owner, purpose=over_udp, vantages=vantages
    )
    yield udp
    yield replace(udp, transport="tcp", purpose=over_tcp)


def _of_resolver(resolver: ResolverConfig, direct: tuple[str, ...]) -> Iterator[Contact]:
    if resolver.doh is not None:
        url = urlsplit(resolver.doh)
        parts = urlsplit(f"//{_bracketed(resolver.address)}") if resolver.address else url
        yield Contact(
            host=parts.hostname or "",
            port=parts.port or url.port or HTTPS_PORT,
            transport="tcp",
            owner=resolver.name,
            purpose=f"DNS over HTTPS{_said(parts.hostname or '', url.hostname or '')}",
            vantages=direct,
        )
        return
    yield from _both_ways(
        *_place(resolver.address or ""),
        owner=resolver.name,
        purposes=("DNS measurements", "DNS answers too long for UDP"),
        vantages=direct,
    )


def _of_receiver(forward: ForwardConfig) -> Iterator[Contact]:
    if forward.url is None:
        return
    url = urlsplit(forward.url)
    via = urlsplit(forward.proxy) if forward.proxy is not None else None
    if via is not None:
        yield Contact(
            host=via.hostname or "",
            port=via.port or PROXY_PORTS[via.scheme],
            transport="tcp",
            owner=FORWARD,
            purpose=f"{via.scheme} proxy to the receiver of the metrics",
            vantages=(),
        )
    yield Contact(
        host=url.hostname or "",
        port=url.port or (HTTPS_PORT if url.scheme == "https" else HTTP_PORT),
        transport="tcp",
        owner=FORWARD,
        purpose="receiver of the metrics (remote write)" + (", by the proxy" if via else ""),
        vantages=(),
    )


def _of_outside(config: Config) -> Iterator[Contact]:
    for source in config.settings.outside:
        url = urlsplit(source.url)
        yield Contact(
            host=url.hostname or "",
            port=url.port or (HTTPS_PORT if url.scheme == "https" else HTTP_PORT),
            transport="tcp",
            owner=OUTSIDE,
            purpose="what a reference abroad sees",
            vantages=() if source.vantage is None else (source.vantage,),
        )


def _of_targets(targets: TargetsConfig) -> Iterator[Contact]:
    if targets.url is None:
        return
    url = urlsplit(targets.url)
    yield Contact(
        host=url.hostname or "",
        port=url.port or (HTTPS_PORT if url.scheme == "https" else HTTP_PORT),
        transport="tcp",
        owner=TARGETS,
        purpose="a newer bundle of definitions, signed by keys that the configuration names",
        vantages=() if targets.vantage is None else (targets.vantage,),
    )


def _of_hub(hub: HubConfig) -> Iterator[Contact]:
    if hub.url is None:
        return
    url = urlsplit(hub.url)
    yield Contact(
        host=url.hostname or "",
        port=url.port or (HTTPS_PORT if url.scheme == "https" else HTTP_PORT),
        transport="tcp",
        owner=HUB,
        purpose=f"what the hub wishes; it may set here: {', '.join(hub.may_set) or 'nothing'}"
        + ("; what is measured is sent to it, round by round" if hub.send_rounds else ""),
        vantages=() if hub.vantage is None else (hub.vantage,),
    )


def _of_notify(receiver: NotifyReceiver) -> Iterator[Contact]:
    via = urlsplit(receiver.proxy) if receiver.proxy is not None else None
    if via is not None:
        yield Contact(
            host=via.hostname or "",
            port=via.port or PROXY_PORTS[via.scheme],
            transport="tcp",
            owner=NOTIFY,
            purpose=f"{via.scheme} proxy to the notifications' receiver {receiver.name}",
            vantages=(),
        )
    for host in receiver.hosts:
        name, port = host_and_port(host, HTTPS_PORT)
        yield Contact(
            host=name,
            port=port,
            transport="tcp",
            owner=NOTIFY,
            purpose=f"notifications to {receiver.name}" + (", by the proxy" if via else ""),
            vantages=(),
        )


def _bracketed(address: str) -> str:
    return f"[{address}]" if is_address(address) and ":" in address else address
