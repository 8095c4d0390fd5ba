"""Reads English text by the forms of a catalog, and says it in that catalog's language.

A verdict, a finding and an incident keep their sentence, in English, as it was given: that is what
is stored, forwarded and quoted. Another language is made of it where it is shown. So a sentence of
last year can be read in a language that came this year, and no rule knows of languages.

**How.** Text is clauses with marks between them (``. `` ``; `` ``: `` ``, `` `` · ``), some of them
in brackets, and may begin with a title and a colon. A clause has one of the forms without a
context. As much as can be is read at once, so that a sentence can be translated as a whole where
that is better. What cannot be read is not said in half: the whole text stays in English.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from probe.publish.languages.catalog import FIELD, Catalog, CatalogForm
from probe.publish.languages.terms import FREE, PATTERNS, category, term

_MARKS = re.compile(r"\. |; |: | · |, ")
_LONGEST_TITLE = 80
# Marks that another script has for its own. The last one ends a sentence.
_OWN_MARKS = {
    "ar": {"; ": "؛ ", ", ": "، "},
    "fa": {"; ": "؛ ", ", ": "، "},
    "ur": {"; ": "؛ ", ", ": "، ", ". ": "۔ ", ".": "۔"},
}


class SentenceReader:
    """The forms of one catalog, ready to read with."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._marks = _OWN_MARKS.get(catalog.language, {})
        self._split = cache(_split)
        self._parts: dict[str, str] = {}
        # The more special before the more general.
        self._texts = {
            context: sorted(
                (
                    (form, text, max(_split(text)[0], key=len, default=""))
                    for form in forms
                    for text in form.english
                ),
                key=lambda one: self._own_words(one[1]),
                reverse=True,
            )
            for context, forms in catalog.forms.items()
        }
        self._compiled: dict[tuple[str, str], re.Pattern[str]] = {}
        self.said = lru_cache(maxsize=4_096)(self._said)
        self._text = lru_cache(maxsize=16_384)(self._read_text)
        self._item = lru_cache(maxsize=16_384)(self._read_item)

    def _said(self, text: str) -> str | None:
        """``text`` in the catalog's language; ``None``: it has no form that is known."""
        return self._text(text.strip()) if text.strip() else text

    def _read_text(self, text: str) -> str | None:
        """Items with marks between them."""
        whole = self._item(text)
        if whole is not None:
            return whole
        if text.endswith("."):
            said = self._text(text[:-1])
            return None if said is None else said + self._marks.get(".", ".")
        for mark in reversed(list(_MARKS.finditer(text))):
            item = self._item(text[: mark.start()])
            rest = None if item is None else self._text(text[mark.end() :])
            if rest is not None:
                return f"{item}{self._marks.get(mark[0], mark[0])}{rest}"
        return self._titled(text)

    def _titled(self, text: str) -> str | None:
        title, colon, rest = text.partition(": ")
        if not colon or len(title) > _LONGEST_TITLE:
            return None
        said = self._text(rest)
        return None if said is None else f"{term('names', title, self.catalog)}: {said}"

    def _read_item(self, text: str) -> str | None:
        """A clause, or one with more in brackets after it."""
        said = self._part("", text)
        if said is not None or not text.endswith(")"):
            return said
        for bracket in re.finditer(r" \(", text):
            head = self._item(text[: bracket.start()])
            inner = None if head is None else self._text(text[bracket.end() : -1])
            if inner is not None:
                return f"{head} ({inner})"
        return None

    def _part(self, context: str, text: str) -> str | None:
        """``text``, which is wholly of one form of ``context``, in the catalog's language. A clause
        that begins a sentence has a capital letter, which its form need not have."""
        small = text[:1].lower() + text[1:]
        for form, english, longest in self._texts.get(context, ()):
            # Hardly any form has its words in the text: to look for them costs little.
            if not (longest in small and self._may_be(english, small)) and not (
                longest in text and self._may_be(english, text)
            ):
                continue
            pattern = self._pattern_of(context, english)
            found = pattern.fullmatch(text)
            if found is not None:
                return self._fill(form, found.groupdict())
            found = pattern.fullmatch(small)
            if found is not None:
                return self._capital(self._fill(form, found.groupdict()))
        return None

    def _fill(self, form: CatalogForm, fields: dict[str, str]) -> str:
        which = 0
        if form.counts:
            which = self.catalog.plural(category(fields["n"], self.catalog))
        words = {name: self._field(name, text) for name, text in fields.items()}
        return FIELD.sub(lambda found: words[found[1]], form.said[which])

    def _field(self, name: str, text: str) -> str:
        kind = name.rstrip("0123456789")
        if kind in PATTERNS:
            return term(kind, text, self.catalog)
        said = self._part(kind, text)
        return text if said is None else said

    def _capital(self, said: str) -> str:
        first = "İ" if self.catalog.language == "tr" and said[0] == "i" else said[0].upper()
        return first + said[1:]

    def _may_be(self, english: str, text: str) -> bool:
        """Whether ``text`` has all words of the form, and some part for each of its fields."""
        pieces, kinds = self._split(english)
        return all(piece in text for piece in pieces) and all(
            any(
                longest in text and self._may_be(part, text)
                for _, part, longest in self._texts[kind]
            )
            for kind in kinds
        )

    def _own_words(self, english: str) -> tuple[bool, int]:
        """How special a form is: what holds a name is less so than what does not, and then what has
        fewer words of its own, those of its parts included."""
        free, letters = False, sum(map(len, self._split(english)[0]))
        for field in FIELD.findall(english):
            kind = field.rstrip("0123456789")
            if kind in PATTERNS:
                free = free or kind in FREE
            else:
                parts = [self._own_words(t) for f in self.catalog.forms[kind] for t in f.english]
                free = free or not all(one[0] for one in parts)
                letters += min(one[1] for one in parts)
        return not free, letters

    def _pattern_of(self, context: str, english: str) -> re.Pattern[str]:
        key = (context, english)
        if key not in self._compiled:
            self._compiled[key] = re.compile(self._pattern(english, named=True))
        return self._compiled[key]

    def _pattern(self, english: str, *, named: bool) -> str:
        *pieces, last = FIELD.split(english)
        found = []
        for words, field in zip(pieces[::2], pieces[1::2], strict=True):
            name = f"?P<{field}>" if named else "?:"
            found.append(f"{re.escape(words)}({name}{self._of(field)})")
        return "".join((*found, re.escape(last)))

    def _of(self, name: str) -> str:
        """The pattern of a field."""
        kind = name.rstrip("0123456789")
        if kind in PATTERNS:
            return PATTERNS[kind]
        if kind not in self._parts:
            texts = [text for form in self.catalog.forms[kind] for text in form.english]
            texts.sort(key=len, reverse=True)
            self._parts[kind] = "|".join(self._pattern(text, named=False) for text in texts)
        return self._parts[kind]


def _split(english: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of a form between its fields, and the kinds of its parts of sentences."""
    words = FIELD.split(english)
    kinds = (name.rstrip("0123456789") for name in words[1::2])
    return tuple(filter(None, words[::2])), tuple(kind for kind in kinds if kind not in PATTERNS)
