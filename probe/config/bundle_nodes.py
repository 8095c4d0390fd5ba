"""The definitions in a bundle, checked by themselves like those of an operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from probe.config.bundle import Bundle
from probe.config.checks import CHECKS
from probe.config.definition import Definition
from probe.config.document import Node, parse
from probe.config.errors import ConfigError
from probe.config.formats import is_address
from probe.config.named_hosts import undeclared_hosts
from probe.config.walk import Walker

_END = ".yaml"


def nodes_of(bundle: Bundle, *, allow_private: bool) -> tuple[dict[str, Node], list[ConfigError]]:
    """Its definitions by name, and the mistakes of the first file that has any: those after it
    would only take time. ``allow_private``: addresses of this very network may be among the
    hosts."""
    return _read(bundle.files, f"bundle {bundle.version}: ", allow_private)


def mistakes_of(files: Mapping[str, str], *, allow_private: bool = False) -> list[ConfigError]:
    """Those of the first of the ``files``, which are to become a bundle, that has any."""
    return _read(files, "", allow_private)[1]


def _read(
    files: Mapping[str, str], prefix: str, allow_private: bool
) -> tuple[dict[str, Node], list[ConfigError]]:
    nodes: dict[str, Node] = {}
    for file, text in sorted(files.items()):
        node, mistakes = parse(text, f"{prefix}{file}")
        if node is not None and not mistakes:
            mistakes = [*_mistakes(node, file.removesuffix(_END), allow_private)]
        if node is None or mistakes:
            return {}, mistakes
        nodes[file.removesuffix(_END)] = node
    return nodes, []


def _mistakes(node: Node, name: str, allow_private: bool) -> Iterator[ConfigError]:
    walker = Walker(CHECKS)
    walker.build(node, Definition)
    yield from walker.errors
    yield from undeclared_hosts(node)
    place = node.find("name")
    if place.text != name:
        yield place.error(found=f"the name {place.text}", expected=f"{name}, as the file is called")
    hosts = node.get("hosts")
    for host in hosts.items() if hosts is not None and not allow_private else ():
        if is_address(host.text) and not ip_address(host.text).is_global:
            yield host.error(
                found=f"{host.text}, an address that is not public",
                expected="hosts of the Internet: a bundle leads into nobody's own network",
            )
