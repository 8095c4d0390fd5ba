"""The hosts that a definition names somewhere, and those that it declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from probe.config.document import Node
from probe.config.errors import ConfigError
from probe.config.formats import is_host, is_https_url
from probe.config.hints import near
from probe.config.hosts import covers


def undeclared_hosts(definition: Node) -> Iterator[ConfigError]:
    """Hosts that a definition names somewhere and not in its ``hosts``.

    Looks at the tree and not at the value, so that one mistake elsewhere does not hide these.
    """
    hosts = definition.get("hosts")
    if hosts is None or not hosts.items():
        return
    declared = [entry.text for entry in hosts.items()]
    for place, host in _named_hosts(definition):
        if not covers(declared, host):
            yield place.error(
                found=f"the host {host}, which `hosts` does not name",
                expected=f"a host of `hosts`: {', '.join(declared)}",
                suggestion=near(host, declared),
            )


def fitting(definition: Node, over: Node) -> Node:
    """``definition`` without what ``over`` has no room for: if it gives other ``hosts``, candidates
    and optional targets whose hosts are not among them.

    So a configuration that was written when there were fewer of them still means what it meant.
    What ``over`` itself gives stays, and is complained of.
    """
    hosts, targets = over.get("hosts"), definition.get("targets")
    if hosts is None or targets is None or not isinstance(definition.value, dict):
        return definition
    declared = [entry.text for entry in hosts.items()]
    own = {_name(target): target for target in over.find("targets").items()}

    def fits(place: Node) -> bool:
        return all(covers(declared, host) for _, host in _hosts_named(place))

    kept: list[Node] = []
    for target in targets.items():
        mine, candidates = own.get(_name(target)), target.get("candidates")
        if mine is None and target.find("optional").value is True and not fits(target):
            continue
        given = mine is not None and mine.get("candidates") is not None
        if candidates is not None and isinstance(target.value, dict) and not given:
            able = tuple(filter(fits, candidates.items()))
            target = target.with_value({**target.value, "candidates": candidates.with_value(able)})
        kept.append(target)
    return definition.with_value({**definition.value, "targets": targets.with_value(tuple(kept))})


def _name(target: Node) -> str:
    name = target.get("name")
    return "" if name is None else name.text


def _named_hosts(definition: Node) -> Iterator[tuple[Node, str]]:
    targets = definition.get("targets")
    for target in targets.items() if targets is not None else ():
        yield from _hosts_named(target)
        candidates = target.get("candidates")
        for candidate in candidates.items() if candidates is not None else ():
            yield from _hosts_named(candidate)


def _hosts_named(target: Node) -> Iterator[tuple[Node, str]]:
    """Those of a target, or of one of its candidates."""
    paths: list[tuple[Any, ...]] = [("url",), ("discover", "page"), ("fallback", "url")]
    for corner in ((), ("swap",), ("decoy",)):
        paths += [(*corner, key) for key in ("connect_to", "sni", "host")]
        drawn = target.find(*corner, "names").items() if corner else ()
        for name in drawn:
            if isinstance(name.value, str) and is_host(name.value):
                yield name, name.value
    for path in paths:
        place = _at(target, path)
        if place is None or not isinstance(place.value, str):
            continue
        if path[-1] in ("url", "page"):
            if is_https_url(place.value):
                yield place, urlsplit(place.value).hostname or ""
        elif is_host(place.value):
            yield place, place.value
    for place in target.find("discover", "pages").items():
        if isinstance(place.value, str) and is_https_url(place.value):
            yield place, urlsplit(place.value).hostname or ""
    for place in target.find("discover", "hosts").items():
        if isinstance(place.value, str):
            yield place, place.value


def _at(node: Node, path: tuple[Any, ...]) -> Node | None:
    found: Node | None = node
    for key in path:
        found = found.get(key) if found is not None else None
    return found
