"""Fills the templates of the public page, in one language. Pure.

Each page has a file for each language beside it: ``index.html`` in the own, ``index.ur.html`` in
Urdu. A folder for a language would be in the way of one for a country: ``tr`` is both.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from msgspec import Struct

from probe.hub.site_parts import IncidentPage
from probe.hub.strips import WORDS
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.picture.card import HEIGHT, WIDTH
from probe.publish.report.times import TimeWriter
from probe.publish.templates import style, templates

if TYPE_CHECKING:
    from probe.hub.site import PublicSite
    from probe.hub.site_pictures import SaysCard, SitePictures

_PAGE = "index.html"


class SharedLink(Struct, frozen=True, kw_only=True):
    """What sites show of a page where a link to it is shared (the Open Graph protocol); ``text``
    may be empty."""

    title: str
    text: str
    address: str
    picture: str | None


class PageWriter:
    """Writes the pages of ``site`` in ``tongue``, which name its ``pictures``."""

    def __init__(
        self, site: PublicSite, tongue: Tongue, pictures: SitePictures | None = None
    ) -> None:
        self._site, self._tongue, self._pictures = site, tongue, pictures
        self._files = {code: file_of(code, site.language) for code in OFFERED}
        css = style("report.css", "site.css")
        digest = b64encode(sha256(css.encode()).digest()).decode()
        self._common = {
            "css": Markup(css),  # noqa: S704 - our own file
            "policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
            f"style-src 'sha256-{digest}'",
            "site": site,
            "made_at": TimeWriter().moment(site.made_at),
            "legend": [*((s, w) for s, w in WORDS.items())],
            "files": self._files,
            "here": self.place,
            "country_name": self.country,
            "heading": self.heading,
            "moment": said_time,
            "picture_size": (WIDTH, HEIGHT),
        }

    def page(self, template: str, **more: Any) -> bytes:
        """One page."""
        whole = templates(self._tongue).get_template(template).render(**self._common, **more)
        return whole.encode()

    def share(self, path: str, title: str, card: SaysCard, text: str = "") -> SharedLink | None:
        """What the page at ``path`` says to who shows a link to it; ``None``: nobody said where
        the site will be, and whole addresses are needed."""
        home = self._site.home
        if not home:
            return None
        beside = None if self._pictures is None else self._pictures.beside(self.language, card)
        return SharedLink(
            title=title,
            text=self.said(text),
            address=home + self.place(path),
            picture=None if beside is None else home + path.removesuffix(_PAGE) + beside,
        )

    @property
    def language(self) -> str:
        """The code of its language."""
        return self._tongue.code

    def said(self, text: str) -> str:
        """English ``text`` in its language, as mere text."""
        return self._tongue.plain(text)

    def place(self, path: str) -> str:
        """Where the page at ``path`` is in this language."""
        return path.removesuffix(_PAGE) + self._files[self._tongue.code]

    def country(self, code: str) -> str:
        """What the language calls it."""
        if self._tongue.code == ENGLISH:
            return self._site.names.country(code)
        return self._tongue.plain(code)

    def heading(self, one: IncidentPage) -> str:
        """The title of an incident's page, with its country."""
        what = one.title.removeprefix(f"{self._site.names.country(one.country)}: ")
        return f"{self.country(one.country)}: {self._tongue.plain(what)}"


def said_time(text: str) -> str:
    """``2026-01-20 13:40 UTC`` of an RFC 3339 time."""
    return f"{text[:10]} {text[11:16]} UTC"


def file_of(code: str, own: str) -> str:
    """What a page is called in a language, beside those in the others."""
    return _PAGE if code == own else f"index.{code}.html"
