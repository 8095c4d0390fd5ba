"""The largest networks of each country, to find the number of one's own without asking anybody.

``config/networks.tab`` is a guide and no register (``tools/calling.py`` makes it): a network that
is not in it is right all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from probe.config import embedded

_NETWORKS = "networks.tab"
_MOST_LETTERS = 80
_LEAST_LETTERS = 3


class AsnEntry(NamedTuple):
    """A network by its number, and whose it is."""

    number: int
    owner: str


@cache
def networks() -> Mapping[str, tuple[AsnEntry, ...]]:
    """Those of each country, by its two letters; the one with the most addresses first."""
    text = (embedded.folder() / _NETWORKS).read_text(encoding="utf-8")
    found = defaultdict(list)
    for line in text.splitlines():
        if line and not line.startswith("#"):
            code, number, owner = line.split("\t")
            found[code].append(AsnEntry(int(number), owner))
    return {code: tuple(rows) for code, rows in found.items()}


def networks_called(text: str, country: str) -> tuple[AsnEntry, ...]:
    """Those of ``country`` whose owner is called ``text``: by some of its words' beginnings
    (``turk telekom``) or its first letters (``PTCL``)."""
    said = text.casefold()[:_MOST_LETTERS].split()
    if len("".join(said)) < _LEAST_LETTERS:
        return ()
    return tuple(one for one in networks().get(country, ()) if _is_called(one, said))


def _is_called(network: AsnEntry, said: list[str]) -> bool:
    words = _words(network.owner)
    first = "".join(word[0] for word in words)
    return said == [first] or all(any(word.startswith(one) for word in words) for one in said)


def countries_of(number: int) -> tuple[str, ...]:
    """In which countries' lists a network is."""
    return tuple(
        code for code, rows in networks().items() if any(row.number == number for row in rows)
    )


def _words(owner: str) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in owner.casefold()).split()
