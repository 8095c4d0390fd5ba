"""What people call things: countries by name, networks with ``AS``, platforms by their title.

A configuration has one form for each; what people write beside it is understood where they are
asked, and answered with the right value where they have written it down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache

from probe.config import embedded

_COUNTRIES = "countries.tab"
_OWN_NAMES = "countries-own.tab"
_ASN = re.compile(r"\s*(?:AS[NH]?)?\s*([1-9][0-9]{0,9})\s*", re.IGNORECASE)
_MOST_LETTERS = 80
_NEAR = 0.75
_NEAR_WORD = 0.6
# What the list calls otherwise.
_ALSO = {
    **dict.fromkeys(("uk", "britain", "great britain", "united kingdom", "england"), "GB"),
    **dict.fromkeys(("scotland", "wales", "northern ireland"), "GB"),
    **dict.fromkeys(("usa", "united states of america", "america"), "US"),
    **dict.fromkeys(("myanmar", "burma"), "MM"),
    "south korea": "KR",
    "north korea": "KP",
    "dr congo": "CD",
    "ivory coast": "CI",
    "czechia": "CZ",
    "uae": "AE",
    **dict.fromkeys(("türkiye", "turkiye"), "TR"),
    "palestinian territories": "PS",
    **dict.fromkeys(("kosova", "kosovë", "косово", "republic of kosovo", "xkx"), "XK"),
}
# Not in the list, as ISO 3166-1 has no letters for it: those that CLDR, the EU and the IMF use. ISO
# leaves them to whoever needs some.
_NOT_IN_ISO = {"XK": "Kosovo"}
# Before a country's name, and of no country alone.
_ARTICLE = re.compile(r"the\s+", re.IGNORECASE)

# Platforms' names among those who use them.
_NICKNAMES = {
    "fb": "facebook",
    "insta": "instagram",
    "ig": "instagram",
    "yt": "youtube",
    "utube": "youtube",
    "youtu": "youtube",  # youtu.be
    "wa": "whatsapp",
}
_ADDRESS = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+)[a-z]{2,}(?:[:/?#].*)?", re.DOTALL)


@cache
def countries() -> Mapping[str, str]:
    """The English name of each country, by its two letters: the tz database's list, which is in the
    public domain, and what ISO has no letters for."""
    return dict(_rows(_COUNTRIES)) | _NOT_IN_ISO


def country_code(text: str) -> str:
    """The two letters of the country that is called ``text`` (``pk``, ``PAK``, ``Pakistan``,
    ``پاکستان``); empty where none is."""
    said = _ARTICLE.sub("", text.strip()[:_MOST_LETTERS], count=1)
    return said.upper() if said.upper() in countries() else _names().get(said.casefold(), "")


def country_near(text: str) -> str:
    """The same where it may be misspelt (``Pakstan``): what to ask for, and not what to take."""
    key = text.strip().casefold()[:_MOST_LETTERS]
    found = get_close_matches(key, list(_names()), n=1, cutoff=_NEAR) if len(key) > 3 else []
    return country_code(text) or next((_names()[name] for name in found), "")


@cache
def _names() -> Mapping[str, str]:
    own = {name.casefold(): code for code, name in _rows(_OWN_NAMES)}
    return own | {name.casefold(): code for code, name in countries().items()} | _ALSO


def _rows(name: str) -> Iterator[tuple[str, str]]:
    for line in (embedded.folder() / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            code, called_so = line.split("\t")
            yield code, called_so


def network_number(text: str) -> int | None:
    """The number of an autonomous system: ``17557``, ``AS17557``, ``as 17557``; ``None``: it is
    none."""
    found = _ASN.fullmatch(text[:_MOST_LETTERS])
    return None if found is None else int(found[1])


def called(text: str, titles: Mapping[str, str]) -> str:
    """The name among ``titles`` (by name) that ``text`` calls: the name itself, its title, a word
    of that (``Twitter``), what it is called for short (``fb``) or where it is (``twitter.com``);
    empty where none is called so."""
    said = text.strip().lower()
    if said in titles:
        return said
    for word in (said, *_labels(said)):
        found = _NICKNAMES.get(word, word)
        if found in titles:
            return found
        for name, title in titles.items():
            if word and word in (title.lower(), *_words(title)):
                return name
    return ""


def called_near(text: str, titles: Mapping[str, str]) -> str:
    """The same where it may be misspelt (``twiter``): what to ask for, and not what to take."""
    said = text.strip().lower()[:_MOST_LETTERS]
    words = {word: name for name, title in titles.items() for word in (*_words(title), name)}
    found = get_close_matches(said, list(words), n=1, cutoff=_NEAR_WORD)
    return called(text, titles) or next((words[word] for word in found), "")


def _words(title: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in title.lower()).split()


def _labels(said: str) -> list[str]:
    """The parts of a host's name, of an address in a browser too, but for the last."""
    found = _ADDRESS.fullmatch(said[: 4 * _MOST_LETTERS])
    return [] if found is None else found[1].rstrip(".").split(".")
