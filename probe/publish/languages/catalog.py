"""A language's catalog: the forms of English text, and how each is said in that language.

A catalog is an ordinary gettext file (``probe/locales/LANGUAGE/LC_MESSAGES/throttlewatch.po``), so
that any editor of such files can be used. Each English form has *fields*: ``{times} as long``. What
may stand in a field is told by the field's name: a number, a time, a name (``terms.py``), or a part
of a sentence, whose forms are the entries with that name as their context (``msgctxt``). Digits at
the end of a field's name tell two of a kind apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.pofile import read_po
from msgspec import Struct

FOLDER = Path(__file__).parents[2] / "locales"
DOMAIN = "throttlewatch.po"
FIELD = re.compile(r"\{(\w+)\}")
# The category of CLDR for each plural form of a catalog, in the order of its header.
PLURALS: dict[str, tuple[str, ...]] = {
    "ar": ("zero", "one", "two", "few", "many", "other"),
    "ru": ("one", "few", "many"),
}
_TWO = ("one", "other")


class CatalogForm(Struct, frozen=True, kw_only=True):
    """One entry. ``english``: one text, or singular and plural; ``said``: one for each plural form
    of the language; ``context``: the part of a sentence that it is (empty: a clause)."""

    context: str
    english: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """Whether its words depend on a number, ``{n}``."""
        return len(self.english) > 1


class Catalog(Struct, frozen=True, kw_only=True):
    """All forms of ``language``, by context."""

    language: str
    forms: Mapping[str, tuple[CatalogForm, ...]]

    @property
    def locale(self) -> Locale:
        """How numbers, dates and lists are written."""
        return Locale.parse(self.language)

    def plural(self, category: str) -> int:
        """The plural form for a category of CLDR. Of fractions some catalogs have none of their
        own: in Russian a fraction has the words of a few."""
        forms = PLURALS.get(self.language, _TWO)
        return forms.index(category) if category in forms else forms.index("few")


@cache
def catalog(language: str) -> Catalog:
    """The catalog of one of ``OFFERED``, but English."""
    forms: dict[str, list[CatalogForm]] = {}
    for form in _read(language):
        forms.setdefault(form.context, []).append(form)
    return Catalog(language=language, forms={name: tuple(found) for name, found in forms.items()})


def _read(language: str) -> Iterator[CatalogForm]:
    with (FOLDER / language / "LC_MESSAGES" / DOMAIN).open("rb") as file:
        for message in read_po(file, locale=language):
            if message.id:
                yield CatalogForm(
                    context=message.context or "",
                    english=_several(message.id),
                    said=_several(message.string),
                )


def _several(text: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)
