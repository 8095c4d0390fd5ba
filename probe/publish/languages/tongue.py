"""One language as pages use it: what is said in it, and which way its lines run."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct

from probe.publish.languages.offered import ENGLISH, OFFERED

if TYPE_CHECKING:
    from probe.publish.languages.sentence_reader import SentenceReader


class Tongue(Struct, frozen=True):
    """A language that text is shown in. ``code`` is one of ``OFFERED``."""

    code: str = ENGLISH

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``, as HTML has it."""
        return "rtl" if OFFERED[self.code].right_to_left else "ltr"

    @property
    def name(self) -> str:
        """What the language calls itself."""
        return OFFERED[self.code].name

    def plain(self, text: str) -> str:
        """English ``text`` in this language, as mere text; what has no form that is known stays
        English."""
        said = self._read(text)
        return text if said is None else said

    def said(self, text: str) -> str:
        """The same for a page: what stays English is marked as that, so that it runs from left to
        right and is read out rightly."""
        said = self._read(text)
        if said is None:
            return Markup('<span lang="en" dir="ltr">{}</span>').format(text)
        return said

    def _read(self, text: str) -> str | None:
        return text if self.code == ENGLISH else _reader(self.code).said(str(text))


ENGLISH_TONGUE = Tongue()


@cache
def _reader(code: str) -> SentenceReader:
    # Babel and a catalog are some megabytes that nobody needs who reads English.
    from probe.publish.languages.catalog import catalog
    from probe.publish.languages.sentence_reader import SentenceReader

    return SentenceReader(catalog(code))
