"""The definitions that ship, read once, and what holds of any definition before it is a value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from probe.config import embedded
from probe.config.checks import CHECKS
from probe.config.definition import Definition
from probe.config.document import Node, parse
from probe.config.errors import ConfigError
from probe.config.named_hosts import undeclared_hosts
from probe.config.schema import Settings
from probe.config.walk import INVALID, Walker
from probe.model.identity import Role

LATER = "later"
_SUFFIXES = (".yaml", ".yml")


class Defined(Struct, frozen=True):
    """A definition by its tree, and as a value unless something is wrong with it."""

    node: Node
    value: Definition | None


@lru_cache(maxsize=128)
def read_shipped(text: str | None, name: str) -> tuple[Defined | None, tuple[ConfigError, ...]]:
    """What a file of ours defines. They are dozens and seldom change: each is read once."""
    node, mistakes = (None, []) if text is None else parse(text, name)
    if node is None:
        return None, tuple(mistakes)
    walker = Walker(CHECKS)
    value = walker.build(node, Definition)
    errors = (*mistakes, *walker.errors, *undeclared_hosts(node))
    return Defined(node, None if value is INVALID else value), errors


def forget_shipped() -> None:
    """Whoever reads a configuration seldom has no use for the trees until then: 0.4 MB."""
    read_shipped.cache_clear()


def countries_of(settings: Settings) -> set[str]:
    """The countries that are watched, as far as that is said."""
    inside = (v.country for v in settings.vantages if v.role is Role.INSIDE)
    return {settings.country, *(country for country in inside if country is not None)}


def shipped_files(home: Path, countries: set[str]) -> list[Path]:
    """The embedded definitions; of those of single countries only what is asked for."""
    domestic = (home / embedded.DOMESTIC / f"{country}.yaml" for country in sorted(countries))
    return [
        *yaml_files(home / embedded.PLATFORMS),
        *yaml_files(home / embedded.POOL),
        *(file for file in domestic if file.is_file()),
    ]


def all_shipped(home: Path) -> tuple[Definition, ...]:
    """Every definition that ships and is no template, of whatever country."""
    folders = (embedded.PLATFORMS, embedded.POOL, embedded.DOMESTIC)
    read = (
        read_shipped(file.read_text("utf-8"), file.name)[0]
        for name in folders
        for file in yaml_files(home / name)
    )
    values = (one.value for one in read if one is not None and not disabled(one.node))
    return tuple(value for value in values if value is not None)


def is_here(node: Node, countries: set[str]) -> bool:
    """Whether a definition is for one of these countries, or for any."""
    country = node.get("country")
    return country is None or country.value is None or country.text in countries


def pool_of(definitions: Mapping[str, Defined]) -> tuple[Definition, ...]:
    """The controls that may be drawn."""
    values = (one.value for _, one in sorted(definitions.items()) if not disabled(one.node))
    return tuple(one for one in values if one is not None and one.kind == "control" and one.pool)


def disabled(node: Node) -> bool:
    """Whether it is kept as a template only."""
    return node.find("enabled").value is False


def yaml_files(folder: Path) -> list[Path]:
    """The definitions in a folder, by their files' names; none if it is not there."""
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix in _SUFFIXES and not file.name.startswith(".") and file.is_file()
    )
