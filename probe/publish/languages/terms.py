"""What a field can hold that is no part of a sentence: names, numbers, times. How each is known in
English text, and how it is written in another language.

In text that runs from right to left each is isolated (Unicode's first strong isolate), so that a
name in Latin letters or a number with its unit does not turn the words beside it around.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Context, Decimal, getcontext, localcontext

from babel.dates import format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from probe.publish.languages.catalog import Catalog
from probe.publish.languages.offered import OFFERED

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_CODES = r"[A-Za-z0-9_.-]+"
_ISO = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
_LONG = r"\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC"
_ZONED = (
    r"\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d [A-Z+\-0-9]+ "
    r"\((?:\d{1,2} [A-Z][a-z]+, )?\d\d:\d\d UTC\)"
)
_DAY = r"\d{4}-\d\d-\d\d|\d{1,2} [A-Z][a-z]+ \d{4}"
# What people call something: a few words without the marks that part clauses.
_WORD = r"(?:[^\s,;:.]|[,;:.](?!\s))+"
_NAME = rf"(?!while ){_WORD}(?: {_WORD}){{0,3}}?"
# By the kind of a field: what it looks like.
PATTERNS: dict[str, str] = {
    "n": _NUMBER,
    "m": _NUMBER,
    "number": _NUMBER,
    "percent": rf"{_NUMBER}%",
    "rate": rf"{_NUMBER} (?:[kMG]?B)/s",
    "size": rf"{_NUMBER} (?:[kMG]?B|KiB)",
    "short": rf"{_NUMBER} (?:ms|s)",
    "moment": f"(?:{_ISO}|{_LONG}|{_ZONED})",
    "day": f"(?:{_DAY})",
    "hour": r"\d\d:\d\d [A-Z+\-0-9]+",
    "brief": r"\d{1,2} [A-Z][a-z]{2} \d\d:\d\d",
    "tick": r"\d\d:\d\d|\d{1,2} [A-Z][a-z]{2} \d\d:\d\d|[A-Z][a-z]{2} \d{1,2}|"
    r"\d{1,2} [A-Z][a-z]{2}|[A-Z][a-z]{2} \d{4}",
    "country": r"[A-Z]{2}",
    "asn": r"AS\d+",
    "asns": r"AS\d+(?:(?:, | and )AS\d+)*",
    "stack": r".+",
    "zone": r"[A-Za-z0-9_/+-]+",
    "code": _CODES,
    "failures": rf"{_CODES} in {_CODES}(?:, {_CODES} in {_CODES})*",
    "title": _NAME,
    "name": _NAME,
    "names": rf"{_NAME}(?:(?:, | and ){_NAME})*",
}
# What can be nearly anything. A form with such a field is tried after all others.
FREE = frozenset({"title", "name", "names", "stack"})
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Of Persian (CLDR: arabext). Arabic and Urdu have those of English.
_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_FIRST_STRONG, _POP = "\u2068", "\u2069"


def isolated(text: str, catalog: Catalog) -> str:
    """``text`` apart from the words around it, where those run from right to left."""
    turned = OFFERED[catalog.language].right_to_left
    return f"{_FIRST_STRONG}{text}{_POP}" if turned else text


def term(kind: str, text: str, catalog: Catalog) -> str:
    """A field's ``text`` as it is written in the catalog's language."""
    write = _WRITERS.get(kind)
    return isolated(text if write is None else write(text, catalog), catalog)


def category(text: str, catalog: Catalog) -> str:
    """The plural category (CLDR's) of a number as it stands in English text."""
    return str(catalog.locale.plural_form(Decimal(text.replace(",", ""))))


def number(text: str, catalog: Catalog) -> str:
    """With the digits and signs of the language, and as many places as it has in English."""
    whole, dot, places = text.replace(",", "").partition(".")
    form = "#,##0" + (f".{'0' * len(places)}" if dot else "")
    value = Decimal(f"{whole}{dot}{places}")
    with _room_for(text):
        said = str(format_decimal(value, form, locale=catalog.locale, numbering_system="default"))
    return _digits(said, catalog)


def _with_unit(text: str, catalog: Catalog) -> str:
    value, _, unit = text.partition(" ")
    forms = catalog.forms.get("unit", ())
    said = next((form.said[0] for form in forms if form.english[0] == unit), unit)
    return f"{number(value, catalog)} {said}"


def _percent(text: str, catalog: Catalog) -> str:
    with _room_for(text):
        value = Decimal(text.rstrip("%").replace(",", "")) / 100
        said = str(format_percent(value, locale=catalog.locale, numbering_system="default"))
    return _digits(said, catalog)


def _room_for(text: str) -> AbstractContextManager[Context]:
    """Babel rounds with the context's precision, and fails on a number that has more digits."""
    return localcontext(prec=max(getcontext().prec, len(text) + 2))


def _digits(text: str, catalog: Catalog) -> str:
    """Babel knows the signs of a language's numbers, and writes its digits as in English."""
    system = catalog.locale.default_numbering_system
    return text.translate(_DIGITS) if system == "arabext" else text


def _moment(text: str, catalog: Catalog) -> str:
    if "(" in text:
        # A local time, with UTC beside it.
        local, _, utc = text.partition(" (")
        day, _, zone = local.rpartition(" ")
        other_day, comma, beside = utc.rstrip(")").rpartition(", ")
        if comma:
            # Of a leap year, which has every day.
            of = datetime.strptime(f"2000 {other_day}", "%Y %d %B")
            other_day = _digits(str(format_datetime(of, "d MMMM", locale=catalog.locale)), catalog)
        said = _moment(f"{day} UTC", catalog).removesuffix(" UTC")
        return f"{said} {zone} ({other_day}{comma}{_hour(beside, catalog)})"
    form = "%Y-%m-%d %H:%M UTC" if text[4] == "-" else "%d %B %Y, %H:%M UTC"
    at = datetime.strptime(text, form)
    said = str(format_datetime(at, "d MMMM y, HH:mm", locale=catalog.locale))
    return f"{_digits(said, catalog)} UTC"


def _day(text: str, catalog: Catalog) -> str:
    at = datetime.strptime(text, "%Y-%m-%d" if text[4] == "-" else "%d %B %Y")
    return _digits(str(format_datetime(at, "d MMMM y", locale=catalog.locale)), catalog)


def _brief(text: str, catalog: Catalog) -> str:
    at = datetime.strptime(f"2000 {text}", "%Y %d %b %H:%M")
    return _digits(str(format_datetime(at, "d MMM HH:mm", locale=catalog.locale)), catalog)


# How the labels of a time axis are written: in English, and in the form of CLDR.
_TICKS = (
    ("%H:%M", "HH:mm"),
    ("%d %b %H:%M", "d MMM HH:mm"),
    ("%d %b", "d MMM"),
    ("%b %Y", "MMM y"),
)


def _tick(text: str, catalog: Catalog) -> str:
    day, _, rest = text.partition(" ")
    if day in _DAYS:
        names = catalog.locale.days["format"]["abbreviated"]
        return f"{names[_DAYS.index(day)]} {_digits(rest, catalog)}"
    for english, form in _TICKS:
        # Of a leap year, which has every day.
        given, read = (text, english) if "%Y" in english else (f"2000 {text}", f"%Y {english}")
        try:
            at = datetime.strptime(given, read)
        except ValueError:
            continue
        return _digits(str(format_datetime(at, form, locale=catalog.locale)), catalog)
    return text


def _country(text: str, catalog: Catalog) -> str:
    return str(catalog.locale.territories.get(text, text))


def _hour(text: str, catalog: Catalog) -> str:
    at, _, zone = text.partition(" ")
    return f"{_digits(at, catalog)} {zone}"


def _names(text: str, catalog: Catalog) -> str:
    several = [one for part in text.split(" and ") for one in part.split(", ")]
    each = [isolated(one, catalog) for one in several]
    return str(format_list(each, locale=catalog.locale)) if len(each) > 1 else text


def _failures(text: str, catalog: Catalog) -> str:
    """Words of OONI's data format, which are the same everywhere."""
    return text.replace(" in ", "/")


_WRITERS: dict[str, Callable[[str, Catalog], str]] = {
    "n": number,
    "m": number,
    "number": number,
    "percent": _percent,
    "rate": _with_unit,
    "size": _with_unit,
    "short": _with_unit,
    "moment": _moment,
    "day": _day,
    "hour": _hour,
    "brief": _brief,
    "tick": _tick,
    "country": _country,
    "names": _names,
    "asns": _names,
    "failures": _failures,
}
