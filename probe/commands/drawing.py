"""Pictures for sharing, as commands make them: what is missing for it becomes a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.publish.languages.offered import OFFERED

if TYPE_CHECKING:
    from probe.publish.picture.card import PictureCard
    from probe.publish.picture.drawn_card import Pencil

NO_LETTERS = "what their letters need is not installed here (docs/hub.md)"


class NoPencilError(Exception):
    """Nothing here draws; the text says why, for a person."""


def pencil_of(fonts: Path | None = None) -> Pencil:
    """With the fonts in that folder, and those of the system. Raises ``NoPencilError``."""
    try:
        from probe.publish.picture.drawn_card import Pencil
    except ImportError as error:
        raise NoPencilError(
            "they are drawn by Pillow, which is not installed here: install the extra `hub` "
            "(docs/install.md)"
        ) from error
    from probe.publish.picture.faces import font_folders

    return Pencil(((fonts,) if fonts is not None else ()) + font_folders())


def drawn(card: PictureCard) -> bytes:
    """A PNG. Raises ``click.ClickException``."""
    try:
        pencil = pencil_of()
    except NoPencilError as error:
        raise click.ClickException(f"no pictures for sharing: {error}") from error
    if card.language not in pencil.languages():
        name = OFFERED[card.language].name
        raise click.ClickException(f"no pictures for sharing in {name}: {NO_LETTERS}")
    png = pencil.drawn(card, "")
    if png is None:
        raise click.ClickException(
            "no picture for sharing: a text of it is too long, or has letters that no font here has"
        )
    return png
