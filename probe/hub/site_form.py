"""What all pages rest on beside what they say: if it is another one, each is made anew."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import babel
from msgspec import Struct

if TYPE_CHECKING:
    from probe.hub.site import PublicSite
    from probe.publish.picture.drawn_card import Pencil

MADE_FILE = "made.json"
_PROBE = Path(__file__).parents[1]
# A version is not enough: whoever follows the repository has many trees of one.
_SOURCES = (
    "hub",
    "publish/templates",
    "publish/languages",
    "publish/report",
    "publish/picture",
    "locales",
)


class MadeDocument(Struct, frozen=True, kw_only=True):
    """``made.json``: by which version, and a digest of what all pages rest on. It is written after
    all pages, so that one who is interrupted begins again."""

    by: str
    form: str


def made_of(site: PublicSite, pencil: Pencil | None) -> MadeDocument:
    """That of a site; ``pencil``: what draws its pictures, if anything does."""
    drawing = "" if pencil is None else pencil.form
    said = "\0".join((_program(), site.version, site.name, site.home, site.language, drawing))
    return MadeDocument(
        by=f"throttlewatch {site.version}", form=sha256(said.encode()).hexdigest()[:32]
    )


@cache
def _program() -> str:
    """A digest of what writes pages: our files, and the library that writes numbers and dates."""
    digest = sha256(babel.__version__.encode())
    for folder in _SOURCES:
        for file in sorted((_PROBE / folder).rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.read_bytes())
    return digest.hexdigest()
