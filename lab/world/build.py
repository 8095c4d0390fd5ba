"""From a configuration to the world that it would measure. Pure.

A definition's hosts form a site; definitions of one operator, or that share a host, share a site.
Every host has addresses of its own, yet each address of a site serves all the site's hosts, as
the front ends of large operators do. Addresses lie in the ranges that are set aside for testing
networks (RFC 2544 and RFC 5180), which no real platform uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

from lab.net import WORLD_ADDRESS
from lab.world.content import PAGES, Page
from lab.world.spec import ANY, LARGEST_BYTES, Certificate, Object, Site, WorldSpec
from probe.config.candidates import candidates_of
from probe.config.definition import Corner, Definition, Target
from probe.config.formats import is_address
from probe.config.hosts import covers
from probe.config.schema import Config, ResolverConfig
from probe.model.identity import Answer, Compares

BEACON = "beacon.lab.example"
NETWORK = "198.18.0.0/15"
NETWORK6 = "2001:2::/48"
HTML = "text/html; charset=utf-8"
DNS_PORT = 53
# How many addresses hosts have, in turn.
ADDRESS_COUNTS = (2, 1, 3)
SMALL_BYTES = 2_048
READABLE_BYTES = 131_072


class WorldError(Exception):
    """The configuration names something that this world cannot make."""


def world_for(
    config: Config,
    *,
    pages: Mapping[str, Page] = PAGES,
    network: str = NETWORK,
    network6: str = NETWORK6,
    address_counts: Sequence[int] = ADDRESS_COUNTS,
) -> WorldSpec:
    """The world in which every host that ``config`` names is well and unthrottled.

    ``address_counts``: how many addresses hosts have, in turn.
    """
    plan = _Plan(config, network, network6, address_counts)
    definitions = (*config.platforms, *config.controls)
    sites = [plan.site(group, pages) for group in _groups(definitions)]
    sites.append(plan.beacon(config.settings.beacon or BEACON))
    doh = [r for r in config.settings.dns.resolvers if r.doh is not None]
    sites += [plan.doh_site(resolver) for resolver in doh]
    plain = [r.address for r in config.settings.dns.resolvers if r.address and r.doh is None]
    return WorldSpec(
        zone=plan.zone,
        resolvers=tuple(dict.fromkeys([(WORLD_ADDRESS, DNS_PORT), *map(_endpoint, plain)])),
        sites=tuple(sites),
    )


def _groups(definitions: Sequence[Definition]) -> list[list[Definition]]:
    """Definitions that share an operator or a host, together."""
    groups: list[tuple[set[str], list[Definition]]] = []
    for definition in definitions:
        keys = {*definition.hosts, *_connected(definition)}
        keys |= {f"operator {definition.operator}"} if definition.operator else set()
        members = [definition]
        apart = []
        for others, group in groups:
            if keys & others:
                keys |= others
                members = group + members
            else:
                apart.append((others, group))
        groups = [*apart, (keys, members)]
    return [members for _, members in groups]


def _connected(definition: Definition) -> Iterator[str]:
    """The hosts that the definition's targets are reached at and asked for."""
    for target in _candidates(definition):
        yield from _hosts_of(target)


def _candidates(definition: Definition) -> Iterator[Target]:
    for target in definition.targets:
        yield from candidates_of(target)


def _hosts_of(target: Target) -> Iterator[str]:
    for url in _urls(target):
        yield url.hostname or ""
    yield from (name for name in (target.host, target.sni, target.connect_to) if name)


def _urls(target: Target) -> Iterator[SplitResult]:
    if target.url is not None:
        yield urlsplit(target.url)
    if target.discover is not None:
        page = target.discover.page
        yield urlsplit(page)
        if page in PAGES:
            yield urlsplit(PAGES[page].link)


class _Plan:
    """Gives out addresses, and remembers them as the zone."""

    def __init__(
        self, config: Config, network: str, network6: str, address_counts: Sequence[int]
    ) -> None:
        self._counts = address_counts
        self.zone: dict[str, tuple[str, ...]] = {}
        self._pinned = config.settings.resolve
        self._first = ip_network(network).network_address
        self._first6 = ip_network(network6).network_address
        self._sites = 0

    def _addresses(self, names: Iterable[str]) -> tuple[str, ...]:
        """A site's addresses: a /24 and a /64 of its own, some of them for each name."""
        self._sites += 1
        here, here6 = self._first + self._sites * 256, self._first6 + (self._sites << 64)
        used: list[str] = []
        place = 10
        for index, name in enumerate(names):
            if is_address(name):
                used.append(name)
                continue
            count = self._counts[index % len(self._counts)]
            places = range(place, place + count)
            place += count
            if place > 254:
                raise WorldError(f"too many hosts in one site, at {name}")
            given = [*(str(here + p) for p in places), *(str(here6 + p) for p in places)]
            self.zone[name] = self._pinned.get(name, tuple(given))
            used += self.zone[name]
        return tuple(dict.fromkeys(used))

    def site(self, definitions: Sequence[Definition], pages: Mapping[str, Page]) -> Site:
        """One operator's servers."""
        targets = [t for d in definitions for t in _candidates(d)]
        declared = list(dict.fromkeys(host for d in definitions for host in d.hosts))
        connected = dict.fromkeys(name for d in definitions for name in _connected(d))
        names = [*declared, *(n for n in connected if n not in declared)]
        objects: dict[str, dict[str, Object]] = {}
        aliases: dict[str, str] = {}
        for target in targets:
            for url, made in _objects(target, pages):
                _put(objects, url.hostname or "", url.path or "/", made)
            _alias(aliases, target.sni, target.certificate_name)
            if target.swap is not None and target.swap.answer is Answer.EXPECTED:
                _alias(aliases, target.swap.sni, target.swap.certificate_name)
        certified = [n for n in names if not is_address(n)]
        swaps = [target.swap for target in targets if target.swap is not None]
        said = [*aliases.values(), *(one.famous for one in swaps if one.famous)]
        certified += dict.fromkeys(n for n in said if not covers(certified, n))
        slug = site_name(definitions[0])
        return Site(
            name=slug,
            addresses=self._addresses(names),
            certificates=tuple(_certificates(slug, certified)),
            aliases=aliases,
            objects=objects,
        )

    def beacon(self, name: str) -> Site:
        """A neutral server: any Host, any path."""
        return Site(
            name="beacon",
            addresses=self._addresses([name]),
            certificates=(Certificate(names=(name,), file="beacon-0.pem"),),
            objects={ANY: {ANY: Object(size_bytes=LARGEST_BYTES)}},
        )

    def doh_site(self, resolver: ResolverConfig) -> Site:
        """A resolver over HTTPS."""
        host = urlsplit(resolver.doh or "").hostname or ""
        addresses = [host] if is_address(host) else [_endpoint(resolver.address or "")[0]]
        if host not in addresses:
            self.zone[host] = tuple(addresses)
        return Site(
            name=resolver.name,
            addresses=tuple(addresses),
            certificates=(
                Certificate(
                    names=tuple(dict.fromkeys([host, *addresses])), file=f"{resolver.name}-0.pem"
                ),
            ),
            resolves=True,
        )


def site_name(definition: Definition) -> str:
    """What the site of who runs ``definition`` is called."""
    name = definition.operator or definition.name
    return "".join(c if c.isalnum() else "-" for c in name.lower())


def _objects(target: Target, pages: Mapping[str, Page]) -> Iterator[tuple[SplitResult, Object]]:
    """What the target's URLs give, under the Host that the request will carry."""
    reads = target.compares is Compares.GOODPUT
    size = _size(int(target.min_bytes), reads)
    whole = Object(size_bytes=size, status=_status(target.expect_status))
    paths: list[SplitResult] = []
    if target.url is not None:
        paths.append(urlsplit(target.url))
    if target.discover is not None:
        for asked in (target.discover.page, *target.discover.pages):
            page = pages.get(asked)
            if page is None:
                raise WorldError(
                    f"{asked}: lab/world/content.py does not say what this page contains"
                )
            yield urlsplit(asked), Object(text=page.whole(), content_type=HTML)
            paths.append(urlsplit(page.link))
            for link in page.small:
                yield urlsplit(link), Object(size_bytes=SMALL_BYTES)
    for url in paths:
        host = target.host or url.hostname or ""
        yield url._replace(netloc=host), whole
    if target.swap is not None and target.swap.answer is Answer.EXPECTED:
        for url in paths:
            yield _swapped(url, target, target.swap)


def _swapped(url: SplitResult, target: Target, swap: Corner) -> tuple[SplitResult, Object]:
    path = swap.path.partition("?")[0] if swap.path is not None else url.path
    host = swap.host or swap.sni or target.host or url.hostname or ""
    size = _size(int(swap.min_bytes or target.min_bytes), swap.compares is Compares.GOODPUT)
    status = _status(swap.expect_status or target.expect_status)
    return url._replace(netloc=host, path=path), Object(size_bytes=size, status=status)


def _put(objects: dict[str, dict[str, Object]], host: str, path: str, made: Object) -> None:
    """Several targets may name one object: the largest serves them all."""
    paths = objects.setdefault(host.lower(), {})
    if path not in paths or paths[path].size_bytes < made.size_bytes:
        paths[path] = made


def _size(min_bytes: int, reads: bool) -> int:
    """A little more than what is promised, as objects grow."""
    wanted = max(min_bytes + min_bytes // 4, READABLE_BYTES if reads else SMALL_BYTES)
    if min_bytes > LARGEST_BYTES:
        raise WorldError(f"an object of {min_bytes} bytes is larger than {LARGEST_BYTES}")
    return min(wanted, LARGEST_BYTES)


def _status(expected: Sequence[int]) -> int:
    """What the platform answers: 204 where that is allowed, else 200, else the first one named."""
    return next((status for status in (204, 200) if status in expected), expected[0])


def _alias(aliases: dict[str, str], sni: str | None, certificate_name: str | None) -> None:
    if sni and certificate_name and sni != certificate_name:
        aliases[sni.lower()] = certificate_name


def _certificates(site: str, names: Iterable[str]) -> Iterator[Certificate]:
    """One certificate for each domain (the last two labels), with all its names."""
    domains: dict[str, list[str]] = {}
    for name in names:
        domains.setdefault(".".join(name.split(".")[-2:]), []).append(name)
    for index, members in enumerate(domains.values()):
        yield Certificate(names=tuple(members), file=f"{site}-{index}.pem")


def _endpoint(address: str) -> tuple[str, int]:
    """``9.9.9.9``, ``9.9.9.9:5353``, ``2620:fe::fe`` or ``[2620:fe::fe]:53`` in two parts."""
    if is_address(address):
        return address, DNS_PORT
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
