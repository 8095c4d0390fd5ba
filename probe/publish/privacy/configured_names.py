"""What the configuration names, and may therefore be written.

A link that a page gave can hold anything: the address that the page was fetched from, a number made
for whoever asked, in forms that no filter knows (``203-0-113-7``, ``cb710707``, base64, words). So
nothing is looked for in it. What the operator wrote into the configuration is harmless, because he
wrote it; of everything else only that part is kept which the configuration spells out itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Struct

from probe.config.definition import Definition
from probe.config.neutral import OBSCURE
from probe.config.schema import Config

# OONI's word for a value that the probe took out.
SCRUBBED = "[scrubbed]"
# A host that the configuration does not name. Brackets would make of a URL none (RFC 3986), and no
# host can have this name (RFC 2606).
LABEL = "scrubbed"
NO_HOST = f"{LABEL}.invalid"
NO_PORT = 0
_NOT_NAMED = f"https://{NO_HOST}/{SCRUBBED}"

# The end of a pattern, as far as it spells itself out: ``\.js``.
_TAIL = re.compile(r"(?:(?<!\\)[\w-]|\\[./-]|/)*$", re.ASCII)
_SPECIAL = frozenset(".^$*+?{}[]()|")
_QUANTIFIERS = frozenset("*+?{")


class Named(Struct, frozen=True, kw_only=True):
    """``hosts`` are names, ``below`` the ends of names (``.fbcdn.net``) of which any name may be
    asked. ``paths`` are paths with their queries. ``links`` are the first and last letters of
    paths, as patterns of discovery spell them out."""

    hosts: frozenset[str] = frozenset()
    below: tuple[str, ...] = ()
    addresses: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset({443})
    paths: frozenset[str] = frozenset({"", "/"})
    links: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, config: Config, beside: tuple[Definition, ...] = ()) -> Named:
        """All texts of the definitions, of those ``beside`` them, of ``resolve``, ``beacon`` and
        the resolvers. What else the main file has (passwords of proxies, paths of files) is nothing
        that a round could show."""
        settings = config.settings
        parts = (
            config.platforms,
            config.controls,
            config.pool,
            beside,
            {"resolve": [settings.resolve, list(settings.resolve)], "beacon": settings.beacon},
            settings.dns.resolvers,
            {"obscure": OBSCURE},
        )
        return cls.of_texts(
            text for part in parts for text in _texts("", msgspec.to_builtins(part))
        )

    @classmethod
    def of_definitions(cls, definitions: Iterable[Definition]) -> Named:
        """All texts of these definitions."""
        return cls.of_texts(
            text for one in definitions for text in _texts("", msgspec.to_builtins(one))
        )

    @classmethod
    def of_texts(cls, texts: Iterable[tuple[str, str]]) -> Named:
        """``texts`` are pairs of a key and what stands there."""
        hosts, below, addresses, paths = set[str](), set[str](), set[str](), {"", "/"}
        ports, links = {443}, set[tuple[str, str]]()
        for key, text in texts:
            if key == "pattern":
                links.add(_spelled(text))
            elif text.startswith(("https://", "http://")):
                parts = urlsplit(text)
                hosts.add((parts.hostname or "").lower())
                ports.add(parts.port or 443)
                paths.add(_target(parts))
            elif text.startswith("/"):
                paths.add(text)
            elif text.startswith("*."):
                below.add(text[1:].lower())
            elif " " not in text:
                hosts.add(text.lower())
        for host in hosts:
            literal = _address(host)
            if literal is not None:
                addresses.add(literal)
        return cls(
            hosts=frozenset(hosts - {""}),
            below=_longest_first(below),
            addresses=frozenset(addresses),
            ports=frozenset(ports),
            paths=frozenset(paths),
            links=_closest_first(links),
        )

    def __or__(self, other: Named) -> Named:
        """What either names."""
        return Named(
            hosts=self.hosts | other.hosts,
            below=_longest_first({*self.below, *other.below}),
            addresses=self.addresses | other.addresses,
            ports=self.ports | other.ports,
            paths=self.paths | other.paths,
            links=_closest_first({*self.links, *other.links}),
        )

    def host(self, name: str) -> str:
        """``name`` if it is named; if any name below a named one may stand there, that end of it;
        else ``scrubbed.invalid``."""
        plain = name.lower().rstrip(".")
        if not plain or plain in self.hosts or _address(plain) in self.addresses:
            return name
        end = next((end for end in self.below if plain.endswith(end)), None)
        return NO_HOST if end is None else LABEL + end

    def port(self, number: int) -> int:
        """``number`` if a URL of the configuration has it; else 0."""
        return number if number in self.ports else NO_PORT

    def url(self, url: str) -> str:
        """``url`` as far as the configuration spells it out; a login and a fragment never."""
        if not url:
            return ""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return _NOT_NAMED
        scheme = parts.scheme if parts.scheme in ("https", "http") else "https"
        host = self.host(parts.hostname or NO_HOST)
        if host == NO_HOST:
            return _NOT_NAMED
        if ":" in host:
            host = f"[{host}]"
        place = host if port is None or port not in self.ports else f"{host}:{port}"
        return f"{scheme}://{place}{self._path(parts)}"

    def _path(self, parts: SplitResult) -> str:
        whole = _target(parts)
        if whole in self.paths:
            return whole
        path = parts.path
        for first, last in self.links:
            if path == first:
                return path
            long_enough = len(path) >= len(first) + len(last)
            if long_enough and path.startswith(first) and path.endswith(last):
                return f"{first}{SCRUBBED}{last}"
        return f"/{SCRUBBED}"


NOTHING = Named()


def _longest_first(ends: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ends, key=lambda end: (-len(end), end)))


def _closest_first(links: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(links, key=lambda link: (-len(link[0]), -len(link[1]), link)))


def _target(parts: SplitResult) -> str:
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _texts(str(name), below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _texts(key, below)


def _spelled(pattern: str) -> tuple[str, str]:
    """The first and last letters of the path of every link that ``pattern`` matches, as far as it
    has them in so many words."""
    # A group is no letter of the link.
    pattern = re.sub(r"^\((\?:)?", "", pattern).rstrip(")")
    found = _TAIL.search(pattern)
    last = "" if found is None else found[0].replace("\\", "")
    first, at = "", 0
    while at < len(pattern) and pattern[at] not in _SPECIAL:
        letter = pattern[at]
        at += 1
        if letter == "\\":
            letter = pattern[at : at + 1]
            at += 1
            if letter.isalnum():
                break  # a class of letters
        if at < len(pattern) and pattern[at] in _QUANTIFIERS:
            if letter != "\\":
                break
            at += 1  # the backslash of JSON, which the link does not have
            continue
        # A link in JSON has one before each slash, which is taken off.
        first += letter.strip("\\")
    if "://" in first or first.startswith("//"):
        first = "/" + first.partition("//")[2].partition("/")[2]
    return (first if first.startswith("/") else "/"), last


def _address(text: str) -> str | None:
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        return None
