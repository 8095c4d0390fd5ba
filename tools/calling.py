"""Tables of what people call countries and networks (docs/architecture.md), made anew.

    python tools/calling.py countries > config/countries-own.tab
    python tools/calling.py networks ASN.csv COUNTRY.csv > config/networks.tab

The first are names of countries in their own official languages, from Unicode's CLDR as Babel has
it. The second are the networks with the most addresses in each country; the two files are those
named ``…-ipv4-num.csv`` of the packages ``@ip-location-db/asn`` and ``@ip-location-db/asn-country``
of the npm registry.
"""

from __future__ import annotations

import csv
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.languages import get_official_languages

from probe.config.calling import countries

MOST_OF_A_COUNTRY = 20
LEAST_ADDRESSES = 1_024
"""A network with fewer has hardly a home."""
MOST_LETTERS = 48


def own_names() -> Iterator[str]:
    """The rows of names that countries have in their own languages, and of their three letters."""
    yield "# What countries are called in their own official languages, and their three letters."
    yield "# From Unicode's CLDR as Babel has it ((c) Unicode, Inc., Unicode License v3). Made by"
    yield "# tools/calling.py."
    english = {name.casefold() for name in countries().values()}
    letters = {
        codes[0]: alias
        for alias, codes in get_global("territory_aliases").items()
        if len(alias) == 3 and alias.isalpha() and len(codes) == 1
    }
    for code in countries():
        languages = get_official_languages(code, de_facto=True)
        names = dict.fromkeys(
            (letters.get(code, ""), *(_called(code, language) for language in languages))
        )
        yield from (f"{code}\t{name}" for name in names if name.casefold() not in {*english, ""})


def _called(code: str, language: str) -> str:
    try:
        return str(Locale.parse(language).territories.get(code, ""))
    except UnknownLocaleError:
        return ""


def networks(numbers: Iterable[list[str]], places: Iterable[list[str]]) -> Iterator[str]:
    """The rows of networks: of ``numbers`` (first and last address, number, whose) and ``places``
    (first and last address, country), both in order."""
    where = [(int(first), int(last), code) for first, last, code in places]
    starts = [first for first, _, _ in where]
    addresses: Counter[tuple[str, int]] = Counter()
    owners: dict[int, str] = {}
    for first, last, number, owner in numbers:
        owners.setdefault(int(number), " ".join(owner.replace('"', " ").split()))
        at = max(0, bisect_right(starts, int(first)) - 1)
        for begin, end, code in where[at : bisect_right(starts, int(last))]:
            shared = min(end, int(last)) - max(begin, int(first)) + 1
            if shared > 0:
                addresses[code, int(number)] += shared
    yield "# The networks with the most IPv4 addresses in each country, the largest first: a guide"
    yield "# to find one's own, no register, and known to have errors. Made by tools/calling.py."
    yield "# From the data of Route Views"
    yield "# (routeviews.org), of the Number Resource Organization (nro.net) and of DB-IP"
    yield "# (https://db-ip.com), as ip-location-db has put them together; counted and cut here."
    yield "# All under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)."
    found = defaultdict[str, list[int]](list)
    for (code, which), size in addresses.most_common():
        if size >= LEAST_ADDRESSES and len(found[code]) < MOST_OF_A_COUNTRY:
            found[code].append(which)
    for code in countries():
        for which in found[code]:
            yield f"{code}\t{which}\t{owners[which][:MOST_LETTERS].strip()}"


def _read(path: str) -> list[list[str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["countries"]:
            print("\n".join(own_names()))
        case ["networks", numbers, places]:
            print("\n".join(networks(_read(numbers), _read(places))))
        case _:
            raise SystemExit(__doc__)
