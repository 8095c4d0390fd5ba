"""Badges: how it is with a platform in a country, as a small drawing that any page can show with
``<img>``. No scripts, nothing from elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from probe.hub.page_writer import said_time
from probe.publish.picture.card import state_colour
from probe.publish.templates import templates

if TYPE_CHECKING:
    from probe.hub.site import PlatformNow

FOLDER = "badge"
# Letters have many widths: room for the wider ones, and the text is centred.
_LETTER = 6.9
_PADDING = 10.0


def badges(now: Iterable[PlatformNow], countries: Mapping[str, str]) -> dict[str, bytes]:
    """Each badge by its path: one for each platform in each country, which says what the page says
    of it. ``countries``: how they are called."""
    found = {}
    for one in now:
        name = f"{one.country.lower()}-{one.platform or 'all'}"
        left = _plain(f"{one.title}, {countries.get(one.country, one.country)}")
        right = f"{one.words} ({said_time(one.as_of)})"
        widths = [_PADDING + _LETTER * len(text) for text in (left, right)]
        text = (
            templates()
            .get_template("badge.svg.j2")
            .render(
                left=left,
                right=right,
                widths=[round(width, 1) for width in widths],
                colour=state_colour(one.state),
                sentence=_plain(one.sentence),
            )
        )
        found[f"{FOLDER}/{name}.svg"] = text.encode()
    return found


def _plain(text: str) -> str:
    """Without what XML cannot have: a title is the operator's."""
    return "".join(letter for letter in text if letter.isprintable())
